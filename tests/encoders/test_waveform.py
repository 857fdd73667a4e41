"""What an encoder gives is held against what it declares; long sound goes through in pieces as it would at
once.
"""

import numpy as np
import pytest
import torch

from speechlip.encoders.features.controls import LogSpectra
from speechlip.encoders.features.protocol import FeatureClock
from speechlip.encoders.features.waveform import FromWaveform, pieces
from speechlip.errors import ModelError, ShardError
from speechlip.shards.read.decode import ClipSample

CLIP_META = {"n_frames": 30, "speaker": "anna"}


class Means:
    """The mean of every 320 samples, twice; ``spoil`` changes what comes out."""

    name, dim = "means", 2

    def __init__(self, rate_hz=50, spoil=lambda features: features):
        self.clock, self.spoil, self.longest_s = FeatureClock(rate_hz, 10, 10, 10), spoil, 0.0

    def encode(self, waveform):
        self.longest_s = max(self.longest_s, waveform.shape[1] / 16000)
        assert (
            torch.is_inference_mode_enabled()
            and waveform.dtype == torch.float32
            and waveform.abs().max() <= 1
        )
        steps = waveform[:, : waveform.shape[1] // 320 * 320].unflatten(1, (-1, 320)).mean(2)
        return self.spoil(torch.stack([steps, steps], dim=2))


def clip(audio):
    return ClipSample("anna-0", CLIP_META, audio=audio)


def test_samples_are_scaled_to_one_and_features_come_as_they_are():
    audio = np.repeat(np.int16([16384, -32768, 0]), 320)
    assert FromWaveform(Means()).encode_waveform(audio).tolist() == [[0.5, 0.5], [-1, -1], [0, 0]]
    assert FromWaveform(Means()).of_clip(clip(audio)).dtype == np.float32


@pytest.mark.parametrize("seconds", [1, 24.96, 25, 25.04, 30.02, 44.96, 45, 45.04, 61.7])
def test_pieces_keep_every_sample_once_and_stay_under_thirty_seconds(seconds):
    n = round(seconds * 16000)
    cut = list(pieces(n))
    assert np.array_equal(np.concatenate([np.arange(first, last) for _, _, first, last in cut]), np.arange(n))
    for start, stop, first, last in cut:
        assert (
            0 <= start <= first < last <= stop <= n
            and stop - start <= 30 * 16000
            and start % 16000 == first % 16000 == 0
        )
        assert first - start == (5 * 16000 if first else 0) and (
            stop - last >= 5 * 16000 or last == n or stop == n
        )


@pytest.mark.parametrize("seconds", [26, 45.02, 50])
def test_long_sound_in_pieces_is_what_it_is_at_once(seconds):
    audio = np.random.default_rng(0).normal(0, 3000, round(seconds * 16000)).astype(np.int16)
    encoder = Means()
    features = FromWaveform(encoder).encode_waveform(audio)
    with torch.inference_mode():
        np.testing.assert_array_equal(
            features, encoder.encode(torch.from_numpy(audio / np.float32(32768))[None])[0]
        )
        spectra = LogSpectra(mel=True)
        at_once = spectra.encode(torch.from_numpy(audio / np.float32(32768))[None])[0]
    np.testing.assert_allclose(FromWaveform(spectra).encode_waveform(audio), at_once, atol=1e-4)
    fresh = Means()
    FromWaveform(fresh).encode_waveform(audio)
    assert fresh.longest_s <= 30


def test_a_rate_that_is_no_whole_number_goes_through_at_once():
    encoder = Means(rate_hz=49.999)
    assert len(FromWaveform(encoder).encode_waveform(np.zeros(40 * 16000, np.int16))) == 2000
    assert encoder.longest_s == 40


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda f: f[..., :1], ModelError, r"gave \(1, 60, 1\), wanted \(1, T, 2\)"),
        (lambda f: f[0], ModelError, r"gave \(60, 2\), wanted \(1, T, 2\)"),
        (lambda f: f.numpy(), ModelError, "gave ndarray, wanted"),
        (
            lambda f: f[:, ::2],
            ModelError,
            "gave 30 features for 1.20 s, wanted 60 at the 50 Hz that it declares",
        ),
        (lambda f: f.repeat(1, 2, 1), ModelError, "gave 120 features for 1.20 s, wanted 60"),
        (
            lambda f: f.clone().index_fill_(1, torch.tensor([3, 7]), float("nan")),
            ShardError,
            "clip anna-0: 2 of 60 features of 'means' are not",
        ),
        (lambda f: f / 0, ShardError, "60 of 60 features"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_came(spoil, error, words):
    with pytest.raises(error, match=words):
        FromWaveform(Means(spoil=spoil)).of_clip(clip(np.full(640 * 30, 99, np.int16)))


@pytest.mark.parametrize("lost", [-2, 3])
def test_two_frames_more_or_less_are_let_through(lost):
    features = FromWaveform(Means(spoil=lambda f: torch.nn.functional.pad(f, (0, 0, 0, -lost))))
    assert len(features.of_clip(clip(np.zeros(640 * 30, np.int16)))) == 60 - lost


def test_no_sound_and_very_little_sound():
    with pytest.raises(ShardError, match="read the field 'audio'"):
        FromWaveform(Means()).of_clip(clip(None))
    with pytest.raises(ShardError, match="no sound"):
        FromWaveform(Means()).encode_waveform(np.zeros(0, np.int16))
    assert FromWaveform(LogSpectra(mel=False)).encode_waveform(np.zeros(10, np.int16)).shape == (5, 257)


def test_a_torch_module_is_moved_set_to_eval_and_counted():
    class Module(Means, torch.nn.Module):
        def __init__(self):
            torch.nn.Module.__init__(self)
            Means.__init__(self)
            self.layer = torch.nn.Linear(3, 4)

    module = Module()
    features = FromWaveform(module, "meta")
    assert features.parameters == 16 and not module.training and module.layer.weight.is_meta
    assert FromWaveform(Means()).parameters is None and FromWaveform(Means()).weights == ""
