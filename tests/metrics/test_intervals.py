"""Intervals and p over clips: beside scipy, by hand, and by simulation."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest, norm, t, ttest_1samp, ttest_rel
from sklearn.metrics import average_precision_score, roc_auc_score

from speechlip.metrics.statistics.aggregate import aggregate
from speechlip.metrics.statistics.differences import LEAST_CLIPS, mean_difference, two_sided_p
from speechlip.metrics.statistics.intervals import interval, mean_interval, resample_clips
from speechlip.metrics.statistics.pair_intervals import auc_difference, auc_interval, resampled_interval
from speechlip.metrics.statistics.pairs import pair_auc, resampled_average_precisions

TRUE_AUC = norm.cdf(1.5 / np.sqrt(3))
"""In the simulation a match is higher than a mismatch by 1.5 on average over clips, deviation 1, and both
have noise of deviation 1."""


def pairs(seed: int, clips: int = 40, each: int = 6, apart: float = 1.0, spread: float = 1.0):
    """Pairs of several clips, each clip with a difficulty of its own: similarity, label, clip."""
    draw = np.random.default_rng(seed)
    clip = np.repeat(np.arange(clips), each)
    label = np.tile([1, 0], clips * each // 2)
    margin = apart + spread * draw.normal(size=clips)[clip]
    return draw.normal(size=len(clip)) + label * margin, label, clip


def test_mean_agrees_with_scipys_t():
    values = np.random.default_rng(3).gamma(2, size=60)
    theirs = ttest_1samp(values, 0).confidence_interval(0.95)
    ours = mean_interval([*values, None, np.nan])
    assert ours.value == pytest.approx(values.mean()) and ours.clips == 60
    assert (ours.ci_low, ours.ci_high) == pytest.approx((theirs.low, theirs.high))


def test_one_mean_has_one_interval():
    """What score-sync prints of a column of clips is what score-encoder prints of the same."""
    values = np.random.default_rng(3).gamma(2, size=13)
    of_clips, row = mean_interval(values), aggregate(values)
    assert (row.mean, row.ci_low, row.ci_high) == (of_clips.value, of_clips.ci_low, of_clips.ci_high)


@pytest.mark.parametrize("clips", [10, 50])
def test_paired_difference_agrees_with_scipys_t_test(clips):
    draw = np.random.default_rng(4)
    a, b = draw.normal(size=(2, clips)) * [[1.0], [0.3]]
    theirs = ttest_rel(a, b)
    between = theirs.confidence_interval(0.95)
    ours = mean_difference(a, b)
    assert (ours.ci_low, ours.ci_high, ours.p) == pytest.approx((between.low, between.high, theirs.pvalue))


def by_hand(score, similarity, label, clip, resamples):
    """The interval of scikit-learn's score over 12 clips, the rows of a clip repeated as often as it is drawn
    with seed 5."""
    found = []
    for counts in resample_clips(12, resamples=resamples, seed=5):
        rows = np.concatenate([np.flatnonzero(clip == number) for number in np.repeat(np.arange(12), counts)])
        found.append(score(label[rows], similarity[rows]))
    value = score(label, similarity)
    reach = t.ppf(0.975, 11) * np.sqrt(12 / 11) * np.std(found) / (value * (1 - value))
    return expit(logit(value) + reach * np.array([-1, 1]))


def test_auc_is_drawn_by_clip_with_ties_and_gaps():
    similarity, label, clip = pairs(0, clips=12)
    similarity = np.round(similarity)
    keep = np.ones(len(label), bool)
    keep[clip == 3] = label[clip == 3] == 1  # a clip of matches only
    similarity, label, clip = similarity[keep], label[keep], clip[keep]
    names = np.array([f"clip-{number:02d}" for number in clip])
    ours = auc_interval(similarity, label, names, resamples=50, seed=5)
    assert ours.value == pytest.approx(pair_auc(similarity, label)) and ours.clips == 12
    assert (ours.ci_low, ours.ci_high) == pytest.approx(
        by_hand(roc_auc_score, similarity, label, clip, resamples=50)
    )
    assert ours != auc_interval(similarity, label, names, resamples=50, seed=6)


def test_any_rate_of_pairs_is_drawn_by_clip():
    similarity, label, clip = pairs(0, clips=12)
    ours = resampled_interval(
        resampled_average_precisions, np.stack([similarity, similarity]), label, clip, resamples=70, seed=5
    )
    assert ours.value == pytest.approx(average_precision_score(label, similarity)) and ours.clips == 12
    assert (ours.ci_low, ours.ci_high) == pytest.approx(
        by_hand(average_precision_score, similarity, label, clip, resamples=70)
    )


def test_seeds_count_as_their_mean():
    similarity, label, clip = pairs(1)
    other, _, _ = pairs(2)
    both = auc_interval(np.stack([similarity, other]), label, clip)
    assert both.value == pytest.approx((pair_auc(similarity, label) + pair_auc(other, label)) / 2)
    assert mean_interval([[1.0, 3.0], [3.0, 5.0]]).value == 3.0


def test_pairs_of_a_clip_are_not_independent():
    """Hard and easy clips: drawing pairs would promise too narrow an interval."""
    similarity, label, clip = pairs(3, clips=30, each=40, spread=2.0)
    by_clip, by_pair = (
        auc_interval(similarity, label, groups) for groups in (clip, np.arange(len(clip)) // 2)
    )
    assert by_clip.ci_high - by_clip.ci_low > 1.5 * (by_pair.ci_high - by_pair.ci_low)


def test_pairing_sees_what_two_intervals_hide():
    similarity, label, clip = pairs(4, spread=2.0)
    better = similarity + 0.3 * label
    a, b = auc_interval(better, label, clip), auc_interval(similarity, label, clip)
    assert a.ci_low < b.ci_high, "the intervals overlap"
    found = auc_difference(better, similarity, label, clip)
    assert found.ci_low > 0 and found.p < 0.01
    assert found.value == pytest.approx(a.value - b.value)
    back = auc_difference(similarity, better, label, clip)
    assert (back.value, back.ci_low, back.ci_high, back.p) == pytest.approx(
        (-found.value, -found.ci_high, -found.ci_low, found.p)
    )


def test_equal_encoders_do_not_differ():
    similarity, label, clip = pairs(5)
    found = auc_difference(similarity, similarity, label, clip)
    assert (found.value, found.ci_low, found.ci_high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("clips", [5, 10, 40])
def test_intervals_hold_the_truth_and_p_is_rare_by_chance(clips):
    """Two encoders of equal skill on the same easy and hard clips. Percentiles of the draws held 0.79 in 82,
    89 and 94 % and had p < 0.05 in 13, 9 and 7 % (1000 runs)."""
    held = covered = rejected = 0
    for seed in range(RUNS := 300):
        draw = np.random.default_rng([seed, clips])
        clip, label = np.repeat(np.arange(clips), 8), np.tile([1, 0], 4 * clips)
        margin = label * (1.5 + draw.normal(size=clips)[clip])
        a, b = draw.normal(size=(2, 8 * clips)) + margin
        one = auc_interval(a, label, clip, resamples=200)
        held += one.ci_low <= TRUE_AUC <= one.ci_high
        found = auc_difference(a, b, label, clip, resamples=200)
        covered += found.ci_low <= 0 <= found.ci_high
        rejected += found.p < 0.05
    assert held / RUNS >= 0.92 and covered / RUNS >= 0.92
    assert rejected / RUNS <= 0.08 and (clips >= LEAST_CLIPS or not rejected)


def test_a_share_of_clips_that_all_agree_is_no_certainty():
    """9 of 10 clips in truth: a third of the samples of 10 show nothing but hits, and had an interval of no
    width."""
    held = 0
    for seed in range(300):
        found = mean_interval(np.random.default_rng(seed).random(10) < 0.9, rate=True)
        held += found.ci_low <= 0.9 <= found.ci_high
        assert 0 <= found.ci_low <= found.value <= found.ci_high <= 1
    assert held / 300 >= 0.92
    none = mean_interval(np.zeros(40), rate=True)
    assert none.ci_low == 0 and none.ci_high == pytest.approx(1 - proportion_held(40), abs=0.01)


def proportion_held(clips: int) -> float:
    """The lower end of scipy's Wilson interval for a share of 1."""
    return binomtest(clips, clips).proportion_ci(method="wilson").low


def test_the_least_number_of_clips_for_a_p():
    rng = np.random.default_rng(0)
    few, enough = (np.add(rng.normal(size=(2, n)), [[9.0], [0.0]]) for n in (LEAST_CLIPS - 1, LEAST_CLIPS))
    assert np.isnan(mean_difference(*few).p) and mean_difference(*few).ci_low > 0
    assert mean_difference(*enough).p == 2.0 ** (1 - LEAST_CLIPS), "as much as one sign in each clip can say"
    assert two_sided_p(0.0, 0.0, 20) == 1 and two_sided_p(1.0, 0.0, 20) == 2.0**-19


def test_one_clip_has_no_interval():
    similarity, label, clip = pairs(6, clips=1)
    found = auc_difference(similarity, similarity[::-1], label, clip)
    assert (
        np.isfinite(found.value)
        and np.isnan([found.ci_low, found.ci_high, found.p]).all()
        and found.clips == 1
    )
    assert np.isnan(mean_interval([2.0]).ci_low)
    assert interval(lambda counts: counts.sum(axis=1), clips=1).value == 1


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="got none"):
        mean_interval([None, np.nan])
    with pytest.raises(ValueError, match="same clips are wanted, got 2 and 3"):
        mean_difference([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="matches and mismatches are wanted"):
        auc_interval(np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 1]))
