"""Every encoder is where its clock says: a click in noise, and which features answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from encoders.tiny_models import save_tiny_whisper, tiny_transformer
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.features.pretrained import PRETRAINED
from speechlip.encoders.features.protocol import per_frame

N_FRAMES = 14
NOISE = np.random.default_rng(7).normal(0, 100, 640 * N_FRAMES).round().astype(np.int16)
CLICKS = range(640 * 7, 640 * 8, 53)
"""Samples of the clicks: frame 7 in steps that meet every place in a feature's step."""


def answers(features, clicks=CLICKS) -> dict[int, np.ndarray]:
    """Click → (T,) how much each feature changes when that sample of noise becomes a click."""
    quiet = features.encode_waveform(NOISE)
    found = {}
    for click in clicks:
        sound = NOISE.copy()
        sound[click] = 3000
        found[click] = np.abs(features.encode_waveform(sound) - quiet).sum(1)
    return found


def measured_centre_ms(features, clicks=CLICKS) -> float:
    """The clock's centre as the clicks find it: the middle of the answer (above a fifth of its greatest)
    lies, on average, on the click.
    """
    found = []
    for click, answer in answers(features, clicks).items():
        answer = np.where(answer > answer.max() / 5, answer, 0)
        middle = (np.arange(len(answer)) * answer).sum() / answer.sum()
        found.append((click + 0.5) / 16 - middle * 1000 / features.clock.rate_hz)
    return float(np.mean(found))


def heard_ms(features, clicks=CLICKS) -> tuple[float, float]:
    """(past, future): how far before and after a feature's centre clicks still change it, at most, over all
    the clicks.
    """
    past, future = [], []
    for click, answer in answers(features, clicks).items():
        where = np.flatnonzero(answer) * 1000 / features.clock.rate_hz + features.clock.centre_ms
        past.append(where[-1] - click / 16)
        future.append((click + 1) / 16 - where[0])
    return max(past), max(future)


@pytest.fixture
def tiny(monkeypatch):
    for name, entry in PRETRAINED.items():
        kind = ("layer_norm", True) if entry.scaled else ("group_norm", False)
        monkeypatch.setitem(PRETRAINED, name, replace(entry, build=lambda kind=kind: tiny_transformer(*kind)))


@pytest.mark.parametrize("name", ["hubert", "hubert-large"])
def test_transformers_are_centred_where_they_say(tiny, name):
    features = open_encoder(f"random:{name}@0")
    assert measured_centre_ms(features) == pytest.approx(
        features.clock.centre_ms, abs=2.5
    )  # an eighth of its 20 ms


def test_whisper_is_centred_where_it_says(tmp_path):
    pytest.importorskip("transformers")
    save_tiny_whisper(tmp_path)
    features = open_encoder(f"whisper@0:{tmp_path}")
    assert features.clock.centre_ms == 0
    assert measured_centre_ms(features, clicks=range(640 * 7, 640 * 8, 107)) == pytest.approx(
        0, abs=5
    )  # random kernels lean to a side


@pytest.mark.parametrize("name", ["log-stft", "log-mel"])
def test_spectra_are_centred_where_they_say_and_hear_what_they_say(name):
    features = open_encoder(name)
    assert measured_centre_ms(features) == pytest.approx(4, abs=1)
    past, future = heard_ms(features)
    assert 15 < past <= features.clock.past_ms + 1 / 16 and 15 < future <= features.clock.future_ms + 1 / 16


@pytest.mark.parametrize("network", ["mel-cnn", "mel-cnn-wav2lip"])
def test_windows_of_trained_networks_hear_what_they_say_on_both_sides_of_their_frame(network):
    features = open_encoder(f"random:{network}")
    past, future = heard_ms(features, clicks=range(640 * 7, 640 * 8, 71))
    clock = features.clock
    assert clock.rate_hz == 25 and clock.centre_ms == 20
    assert past <= clock.past_ms + 1 / 16 and future <= clock.future_ms + 1 / 16
    assert (
        past > clock.past_ms - 14 and future > clock.future_ms - 14
    )  # the edges of a Hann window hear next to nothing
    assert (past - future) / 2 == pytest.approx(
        0, abs=20
    )  # so that the middle lies within half a feature of the frame's


def test_on_the_video_s_frames_a_click_stands_in_its_own_frame():
    click = 640 * 7 + 320
    for name in ("log-stft", "log-mel"):
        features = open_encoder(name)
        quiet, loud = NOISE.copy(), NOISE.copy()
        loud[click] = 20000
        rows = [
            per_frame(features.encode_waveform(sound), features.clock, N_FRAMES) for sound in (quiet, loud)
        ]
        assert np.abs(rows[1] - rows[0]).sum(1).argmax() == 7
        assert rows[0].shape == (N_FRAMES, 5 * features.dim)
        np.testing.assert_array_equal(
            rows[0].reshape(5 * N_FRAMES, -1), features.encode_waveform(quiet)
        )  # no column is blurred


def test_the_front_ends_of_all_published_transformers_have_the_geometry_that_the_clock_follows_from():
    for entry in PRETRAINED.values():
        with torch.device("meta"):
            model = entry.build()
        field, step = 1, 1
        for layer in model.feature_extractor.conv_layers:
            field, step = field + (layer.kernel_size - 1) * step, step * layer.stride
        assert (field, step) == (400, 320)  # 25 ms every 20 ms: the first centre at 12.5 ms
