"""Retrieval, offset accuracy, aggregates, and the table that labels every number."""

import pickle

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from speechlip.errors import OptionError
from speechlip.metrics.declared import NotScored
from speechlip.metrics.statistics.aggregate import aggregate
from speechlip.metrics.statistics.retrieval import ranks, retrieval
from speechlip.metrics.sync.offsets import offset_accuracy
from speechlip.metrics.table import families, metric, metrics_of

# The columns of scores.csv that hold a metric: stable names.
COLUMNS = {
    "lse_c",
    "lse_d",
    "offset_frames",
    "offset_ms",
    "lse_c_unpadded",
    "lse_d_unpadded",
    "lmd",
    "lmd_iod",
    "psnr",
    "ssim",
    "lpips",
    "cpbd",
}


def test_ranks_by_sorting():
    draw = np.random.default_rng(0)
    lips = draw.normal(size=(1500, 8))
    speech = lips + draw.normal(size=lips.shape)
    cosine = (lips @ speech.T) / np.linalg.norm(lips, axis=1)[:, None] / np.linalg.norm(speech, axis=1)
    by_sorting = [list(np.argsort(-row)).index(i) + 1 for i, row in enumerate(cosine[:50])]
    assert ranks(lips, speech)[:50].tolist() == by_sorting
    found = retrieval(lips, speech)
    assert (
        found.gallery == 1500
        and 0 < found.lips_to_speech[1] < found.lips_to_speech[5] < found.lips_to_speech[10] < 1
    )
    assert found.lips_to_speech[10] == pytest.approx(found.speech_to_lips[10], abs=0.05)


def test_an_encoder_that_says_the_same_of_everything_finds_nothing():
    constant = np.ones((40, 6))
    assert retrieval(constant, constant).lips_to_speech[10] == 0
    assert retrieval(np.zeros((40, 6)), constant).speech_to_lips[10] == 0
    with pytest.raises(ValueError, match="matched rows"):
        ranks(np.ones((3, 2)), np.ones((4, 2)))


def test_random_features_are_at_chance():
    draw = np.random.default_rng(1)
    found = retrieval(draw.normal(size=(2000, 16)), draw.normal(size=(2000, 16)), ks=(200,))
    assert found.lips_to_speech[200] == pytest.approx(0.1, abs=0.02)


def test_offset_accuracy_by_counting():
    accuracy = offset_accuracy([3, -2, 0, 15], [3, -3, 2, 15])
    assert (accuracy.exact, accuracy.within_one, accuracy.clips, accuracy.chance_exact) == (
        0.5,
        0.75,
        4,
        1 / 31,
    )
    for measured in ([], [16]):
        with pytest.raises(ValueError, match="within ±15"):
            offset_accuracy(measured)


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


def test_every_column_is_declared():
    table = {each.name: each for family in families() for each in metrics_of(family)}
    assert set(table) >= COLUMNS
    names = ("lse_c", "lse_d", "lmd", "psnr", "ssim", "lpips", "cpbd", "offset_ms")
    assert [table[name].arrow for name in names] == [*"↑↓↓↑↑↓↑", ""]
    with pytest.raises(OptionError, match="no metric 'lse'; there are: lse_c, lse_d"):
        metric("lse")


def test_a_reason_survives_the_way_from_a_worker():
    error = pickle.loads(pickle.dumps(NotScored("too short", "5 frames")))
    assert (error.reason, error.detail, str(error)) == ("too short", "5 frames", "too short: 5 frames")
