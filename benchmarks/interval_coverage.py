"""How often 95 % intervals hold the true value, and how often p < 0.05 where nothing differs: the tables of
docs/protocols.md, by simulation.

    python benchmarks/interval_coverage.py [--runs 1000]

Seeded: the same table every time. Beside every figure, in brackets, what plain percentiles of the same draws
give. About three minutes on one core.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from scipy.signal import lfilter
from scipy.stats import norm

from speechlip.metrics.statistics.differences import LEAST_CLIPS, Difference, mean_difference
from speechlip.metrics.statistics.intervals import Interval, mean_interval, resample_clips
from speechlip.metrics.statistics.pair_intervals import auc_difference, auc_interval
from speechlip.metrics.sync.lse import (
    confidence_interval,
    confidence_of,
    distance_curve,
    distances,
    valid_pairs,
)

CLIPS = (3, 5, 10, 20, 40, 100)
PAIRS_A_CLIP, RESAMPLES = 8, 500
MARGINS = {"AUC 0.50": 0.0, "AUC 0.81": 1.5, "AUC 0.96": 3.0}
"""Similarity of a match less that of a mismatch: mean over clips (deviation 1), and noise of deviation 1."""
MEANS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "normal": (lambda draw, clips: draw.normal(size=clips), 0.0),
    "uniform": (lambda draw, clips: draw.random(clips), 0.5),
    "exponential": (lambda draw, clips: draw.exponential(size=clips), 1.0),
}
NEIGHBOURS, WIDTH, TRUTH_WINDOWS = 0.8, 12, 180_000
SOUNDS = {"in sync": (1.0, 0.7), "badly in sync": (1.0, 3.0), "unrelated": (0.0, 1.0)}
"""Speech features: so much of the lips' own, and so much that is not theirs."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    table("Rates and means: % of intervals that hold the truth, by clips", CLIPS, coverage_rows(runs))
    table(
        f"Nothing differs: % of p < 0.05, by clips (below {LEAST_CLIPS} there is no p)",
        CLIPS,
        null_rows(runs),
    )
    table(
        "LSE-C without padding: % of intervals that hold the truth, by frames",
        (50, 100, 250, 1500),
        lse_rows(runs),
    )


def table(title: str, columns: tuple[int, ...], rows: Iterator[tuple[str, list[str]]]) -> None:
    print(f"\n{title}\n\n| | {' | '.join(map(str, columns))} |\n|---|{'---|' * len(columns)}")
    for name, cells in rows:
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def coverage_rows(runs: int) -> Iterator[tuple[str, list[str]]]:
    for name, margin in MARGINS.items():
        truth = float(norm.cdf(margin / np.sqrt(3)))
        yield name, [cell(auc_runs(margin, clips, truth, runs)) for clips in CLIPS]
    yield "share 0.9", [cell(share_runs(clips, 0.9, runs)) for clips in CLIPS]
    for name in MEANS:
        yield f"mean, {name}", [cell(mean_runs(name, clips, runs)) for clips in CLIPS]


def null_rows(runs: int) -> Iterator[tuple[str, list[str]]]:
    for name, margin in MARGINS.items():
        yield f"pair {name}", [cell(auc_null(margin, clips, runs)) for clips in CLIPS]
    for differ in (0.3, 0.6):
        yield (
            f"offset exact, {differ:.0%} of clips differ",
            [cell(mean_null(discordant(differ), clips, runs)) for clips in CLIPS],
        )
    yield "mean, normal", [cell(mean_null(MEANS["normal"][0], clips, runs)) for clips in CLIPS]
    yield "mean, skewed (exponential − 1)", [cell(mean_null(skewed, clips, runs)) for clips in CLIPS]


def lse_rows(runs: int) -> Iterator[tuple[str, list[str]]]:
    for sound in SOUNDS:
        truth = true_confidence(sound)
        yield (
            f"{sound}, true LSE-C {truth:.2f}",
            [
                cell(lse_runs(sound, frames - 5, truth, max(100, runs * 50 // frames)))
                for frames in (50, 100, 250, 1500)
            ],
        )


def cell(found: list[tuple[bool, bool]]) -> str:
    """(now, percentiles) of each run → per cent of each."""
    now, before = np.mean(found, axis=0)
    return f"{100 * now:.0f} ({100 * before:.0f})"


def auc_runs(margin: float, clips: int, truth: float, runs: int) -> list[tuple[bool, bool]]:
    found = []
    for seed in range(runs):
        one, _, label, clip = encoders(margin, clips, seed)
        now = auc_interval(one, label, clip, RESAMPLES)
        found.append((holds(now, truth), inside(truth, resampled_auc(one, label, clip))))
    return found


def auc_null(margin: float, clips: int, runs: int) -> list[tuple[bool, bool]]:
    found = []
    for seed in range(runs):
        one, other, label, clip = encoders(margin, clips, seed)
        now = auc_difference(one, other, label, clip, RESAMPLES)
        found.append(
            (
                now.p < 0.05,
                not inside(0.0, resampled_auc(one, label, clip) - resampled_auc(other, label, clip)),
            )
        )
    return found


def encoders(margin: float, clips: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Similarities by two encoders of equal skill, whose clips are easy or hard for both; label; clip."""
    draw = np.random.default_rng([seed, clips])
    clip, label = np.repeat(np.arange(clips), PAIRS_A_CLIP), np.tile([1, 0], clips * PAIRS_A_CLIP // 2)
    one, other = draw.normal(size=(2, len(label))) + label * (margin + draw.normal(size=clips)[clip])
    return one, other, label, clip


def resampled_auc(similarity: np.ndarray, label: np.ndarray, clip: np.ndarray) -> np.ndarray:
    """(B,) AUC of seeded resamples of clips, by counting wins of clip against clip."""
    clips = int(clip.max()) + 1
    matches, others = (similarity[label == side].reshape(clips, -1) for side in (1, 0))
    wins = (matches[:, None, :, None] > others[None, :, None, :]).mean(axis=(2, 3))
    resampled = resample_clips(clips, RESAMPLES) / clips
    return ((resampled @ wins) * resampled).sum(axis=1)


def share_runs(clips: int, share: float, runs: int) -> list[tuple[bool, bool]]:
    hits = (np.random.default_rng([seed, clips]).random(clips) < share for seed in range(runs))
    return [(holds(mean_interval(one, rate=True), share), inside(share, resampled_mean(one))) for one in hits]


def mean_runs(name: str, clips: int, runs: int) -> list[tuple[bool, bool]]:
    make, truth = MEANS[name]
    samples = (make(np.random.default_rng([seed, clips]), clips) for seed in range(runs))
    return [(holds(mean_interval(one), truth), inside(truth, resampled_mean(one))) for one in samples]


def mean_null(
    make: Callable[[np.random.Generator, int], np.ndarray], clips: int, runs: int
) -> list[tuple[bool, bool]]:
    samples = (make(np.random.default_rng([seed, clips]), clips) for seed in range(runs))
    return [
        (mean_difference(one, np.zeros(clips)).p < 0.05, not inside(0.0, resampled_mean(one)))
        for one in samples
    ]


def discordant(differ: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda draw, clips: draw.choice(
        [-1.0, 0.0, 1.0], p=[differ / 2, 1 - differ, differ / 2], size=clips
    )


def skewed(draw: np.random.Generator, clips: int) -> np.ndarray:
    return draw.exponential(size=clips) - 1


def resampled_mean(values: np.ndarray) -> np.ndarray:
    return resample_clips(len(values), RESAMPLES) @ values / len(values)


def lse_runs(sound: str, windows: int, truth: float, runs: int) -> list[tuple[bool, bool]]:
    """The old interval drew blocks of 25 windows, a quarter of a short clip."""
    valid, found = valid_pairs(windows), []
    for seed in range(runs):
        table_ = distances(*features(sound, windows, seed))
        low, high = confidence_interval(table_, valid, RESAMPLES)
        found.append(
            (low <= truth <= high, inside(truth, resampled_confidence(table_, valid, min(25, windows // 4))))
        )
    return found


def resampled_confidence(table_: np.ndarray, valid: np.ndarray, length: int) -> np.ndarray:
    windows, draw = len(table_), np.random.default_rng(0)
    starts = draw.integers(windows - length + 1, size=(RESAMPLES, -(-windows // length)))
    rows = (starts[..., None] + np.arange(length)).reshape(RESAMPLES, -1)
    curves = (
        np.where(valid, table_, 0)[row].sum(axis=0) / np.maximum(1, valid[row].sum(axis=0)) for row in rows
    )
    return np.array([np.median(curve) - curve.min() for curve in curves])


def true_confidence(sound: str) -> float:
    """Of one endless clip, nearly; of unrelated sound 0, for its true curve is level."""
    if sound == "unrelated":
        return 0.0
    return confidence_of(distance_curve(distances(*features(sound, TRUTH_WINDOWS, seed=10**6))))


def features(sound: str, windows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Lips and speech, (T, 12) each, whose neighbours are alike: AR(1) with ρ 0.8."""
    own, foreign = SOUNDS[sound]
    draw = np.random.default_rng([seed, windows])
    lips, noise = (
        lfilter(
            [1],
            [1, -NEIGHBOURS],
            np.sqrt(1 - NEIGHBOURS**2) * draw.normal(size=(windows + 50, WIDTH)),
            axis=0,
        )[50:]
        for _ in range(2)
    )
    return lips, own * lips + foreign * noise


def holds(found: Interval | Difference, truth: float) -> bool:
    return bool(found.ci_low <= truth <= found.ci_high)


def inside(truth: float, resampled: np.ndarray) -> bool:
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return bool(low <= truth <= high)


if __name__ == "__main__":
    main()
