"""Offset, confidence and p-value of rows that move together, against numpy and by simulation."""

import numpy as np
import pytest

from speechlip.lipsync.correlation import circular, correlations, mouth_sync, p_value, per_frame, shifted
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


def test_circular_correlations_are_those_of_rolled_rows():
    expected, measured = moving(60), moving(60, seed=1)
    values = circular(expected, measured)
    for shift in (0, 13, 59):
        rolled = np.roll(expected, shift, axis=0)
        by_hand = np.mean([np.corrcoef(rolled[:, k], measured[:, k])[0, 1] for k in range(4)])
        assert values[shift] == pytest.approx(by_hand)


def test_confidence_is_the_step_down_to_the_next_peak():
    sync = mouth_sync(moving(200), np.roll(moving(200), 4, axis=0))
    far = [value for offset, value in zip(range(-15, 16), sync.curve, strict=True) if abs(offset - 4) > 3]
    assert sync.confidence == pytest.approx(sync.curve.max() - max(far))


def test_audio_that_does_not_belong_is_seldom_below_a_twentieth():
    sounds = [p_of(moving(250, seed=seed), moving(250, seed=1000 + seed)) for seed in range(60)]
    assert np.mean(np.array(sounds) <= 0.05) < 0.15


def p_of(expected, measured):
    return p_value(correlations(expected, measured).max(), expected, measured)


def test_rows_beyond_the_audio_are_zeros():
    assert shifted(np.ones((3, 1)), 2, 4).ravel().tolist() == [1, 0, 0, 0]
    assert shifted(np.ones((3, 1)), 9, 2).ravel().tolist() == [0, 0]
    assert per_frame(np.ones((60, 1)), np.ones((60, 1))).tolist() == [0.0] * 60


def test_a_second_is_too_short():
    with pytest.raises(NotScored, match="too short: 25 frames of a mouth, 50 are needed"):
        mouth_sync(moving(25), moving(25))
