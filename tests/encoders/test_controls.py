"""Controls know what they should: spectra what the formula gives, lips their points, shuffled features
nothing of the clip.
"""

import numpy as np
import pytest
import torch
import torchaudio

from speechlip.encoders.features.catalogue import open_encoder
from speechlip.errors import ShardError
from speechlip.shards.read.decode import ClipSample
from speechlip.shards.sample_meta import SampleMeta


def clip(key, speaker="anna", n_frames=30, **fields):
    return ClipSample(
        key, SampleMeta(n_frames=n_frames, speaker=speaker, source_sha256="", start_s=0.0), **fields
    )


def noise(seed, n_frames=30):
    return np.random.default_rng(seed).normal(0, 3000, 640 * n_frames).astype(np.int16)


def test_log_spectra_are_a_hann_windowed_fourier_transform_at_their_centres():
    audio = noise(0)
    rows = open_encoder("log-stft").encode_waveform(audio)
    x, window = audio / 32768, 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    for column in (2, 57, 140):
        centre = 128 * column + 64
        magnitude = np.abs(np.fft.rfft(window * x[centre - 256 : centre + 256]))
        np.testing.assert_allclose(rows[column], np.log(magnitude.clip(1e-5)), atol=1e-3)


def test_log_mel_is_torchaudio_s_mel_of_the_same_magnitude():
    audio = noise(0)
    magnitude = np.exp(open_encoder("log-stft").encode_waveform(audio))
    scale = torchaudio.transforms.MelScale(80, 16000, 0, 8000, 257, mel_scale="slaney")
    wanted = scale(torch.from_numpy(magnitude.T)).T.clamp(min=1e-5).log().numpy()
    np.testing.assert_allclose(open_encoder("log-mel").encode_waveform(audio), wanted, atol=1e-3)


def test_silence_is_finite():
    assert np.isfinite(open_encoder("log-mel").encode_waveform(np.zeros(6400, np.int16))).all()


def test_lips_are_the_mouth_points_about_their_mean_wherever_the_mouth_is():
    points = np.random.default_rng(0).uniform(0, 96, (30, 20, 2)).astype(np.float32)
    lips = open_encoder("lips")
    rows = lips.of_clip(clip("a", landmarks=points))
    np.testing.assert_allclose(
        rows, lips.of_clip(clip("a", landmarks=points + np.float32([3, -8]))), atol=1e-6
    )
    assert rows.shape == (30, 40)
    np.testing.assert_allclose(rows[4].reshape(20, 2) * 96, points[4] - points[4].mean(0), atol=1e-4)
    with pytest.raises(ShardError, match="read the field 'landmarks'"):
        lips.of_clip(clip("a"))
    points[7] = np.nan
    with pytest.raises(ShardError, match="1 of 30 features of 'lips of a' are not finite"):
        lips.of_clip(clip("a", landmarks=points))


CLIPS = [
    clip(f"{speaker}-{n}", speaker, 26 + 3 * n, audio=noise(10 * n + len(speaker), 26 + 3 * n))
    for speaker in ("anna", "bo")
    for n in range(6)
]


def first_row(given, rows):
    """Where in ``rows``, taken round and round, ``given`` begins; None where it is not from there."""
    turns = (first for first in range(len(rows)) if np.array_equal(given[0], rows[first]))
    return next(
        (
            first
            for first in turns
            if np.array_equal(given, np.take(rows, range(first, first + len(given)), axis=0, mode="wrap"))
        ),
        None,
    )


def test_shuffled_features_are_another_clip_s_from_the_second_on_and_another_speaker_s_where_one_was_read():
    base, shuffled = open_encoder("log-mel"), open_encoder("shuffled:log-mel")
    assert (shuffled.name, shuffled.dim, shuffled.clock, shuffled.fields) == (
        "shuffled:log-mel",
        base.dim,
        base.clock,
        base.fields,
    )
    assert base.parameters == shuffled.parameters == open_encoder("log-stft").parameters == 0
    own = {c.key: base.of_clip(c) for c in CLIPS}
    donors, begins = {}, set()
    for c in CLIPS:
        given = shuffled.of_clip(c)
        assert given.shape == own[c.key].shape
        firsts = {key: first_row(given, rows) for key, rows in own.items()}
        donors[c.key] = [key for key, first in firsts.items() if first is not None]
        begins.update(first for first in firsts.values() if first is not None)
    assert donors.pop("anna-0") == []
    assert first_row(open_encoder("shuffled:log-mel").of_clip(CLIPS[0]), own["anna-0"][::-1]) is not None
    assert len(begins) > 6, "clips that all begin where others begin share their silence"
    assert all(len(found) == 1 and found != [key] for key, found in donors.items())
    assert all(donors[f"bo-{n}"][0].startswith("anna") for n in range(6))
    assert len({donors[f"bo-{n}"][0] for n in range(6)}) > 1


def test_shuffled_features_are_the_same_every_time_and_too_short_ones_start_again():
    one, other = open_encoder("shuffled:log-mel"), open_encoder("shuffled:log-mel")
    for c in CLIPS:
        np.testing.assert_array_equal(one.of_clip(c), other.of_clip(c))
    short, long = clip("s", "s", 26, audio=noise(1, 26)), clip("l", "l", 60, audio=noise(2, 60))
    shuffled = open_encoder("shuffled:log-mel")
    shuffled.of_clip(short)
    rows = shuffled.of_clip(long)
    assert first_row(rows, open_encoder("log-mel").of_clip(short)) is not None
    np.testing.assert_array_equal(rows[130:260], rows[:130])


def test_shuffled_holds_a_bounded_number_of_clips():
    shuffled = open_encoder("shuffled:log-mel")
    for n in range(60):
        shuffled.of_clip(clip(str(n), f"speaker {n % 20}", audio=noise(n)))
    assert sum(len(clips) for clips in shuffled._held.values()) <= 32
