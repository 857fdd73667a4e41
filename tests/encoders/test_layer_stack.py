"""``NAME@*``: all layers side by side are the layers one by one, and what has none says so."""

import numpy as np
import pytest
import torch

from encoders.tiny_models import LAYERS, WIDTH, tiny_transformer
from speechlip.encoders.features import pretrained
from speechlip.encoders.features.catalogue import check_name, open_encoder
from speechlip.encoders.features.noise import Noisy
from speechlip.encoders.features.waveform import FromWaveform
from speechlip.errors import OptionError

SOUND = np.random.default_rng(2).normal(0, 3000, 16000).astype(np.int16)


@pytest.fixture
def tiny_hubert(monkeypatch):
    for name, shape in (("hubert", {}), ("hubert-large", {"norm": "layer_norm", "norm_first": True})):
        entry = pretrained.Pretrained(
            name, lambda shape=shape: tiny_transformer(**shape), bool(shape), LAYERS
        )
        monkeypatch.setitem(pretrained.PRETRAINED, name, entry)


@pytest.mark.parametrize("name", ["hubert", "hubert-large"])
def test_all_layers_are_the_layers_one_by_one(tiny_hubert, name):
    stack = open_encoder(f"random:{name}@*", mix=True)
    assert (stack.stack, stack.dim, stack.name) == (LAYERS + 1, (LAYERS + 1) * WIDTH, f"random:{name}@*")
    layers = stack.encode_waveform(SOUND).reshape(-1, LAYERS + 1, WIDTH)
    for layer in range(LAYERS + 1):
        alone = open_encoder(f"random:{name}@{layer}")
        np.testing.assert_allclose(layers[:, layer], alone.encode_waveform(SOUND), atol=1e-5)
    assert stack.parameters == alone.parameters and stack.clock == alone.clock
    assert open_encoder(f"{name}@*", random_init=True, mix=True).name == f"random:{name}@*"


class Layered:
    """Another package's encoder with two layers: the loudness of 40 ms, and twice that."""

    name, dim, layers, clock = "layered", 1, 1, pretrained.CLOCK

    def encode(self, waveform):
        return self.encode_layers(waveform)[:, :, -1]

    def encode_layers(self, waveform):
        loud = waveform.unflatten(1, (-1, 320)).square().mean(2)[..., None]
        return torch.stack([loud, 2 * loud], dim=2)


def test_another_package_s_encoder_may_have_layers():
    stack = open_encoder("test_layer_stack:Layered@*", mix=True)
    rows = stack.encode_waveform(SOUND)
    assert stack.stack == 2 and np.array_equal(rows[:, 1], 2 * rows[:, 0])
    assert Noisy(stack, 5.0).stack == open_encoder("shuffled:test_layer_stack:Layered@*", mix=True).stack == 2
    check_name("test_layer_stack:Layered@*", mix=True)


@pytest.mark.parametrize("name", ["log-mel@*", "lips@*", "shuffled:log-mel@*", "random:se4lip@*"])
def test_what_has_no_layers_says_which_have(name):
    for ask in (check_name, open_encoder):
        with pytest.raises(
            OptionError, match="has no layers to mix; these have: hubert, hubert-large, wav2ve"
        ):
            ask(name, mix=True)


def test_a_mix_is_refused_where_nothing_learns_one():
    for ask in (check_name, open_encoder):
        with pytest.raises(
            OptionError, match="learned by score-encoder; give one layer here, such as hubert@9"
        ):
            ask("hubert@*")


def test_a_stack_is_encoded_like_any_waveform(tiny_hubert):
    long = np.random.default_rng(1).normal(0, 3000, 26 * 16000).astype(np.int16)
    rows = open_encoder("random:hubert@*", mix=True)
    assert isinstance(rows, FromWaveform) and rows.encode_waveform(long).shape[1] == (LAYERS + 1) * WIDTH
