"""Intervals over blocks of one second: against a bootstrap written out, and where they are known."""

import numpy as np
import pytest

from speechlip.metrics.statistics.blocks import BLOCK_FRAMES, block_difference, block_mean


def frames_of(values):
    return dict(enumerate(map(float, values)))


def test_the_mean_is_over_frames_and_a_short_block_counts_less():
    values = frames_of([1] * 25 + [3] * 5)
    assert block_mean(values).value == pytest.approx((25 + 15) / 30)
    assert block_mean(values).clips == 2


def test_an_interval_is_as_wide_as_a_bootstrap_written_out():
    rng = np.random.default_rng(3)
    blocks = rng.normal(size=20)
    found = block_mean(frames_of(np.repeat(blocks, BLOCK_FRAMES)))
    resampled = [rng.choice(blocks, 20).mean() for _ in range(4000)]
    wanted = 2.093 * np.std(resampled) * np.sqrt(20 / 19)  # Student's t of 19 degrees
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(wanted, rel=0.05)


def test_frames_of_one_second_are_not_independent():
    noise = np.random.default_rng(0).normal(size=500)
    apart, together = block_mean(frames_of(noise)), block_mean(frames_of(np.repeat(noise[:20], 25)))
    assert together.ci_high - together.ci_low > 2 * (apart.ci_high - apart.ci_low)


def test_a_difference_is_paired():
    """What both sides share cancels: easy and hard seconds."""
    hard = np.repeat(np.random.default_rng(0).normal(size=20) * 10, 25)
    found = block_difference(frames_of(hard + 0.5), frames_of(hard))
    assert found.value == pytest.approx(0.5) and found.ci_high - found.ci_low < 1e-9


def test_frames_that_only_one_side_has_are_left_out():
    assert block_difference({0: 1.0, 1: 5.0}, {1: 2.0, 2: 9.0}).value == 3.0


def test_one_second_has_no_interval_and_none_is_an_error():
    assert np.isnan(block_mean({3: 1.0}).ci_low)
    with pytest.raises(ValueError, match="got none"):
        block_difference({0: 1.0}, {1: 1.0})
