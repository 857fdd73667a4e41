"""Means over clips against scipy, and what little or nothing gives."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from speechlip.metrics.statistics.aggregate import aggregate


def test_aggregate_agrees_with_scipys_t():
    values = np.random.default_rng(3).gamma(2, size=60)
    row = aggregate([*values, None, np.nan])
    assert (row.mean, row.median) == (pytest.approx(values.mean()), pytest.approx(np.median(values)))
    assert (row.scored, row.missing) == (60, 2)
    theirs = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (row.ci_low, row.ci_high) == pytest.approx((theirs.low, theirs.high))


def test_aggregate_stays_where_the_metric_can_be():
    row = aggregate([0.1, 0.9], lowest=0, highest=1)
    assert (row.ci_low, row.ci_high) == (0, 1), "two clips say nothing"


def test_aggregate_of_little_or_nothing():
    nothing = aggregate([None, None])
    assert np.isnan([nothing.mean, nothing.median, nothing.ci_low]).all() and (
        nothing.scored,
        nothing.missing,
    ) == (0, 2)
    one = aggregate([4.0])
    assert one.mean == 4.0 and np.isnan([one.ci_low, one.ci_high]).all() and one.scored == 1
    with pytest.raises(ValueError, match="infinite"):
        aggregate([1.0, float("inf")])
