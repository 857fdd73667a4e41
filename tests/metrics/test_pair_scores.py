"""AUC, EER and AP of pairs, all and by kind, beside scikit-learn and by hand."""

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from speechlip.metrics.statistics.pairs import (
    average_precision,
    by_kind,
    equal_error_rate,
    pair_auc,
    pair_scores,
    resampled_average_precisions,
    resampled_equal_error_rates,
)


def sampled(seed: int, n: int = 300, levels: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Similarities of which matches are higher by 1; with ``levels`` there are only so many different ones,
    so that most tie."""
    draw = np.random.default_rng(seed)
    label = draw.integers(2, size=n)
    similarity = draw.normal(size=n) + label
    return (np.round(similarity * levels / 4) if levels else similarity), label


@pytest.mark.parametrize("levels", [0, 3, 8])
@pytest.mark.parametrize("seed", range(4))
def test_scores_agree_with_scikit_learn(seed, levels):
    similarity, label = sampled(seed, levels=levels)
    scores = pair_scores(similarity, label)
    assert scores.auc == pytest.approx(roc_auc_score(label, similarity))
    assert scores.average_precision == pytest.approx(average_precision_score(label, similarity))
    false, found, _ = roc_curve(label, similarity, drop_intermediate=False)
    assert scores.eer == pytest.approx(brentq(lambda x: 1 - x - interp1d(false, found)(x), 0, 1), abs=1e-9)
    assert (scores.matches, scores.mismatches) == (label.sum(), (1 - label).sum())
    assert scores.chance_precision == pytest.approx(label.mean())


@pytest.mark.parametrize("levels", [0, 3])
def test_a_pair_that_is_drawn_twice_counts_as_two(levels):
    similarity, label = sampled(8, n=60, levels=levels)
    times = np.random.default_rng(2).multinomial(60, np.full(60, 1 / 60), size=40)
    repeated = [(np.repeat(similarity, row), np.repeat(label, row)) for row in times]
    assert resampled_average_precisions(similarity, label, times) == pytest.approx(
        [average_precision_score(y, x) for x, y in repeated]
    )
    assert resampled_equal_error_rates(similarity, label, times) == pytest.approx(
        [equal_error_rate(*pairs) for pairs in repeated]
    )
    for drawn_scores in (resampled_average_precisions, resampled_equal_error_rates):
        assert np.isnan(drawn_scores(similarity, label, np.stack([label, 1 - label]))).all()


def test_known_ends():
    label = np.array([1, 1, 0, 0, 0])
    right, wrong = label.astype(float), 1.0 - label
    assert (pair_auc(right, label), equal_error_rate(right, label), average_precision(right, label)) == (
        1,
        0,
        1,
    )
    assert (pair_auc(wrong, label), equal_error_rate(wrong, label), average_precision(wrong, label)) == (
        0,
        1,
        0.4,
    )
    same = np.full(5, 0.3)
    assert (pair_auc(same, label), equal_error_rate(same, label), average_precision(same, label)) == (
        0.5,
        0.5,
        0.4,
    )


def test_swapping_sides_keeps_the_equal_error_rate():
    similarity, label = sampled(5)
    assert equal_error_rate(-similarity, 1 - label) == pytest.approx(equal_error_rate(similarity, label))


def test_by_kind_sets_each_kind_of_negative_against_all_matches():
    similarity, label = sampled(7, n=400)
    kind = np.where(
        label == 1, "positive", np.random.default_rng(1).choice(["shift", "clip", "speaker"], 400)
    )
    similarity[kind == "shift"] += 1
    found = by_kind(similarity, label, kind)
    assert list(found) == ["all", "clip", "shift", "speaker"]
    shift = kind != "clip"
    shift &= kind != "speaker"
    assert found["shift"].auc == pytest.approx(roc_auc_score(label[shift], similarity[shift]))
    assert found["shift"].auc == pytest.approx(0.5, abs=0.1) and found["speaker"].auc > 0.7
    weights = [found[name].mismatches for name in ("clip", "shift", "speaker")]
    assert np.average(
        [found[name].auc for name in ("clip", "shift", "speaker")], weights=weights
    ) == pytest.approx(found["all"].auc)
    assert {scores.matches for scores in found.values()} == {int(label.sum())}


@pytest.mark.parametrize("score", [pair_auc, equal_error_rate, average_precision, pair_scores])
@pytest.mark.parametrize(
    ("similarity", "label"),
    [([0.1, 0.2], [1, 1]), ([0.1, np.nan], [1, 0]), ([], []), ([0.1, 0.2, 0.3], [1, 0])],
)
def test_what_has_no_score_is_refused(score, similarity, label):
    with pytest.raises(ValueError, match="matches and mismatches are wanted, got"):
        score(np.array(similarity), np.array(label))
