"""Intervals and p over clips: beside scipy, by hand, and by simulation."""

import numpy as np
import pytest
from scipy.stats import bootstrap, ttest_rel
from sklearn.metrics import average_precision_score, roc_auc_score
from speechlip.metrics.pairs import drawn_average_precisions, pair_auc
from speechlip.metrics.significance import (
    auc_difference,
    auc_interval,
    clip_draws,
    drawn_interval,
    interval,
    mean_difference,
    mean_interval,
    two_sided_p,
)


def pairs(seed: int, clips: int = 40, each: int = 6, apart: float = 1.0, spread: float = 1.0):
    """Pairs of several clips, each clip with a difficulty of its own: similarity, label, clip."""
    draw = np.random.default_rng(seed)
    clip = np.repeat(np.arange(clips), each)
    label = np.tile([1, 0], clips * each // 2)
    margin = apart + spread * draw.normal(size=clips)[clip]
    return draw.normal(size=len(clip)) + label * margin, label, clip


def test_mean_agrees_with_scipys_bootstrap():
    values = np.random.default_rng(3).gamma(2, size=60)
    theirs = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(8)).confidence_interval
    ours = mean_interval([*values, None, np.nan])
    assert ours.value == pytest.approx(values.mean()) and ours.clips == 60
    assert (ours.ci_low, ours.ci_high) == (pytest.approx(theirs.low, abs=0.03), pytest.approx(theirs.high, abs=0.03))
    assert ours == mean_interval(list(values)), "seeded"
    assert ours != mean_interval(values, seed=1)


def test_paired_difference_agrees_with_scipys_bootstrap():
    draw = np.random.default_rng(4)
    a, b = draw.normal(size=(2, 50)) * [[1.0], [0.3]]
    theirs = bootstrap((a, b), lambda x, y, axis: (x - y).mean(axis=axis), paired=True, method="percentile", rng=draw).confidence_interval
    ours = mean_difference(a, b)
    assert (ours.ci_low, ours.ci_high) == (pytest.approx(theirs.low, abs=0.03), pytest.approx(theirs.high, abs=0.03))
    assert ours.p == pytest.approx(ttest_rel(a, b).pvalue, abs=0.05)


def by_hand(score, similarity, label, clip, resamples):
    """The interval of scikit-learn's score over 12 clips, the rows of a clip repeated as often as it is drawn with seed 5."""
    found = []
    for drawn in clip_draws(12, resamples=resamples, seed=5):
        rows = np.concatenate([np.flatnonzero(clip == number) for number in np.repeat(np.arange(12), drawn)])
        found.append(score(label[rows], similarity[rows]))
    return np.percentile(found, [2.5, 97.5])


def test_auc_is_drawn_by_clip_with_ties_and_gaps():
    similarity, label, clip = pairs(0, clips=12)
    similarity = np.round(similarity)
    keep = np.ones(len(label), bool)
    keep[clip == 3] = label[clip == 3] == 1  # a clip of matches only
    similarity, label, clip = similarity[keep], label[keep], clip[keep]
    names = np.array([f"clip-{number:02d}" for number in clip])
    ours = auc_interval(similarity, label, names, resamples=50, seed=5)
    assert ours.value == pytest.approx(pair_auc(similarity, label)) and ours.clips == 12
    assert (ours.ci_low, ours.ci_high) == pytest.approx(by_hand(roc_auc_score, similarity, label, clip, resamples=50))


def test_any_score_of_pairs_is_drawn_by_clip():
    similarity, label, clip = pairs(0, clips=12)
    ours = drawn_interval(drawn_average_precisions, np.stack([similarity, similarity]), label, clip, resamples=70, seed=5)
    assert ours.value == pytest.approx(average_precision_score(label, similarity)) and ours.clips == 12
    assert (ours.ci_low, ours.ci_high) == pytest.approx(by_hand(average_precision_score, similarity, label, clip, resamples=70))


def test_seeds_count_as_their_mean():
    similarity, label, clip = pairs(1)
    other, _, _ = pairs(2)
    both = auc_interval(np.stack([similarity, other]), label, clip)
    assert both.value == pytest.approx((pair_auc(similarity, label) + pair_auc(other, label)) / 2)
    assert mean_interval([[1.0, 3.0], [3.0, 5.0]]).value == 3.0


def test_pairs_of_a_clip_are_not_independent():
    """Hard and easy clips: drawing pairs would promise too narrow an interval."""
    similarity, label, clip = pairs(3, clips=30, each=40, spread=2.0)
    by_clip, by_pair = (auc_interval(similarity, label, groups) for groups in (clip, np.arange(len(clip)) // 2))
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
    assert (back.value, back.ci_low, back.ci_high, back.p) == pytest.approx((-found.value, -found.ci_high, -found.ci_low, found.p))


def test_equal_encoders_do_not_differ():
    similarity, label, clip = pairs(5)
    found = auc_difference(similarity, similarity, label, clip)
    assert (found.value, found.ci_low, found.ci_high, found.p) == (0, 0, 0, 1)


def test_intervals_cover_and_p_is_rare_by_chance():
    held = rejected = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        found = mean_difference(draw.exponential(size=40), draw.exponential(size=40), resamples=400)
        held += found.ci_low <= 0 <= found.ci_high
        rejected += found.p < 0.05
    assert 0.89 <= held / 200 <= 0.99 and rejected / 200 <= 0.11


def test_p_by_counting():
    assert two_sided_p(np.array([0.2] * 97 + [-0.1] * 2)) == pytest.approx(2 * 3 / 100)
    assert two_sided_p(np.array([-0.2, np.nan, -0.1])) == pytest.approx(2 / 3)
    assert two_sided_p(np.zeros(9)) == 1


def test_one_clip_has_no_interval():
    similarity, label, clip = pairs(6, clips=1)
    found = auc_difference(similarity, similarity[::-1], label, clip)
    assert np.isfinite(found.value) and np.isnan([found.ci_low, found.ci_high, found.p]).all() and found.clips == 1
    assert np.isnan(mean_interval([2.0]).ci_low)
    assert interval(lambda drawn: drawn.sum(axis=1), clips=1).value == 1


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="got none"):
        mean_interval([None, np.nan])
    with pytest.raises(ValueError, match="same clips are wanted, got 2 and 3"):
        mean_difference([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="matches and mismatches are wanted"):
        auc_interval(np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 1]))
