"""Rank correlations against their definitions, and how often their intervals hold the truth."""

import itertools
import math

import numpy as np
import pytest

from speechlip.metrics.statistics.rank_correlation import kendall, spearman


def test_by_their_definitions_with_ties():
    first, second = np.array([1.0, 2, 2, 5, 7, 9]), np.array([2.0, 1, 4, 4, 8, 3])
    ranks = [np.array([1, 2.5, 2.5, 4, 5, 6]), np.array([2, 1, 4.5, 4.5, 6, 3])]
    assert spearman(first, second).value == pytest.approx(np.corrcoef(*ranks)[0, 1])
    pairs = list(itertools.combinations(range(6), 2))
    signs = [np.sign(first[i] - first[j]) * np.sign(second[i] - second[j]) for i, j in pairs]
    untied = [sum(values[i] != values[j] for i, j in pairs) for values in (first, second)]
    assert kendall(first, second).value == pytest.approx(sum(signs) / math.sqrt(untied[0] * untied[1]))


@pytest.mark.parametrize(("function", "true"), [(spearman, 0.58), (kendall, 0.41)])
def test_intervals_hold_the_truth_about_95_times_in_100(function, true):
    """Normal values with Pearson's r 0.6: ρ = 6 / π asin(r / 2), τ = 2 / π asin(r)."""
    true = 6 / math.pi * math.asin(0.3) if function is spearman else 2 / math.pi * math.asin(0.6)
    draws, held = np.random.default_rng(0), 0
    for _ in range(300):
        first = draws.normal(size=20)
        found = function(first, 0.6 * first + 0.8 * draws.normal(size=20))
        held += found.ci_low <= true <= found.ci_high
    assert 0.9 <= held / 300 <= 0.99


@pytest.mark.parametrize("function", [spearman, kendall])
def test_what_few_clips_do_not_say(function):
    four = function(np.arange(4.0), np.array([0.0, 2, 1, 3]))
    assert 0 < four.value < 1 and math.isnan(four.ci_low)
    assert math.isnan(function(np.arange(2.0), np.arange(2.0)).value)
    assert math.isnan(function(np.arange(9.0), np.ones(9)).value)
    agreed = function(np.arange(9.0), np.arange(9.0))
    assert agreed.value == 1 and math.isnan(agreed.ci_low)


def test_ends_are_as_far_as_the_deviations_say_on_fishers_scale():
    """Ten clips, the last two changed: ρ = 1 − 6 · 2 / 990, τ = 43 / 45."""
    first, second = np.arange(10.0), np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 9, 8])
    rho, tau = spearman(first, second), kendall(first, second)
    assert (rho.value, tau.value) == (pytest.approx(1 - 12 / 990), pytest.approx(43 / 45))
    for found, variance in ((rho, (1 + rho.value**2 / 2) / 7), (tau, 0.437 / 6)):
        for end, sign in ((found.ci_low, -1), (found.ci_high, 1)):
            reach = math.log((1 + end) / (1 - end) * (1 - found.value) / (1 + found.value)) / 2
            assert reach == pytest.approx(sign * 1.959964 * math.sqrt(variance))
