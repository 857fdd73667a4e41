"""What one metric answers to one step of one harm, over clips.

Goal: values of the clean copies and of the harmed ones → does the metric call these worse, how clearly, and
in the order of the steps?
Conventions: a clip counts where both of its copies have a value. *Worse* is what the metric declares: lower
where higher is better, higher where lower is; of a metric without direction, farther from the median of the
clean copies. ``auc``: how often a harmed copy is worse than a clean one, over all pairs of clips; chance 0.5.
``effect``: mean difference towards worse, in standard deviations of the clips (Cohen's d: the root of the
mean of both variances); None where neither copy varies. An answer is clear where the 95 % interval of the
mean paired difference (Student's t over clips) leaves out 0 and the effect is at least ``LEAST_EFFECT``.
``p`` is that of the paired t test; ``p_corrected`` of all answers of a judgement together: where answers up
to 0.05 are believed, some one in twenty of these is chance.
Sources: AUC, Mann and Whitney 1947; d and its least size, Cohen 1988; ``p_corrected``, Benjamini and Hochberg
1995. Functions: answer, curve, corrected.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechlip.metrics.statistics.intervals import mean_interval
from speechlip.metrics.statistics.pairs import pair_auc

WORSE, BETTER, UNMOVED, UNKNOWN = "worse", "better", "unmoved", "unknown"
LEAST_EFFECT = 0.2
"""Standard deviations: what Cohen calls small."""
FEWEST = 3
"""Clips, for any answer."""
MOST_BY_CHANCE = 0.05
"""Share of the clear answers."""


@dataclass(frozen=True)
class Answer:
    """One metric, one harm, one step.

    step: of the harm, in its unit.
    verdict: ``worse``, ``better``, ``unmoved``; ``unknown`` for fewer than three clips.
    clips: with both values.
    missing: reason → number of clips without.
    mean, clean_mean: over those clips, in the metric's unit.
    worse_by, ci_low, ci_high: mean paired difference towards worse, in the metric's unit, and its interval.
    auc, effect: as above.
    worse_share: share of clips whose harmed copy is worse than their own clean one; equal ones count half.
    p, p_corrected: as above.
    """

    step: float
    verdict: str
    clips: int
    missing: Mapping[str, int]
    mean: float | None = None
    clean_mean: float | None = None
    worse_by: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    auc: float | None = None
    effect: float | None = None
    worse_share: float | None = None
    p: float | None = None
    p_corrected: float | None = None

    @property
    def clear(self) -> bool:
        """Whether it is ``worse`` or ``better``."""
        return self.verdict in (WORSE, BETTER)

    @property
    def by_chance(self) -> bool:
        """Whether it is clear alone, but not among all answers of its judgement."""
        return self.clear and self.p_corrected is not None and self.p_corrected > MOST_BY_CHANCE


@dataclass(frozen=True)
class Curve:
    """One metric's answers to all steps of one harm.

    metric, harm: column and name.
    cannot: why the metric is not asked; empty where it is.
    answers: by step.
    in_order: whether no step is better than the one before, and the last is worse than the clean copy, of the
        means over clips that have all steps; None for one step.
    notices_from: the smallest step from which on every answer is ``worse``; None where there is none.
    """

    metric: str
    harm: str
    cannot: str = ""
    answers: tuple[Answer, ...] = ()
    in_order: bool | None = None
    notices_from: float | None = None


def badness(values: np.ndarray, higher_is_better: bool | None, clean: np.ndarray) -> np.ndarray:
    """Values so turned that higher is worse.

    >>> badness(np.array([1.0, 5.0]), None, np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 3.0]
    """
    if higher_is_better is None:
        return np.abs(values - np.median(clean))
    return -values if higher_is_better else values


def answer(
    step: float,
    harmed: Mapping[str, float],
    clean: Mapping[str, float],
    missing: Mapping[str, int],
    higher_is_better: bool | None,
) -> Answer:
    """The answer to one step.

    harmed, clean: clip → value, of those that have one.

    >>> clean = {"a": 10.0, "b": 12.0, "c": 14.0}
    >>> told = answer(1, {"a": 9.0, "b": 11.0, "c": 13.0}, clean, {}, True)
    >>> told.verdict, told.worse_by, round(told.effect, 3), told.worse_share  # 1 / 2
    ('worse', 1.0, 0.5, 1.0)
    """
    clips = [clip for clip in clean if clip in harmed]
    if len(clips) < FEWEST:
        return Answer(step, UNKNOWN, len(clips), dict(missing))
    before, after = (np.array([side[clip] for clip in clips]) for side in (clean, harmed))
    good, bad = (badness(values, higher_is_better, before) for values in (before, after))
    apart = bad - good
    interval = mean_interval(apart)
    spread = math.sqrt((np.var(good, ddof=1) + np.var(bad, ddof=1)) / 2)
    effect = interval.value / spread if spread > 0 else None
    return Answer(
        step,
        _verdict(interval.ci_low, interval.ci_high, effect),
        len(clips),
        dict(missing),
        float(after.mean()),
        float(before.mean()),
        interval.value,
        interval.ci_low,
        interval.ci_high,
        pair_auc(np.concatenate([bad, good]), np.repeat([1, 0], len(clips))),
        effect,
        float(np.mean((apart > 0) + 0.5 * (apart == 0))),
        paired_p(apart),
    )


def paired_p(apart: np.ndarray) -> float:
    """p of the paired t test, two-sided: (C,) differences. 0 where all are one number that is not 0.

    >>> round(paired_p(np.array([1.0, 2.0, 3.0])), 4)  # t = 2 / (1 / √3) = 3.46 with 2 degrees of freedom
    0.0742
    """
    from scipy.special import stdtr

    mean, error = float(apart.mean()), float(apart.std(ddof=1)) / math.sqrt(len(apart))
    if not error:
        return float(not mean)
    return float(2 * stdtr(len(apart) - 1, -abs(mean / error)))


def corrected(judged: Sequence[Sequence[Curve]]) -> list[tuple[Curve, ...]]:
    """The same curves with ``p_corrected``: of each metric all, of a whole judgement."""
    known = [told.p for curves in judged for each in curves for told in each.answers if told.p is not None]
    by_p = dict(zip(known, benjamini_hochberg(np.array(known)).tolist(), strict=True))

    def of_all(each: Curve) -> Curve:
        answers = (
            told if told.p is None else replace(told, p_corrected=by_p[told.p]) for told in each.answers
        )
        return replace(each, answers=tuple(answers))

    return [tuple(map(of_all, curves)) for curves in judged]


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """(N,) p → the least share of false answers at which each is still believed.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(3).tolist()  # 0.01 · 3, 0.04 · 3 / 3 for both
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(-p, kind="stable")
    ranks = np.arange(len(p), 0, -1)
    shares = np.empty(len(p))
    shares[order] = np.minimum.accumulate(p[order] * len(p) / ranks)
    return np.minimum(shares, 1.0)


def _verdict(low: float, high: float, effect: float | None) -> str:
    if (low <= 0 <= high) or (effect is not None and abs(effect) < LEAST_EFFECT):
        return UNMOVED
    return WORSE if low > 0 else BETTER


def curve(
    metric: str,
    harm: str,
    steps: Sequence[float],
    harmed: Sequence[Mapping[str, float]],
    clean: Mapping[str, float],
    missing: Sequence[Counter[str]],
    higher_is_better: bool | None,
) -> Curve:
    """The answers to all steps. harmed, missing: of each step."""
    answers = tuple(
        answer(step, values, clean, reasons, higher_is_better)
        for step, values, reasons in zip(steps, harmed, missing, strict=True)
    )
    from_here: float | None = None
    for told in reversed(answers):
        if told.verdict != WORSE:
            break
        from_here = told.step
    return Curve(metric, harm, "", answers, in_order(harmed, clean, higher_is_better), from_here)


def in_order(
    harmed: Sequence[Mapping[str, float]], clean: Mapping[str, float], higher_is_better: bool | None
) -> bool | None:
    """Whether the means grow worse step by step; None for one step, and for fewer than three clips.

    >>> clean = {"a": 1.0, "b": 2.0, "c": 3.0}
    >>> worse, worst = ({clip: value + more for clip, value in clean.items()} for more in (1, 2))
    >>> in_order([worse, worst], clean, False), in_order([worst, worse], clean, False)
    (True, False)
    """
    clips = [clip for clip in clean if all(clip in values for values in harmed)]
    if len(harmed) < 2 or len(clips) < FEWEST:
        return None
    first = np.array([clean[clip] for clip in clips])
    rows = [first, *(np.array([values[clip] for clip in clips]) for values in harmed)]
    means = np.array([badness(row, higher_is_better, first).mean() for row in rows])
    slack = 1e-9 * max(1.0, float(np.abs(means).max()))
    return bool((np.diff(means) >= -slack).all() and means[-1] > means[0] + slack)
