"""Offset, confidence and p-value of rows that move together, against numpy and by simulation."""

import numpy as np
import pytest

from speechlip.lipsync.correlation import (
    correlations,
    mouth_sync,
    p_value,
    per_frame,
    shifted,
    surrogates,
)
from speechlip.metrics.declared import NotScored


def moving(frames, columns=4, seed=0):
    """Rows that change as slowly as mouths do."""
    noise = np.random.default_rng(seed).normal(size=(frames + 4, columns))
    return sum(noise[shift : shift + frames] for shift in range(5)) / 5


@pytest.mark.parametrize("late", [-14, -3, 0, 1, 9])
@pytest.mark.parametrize("start", [0, 20])
def test_a_mouth_that_moves_after_the_audio_has_early_audio(late, start):
    expected = moving(200)
    rows = np.arange(120) + start - late
    measured = np.where((rows >= 0)[:, None], expected[np.maximum(rows, 0)], 0)
    sync = mouth_sync(expected, measured, start)
    assert sync.offset_frames == late and sync.correlation > 0.95 and sync.p < 0.01
    assert sync.frames == 120 and sync.curve.argmax() == 15 + late
    assert abs(sync.per_frame.mean() - sync.correlation) < 0.15


def test_the_correlation_is_numpys_mean_over_columns():
    expected, measured = moving(90), moving(80, seed=1)
    curve = correlations(expected, measured, start=5)
    for offset in (-15, 0, 7):
        pairs = [(t, t + 5 - offset) for t in range(80) if 0 <= t + 5 - offset < 90]
        seen, heard = (measured[[t for t, _ in pairs]], expected[[t for _, t in pairs]])
        by_hand = np.mean([np.corrcoef(seen[:, k], heard[:, k])[0, 1] for k in range(4)])
        assert curve[15 + offset] == pytest.approx(by_hand)


def test_confidence_is_the_step_down_to_the_next_peak():
    sync = mouth_sync(moving(200), np.roll(moving(200), 4, axis=0))
    far = [value for offset, value in zip(range(-15, 16), sync.curve, strict=True) if abs(offset - 4) > 3]
    assert sync.confidence == pytest.approx(sync.curve.max() - max(far))


@pytest.mark.parametrize("frames", [50, 100])
def test_audio_that_does_not_belong_is_as_often_below_a_tenth_as_p_says(frames):
    found = [p_of(moving(frames, seed=seed), moving(frames, seed=1000 + seed)) for seed in range(60)]
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.12)  # three deviations
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)


def test_audio_that_belongs_is_told_in_four_seconds():
    found = [p_of(moving(100, seed=seed), both(100, seed)) for seed in range(20)]
    assert np.mean(np.array(found) <= 0.05) > 0.9


def both(frames, seed):
    return moving(frames, seed=seed) + moving(frames, seed=1000 + seed)


def p_of(expected, measured):
    return p_value(correlations(expected, measured).max(), expected, measured)


def test_surrogates_have_the_spectrum_of_what_they_stand_for_and_keep_columns_together():
    rows = moving(61)
    rows[:, 1] = rows[:, 0]
    rows -= rows.mean(axis=0)
    (part,) = surrogates(rows)
    assert part.shape == (61, 199, 4) and np.allclose(part[:, :, 0], part[:, :, 1])
    power = np.abs(np.fft.rfft(rows, axis=0))
    assert np.allclose(np.abs(np.fft.rfft(part, axis=0)), power[:, None], atol=1e-6)
    assert np.abs(np.mean([np.corrcoef(one, rows[:, 0])[0, 1] for one in part[:, :, 0].T])) < 0.05


def test_long_audio_comes_in_parts_that_are_small():
    parts = [part.shape for part in surrogates(moving(5000))]
    assert sum(surrogate for _, surrogate, _ in parts) == 199 and max(map(np.prod, parts)) <= 500_000


def test_rows_beyond_the_audio_are_zeros():
    assert shifted(np.ones((3, 1)), 2, 4).ravel().tolist() == [1, 0, 0, 0]
    assert shifted(np.ones((3, 1)), 9, 2).ravel().tolist() == [0, 0]
    assert per_frame(np.ones((60, 1)), np.ones((60, 1))).tolist() == [0.0] * 60


def test_a_second_is_too_short():
    with pytest.raises(NotScored, match="too short: 25 frames of a mouth, 50 are needed"):
        mouth_sync(moving(25), moving(25))


def test_p_searches_where_the_audio_was_searched():
    """Of audio that is longer than the mouth, and begins before it, the part around the mouth counts."""
    expected, measured = moving(400), moving(400)[100:200]
    silent = np.zeros_like(expected)
    silent[80:220] = expected[80:220]
    assert p_value(0.3, expected, measured, 100) == p_value(0.3, silent, measured, 100)
    assert mouth_sync(expected, measured, 100).p == 0.005
