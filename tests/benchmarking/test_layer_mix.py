"""A mix of layers learns which one tells of the lips, is that layer alone where it can be, and is shown."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_benchmark import FEW, OPTIONS, benchmark

from encoders.tiny_models import LAYERS, WIDTH, tiny_transformer
from speechlip.benchmarking.projection.feature_cache import build_cache
from speechlip.benchmarking.projection.fit import new_pair, steps
from speechlip.benchmarking.projection.layer_mix import mixed, mixed_clips
from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.report.table import as_text, csv_row
from speechlip.commands.cli import speechlip
from speechlip.encoders.features import pretrained
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.errors import ShardError

pytestmark = pytest.mark.usefixtures("tiny")
STACK = LAYERS + 1


def unlike_layers():
    """Random weights, larger than usual: with small ones each layer is almost the one before."""
    model = tiny_transformer()
    with torch.no_grad():
        for weights in model.encoder.transformer.layers.parameters():
            weights.mul_(12 if weights.ndim > 1 else 1)
    return model


@pytest.fixture(scope="module")
def tiny_hubert():
    with pytest.MonkeyPatch.context() as patch:
        entry = pretrained.Pretrained("hubert", unlike_layers, False, LAYERS)
        patch.setitem(pretrained.PRETRAINED, "hubert", entry)
        yield


@pytest.fixture(scope="module")
def cache(shards, tiny_hubert, tmp_path_factory):
    features = open_encoder("random:hubert@*", mix=True)
    return build_cache(tmp_path_factory.mktemp("layers"), features, shards, ("train",))


def batches_of(cache, layer, n_steps, size=16):
    """Lips whose 48 patches are a random linear function of one layer's features of the same frame."""
    draw = np.random.default_rng(layer)
    told = draw.normal(size=(2 * WIDTH, 48)) / np.sqrt(2 * WIDTH)
    keys = sorted(key for key in cache.places if key.startswith(("anna", "ben", "chen", "dan")))
    for _ in range(n_steps):
        chosen = [(str(draw.choice(keys)), int(draw.integers(0, 45))) for _ in range(size)]
        windows = np.stack([cache.frames(key, start, 5) for key, start in chosen])
        of_layer = windows.reshape(size, 5, 2, STACK, WIDTH)[:, :, :, layer].reshape(size, 5, -1)
        patches = np.clip(128 + 40 * of_layer @ told, 0, 255).astype(np.uint8).reshape(size, 5, 4, 4, 3)
        starts = torch.tensor([start for _, start in chosen])
        yield {
            "lips": torch.from_numpy(patches.repeat(24, axis=2).repeat(24, axis=3)),
            "label": torch.ones(size),
            "keys": [(key, key) for key, _ in chosen],
            "lips_start": starts,
            "speech_start": starts,
        }


@pytest.mark.parametrize("layer", [0, 1])
def test_the_weights_concentrate_on_the_layer_that_tells_of_the_lips(cache, layer):
    options, pair = replace(OPTIONS, steps=70, lr=3e-3), new_pair(cache, seed=0)
    assert pair.mix.weights() == pytest.approx([1 / STACK] * STACK)
    for _ in steps(pair, batches_of(cache, layer, 70), cache, options, torch.device("cpu")):
        pass
    assert pair.mix.weights()[layer] > 0.7 and sum(pair.mix.weights()) == pytest.approx(1)


def test_all_weight_on_a_layer_is_that_layer_alone(cache, shards, tmp_path):
    alone = build_cache(tmp_path, open_encoder("random:hubert@2"), shards, ("train",))
    only = torch.tensor([0.0, 0.0, 1.0, 0.0])
    frames = torch.from_numpy(cache.frames("ben-0", 3, 20))
    wanted = alone.frames("ben-0", 3, 20)
    np.testing.assert_allclose(mixed(frames, only, cache.per_frame), wanted, atol=0.02)
    row = mixed_clips(cache, only.tolist())("ben-0")[7]
    np.testing.assert_allclose(row, wanted[4], atol=0.02)
    assert cache.raw("ben-0").dtype == np.float16 and isinstance(cache.raw("ben-0"), np.memmap)
    assert (alone.stack, alone.per_frame, alone.raw("ben-0").dtype) == (1, 2, np.float32)


def test_values_that_half_precision_cannot_hold_are_refused(shards, tmp_path):
    features = open_encoder("random:hubert@*", mix=True)
    encode = features.encoder.encode
    features.encoder.encode = lambda waveform: 1e6 * encode(waveform)
    with pytest.raises(ShardError, match=r"a layer has values up to .*score single layers, such as NAME@9"):
        build_cache(tmp_path, features, shards, ("train",))


@pytest.fixture(scope="module")
def scored(shards, tiny, tiny_hubert, tmp_path_factory):
    out = tmp_path_factory.mktemp("mix") / "out"
    return out, benchmark(shards, out, "random:hubert@*", options=replace(FEW, seeds=2, noise="5"))[0]


def test_a_row_tells_the_weights_of_its_layers(scored):
    out, found = scored
    row, plain = found.rows
    assert row.status == "scored" and (row.dim, row.frame_dim) == (WIDTH, 2 * WIDTH)
    assert [len(seed.mix) for seed in row.seeds] == [STACK, STACK] and plain.mix == ()
    assert row.mix == pytest.approx(np.mean([seed.mix for seed in row.seeds], axis=0))
    assert Benchmark.load(out / "benchmark.json") == found and row.noise[0].scores["pair_auc"].value
    said = next(line for line in as_text(found).splitlines() if "most weight on layers" in line)
    assert said.startswith("random:hubert@*: ") and said.endswith(f"of {np.log2(STACK):.2f} bits")
    cells = csv_row(row)
    assert [float(weight) for weight in cells["mix"].split()] == pytest.approx(row.mix, abs=1e-6)
    assert cells["mix_entropy_bits"] == pytest.approx(-sum(w * np.log2(w) for w in row.mix))
    assert csv_row(plain)["mix"] is None and not list(out.rglob("*.npy"))


def test_the_page_draws_the_weights(scored, browser):
    shown = browser.open(scored[0] / "benchmark.html")
    section = shown.html.partition('id="mixes"')[2].partition("</section>")[0]
    assert shown.console == () and section.count("<rect") == STACK and "layer" in section


def test_what_has_no_layers_ends_before_anything_is_trained(shards, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        speechlip(["score-encoder", str(shards), "--encoder", "log-mel@*", "-o", str(tmp_path)])
    assert ended.value.code == 1 and "has no layers to mix; these have: hubert," in capsys.readouterr().err
