"""Evaluations → numbers: of one seed, of all seeds with intervals, and the difference to the best row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from speechlip.benchmarking.columns import COLUMNS
from speechlip.benchmarking.evaluation.evaluate import Evaluation
from speechlip.benchmarking.records import CONTROL, HEAD, LIPS
from speechlip.benchmarking.row_records import EDGE_MARK, Difference, EncoderRow, Score, SeedResult
from speechlip.metrics.statistics.differences import LEAST_CLIPS, mean_difference
from speechlip.metrics.statistics.intervals import Interval, interval, mean_interval
from speechlip.metrics.statistics.pair_intervals import auc_difference, auc_interval, resampled_interval
from speechlip.metrics.statistics.pairs import (
    by_kind,
    resampled_average_precisions,
    resampled_equal_error_rates,
)
from speechlip.shards.pairs.frozen import FrozenPair
from speechlip.shards.pairs.rules import NEGATIVES

ALL = "all"
CHANCE = 0.5
SHUFFLED = "shuffled:"
REFERENCE = "mel-cnn-wav2lip"
"""The speech network that by published rows takes most of a trained encoder's gain over HuBERT."""
NO_CLIP = "no clip is long enough: 44 frames are wanted"


@dataclass(frozen=True)
class PairFacts:
    """The frozen pairs as arrays."""

    label: np.ndarray
    """(P,) 1 for a match, 0 for a mismatch."""
    kind: np.ndarray
    """(P,) name of the kind."""
    clip: np.ndarray
    """(P,) key of the clip of the lips."""
    off: dict[str, str]
    """Kinds without any pair → why."""

    @classmethod
    def of(cls, pairs: Sequence[FrozenPair], off: dict[str, str]) -> "PairFacts":
        label, kind, clip = (
            np.array([getattr(pair, name) for pair in pairs]) for name in ("label", "kind", "lips_key")
        )
        return cls(label, kind, clip, off)

    def chosen(self, kind: str) -> np.ndarray:
        """(P,) bool: all pairs, or the matches and the mismatches of one kind."""
        return np.full(len(self.label), True) if kind == ALL else (self.label == 1) | (self.kind == kind)


def seed_scores(evaluation: Evaluation, pairs: PairFacts) -> dict[str, float]:
    """Keys of ``COLUMNS`` that this seed has."""
    scores: dict[str, Any] = {}
    for kind, measured in by_kind(evaluation.similarity, pairs.label, pairs.kind).items():
        for name, value in (
            ("pair_auc", measured.auc),
            ("eer", measured.eer),
            ("average_precision", measured.average_precision),
        ):
            scores[name if kind == ALL else f"{name}_{kind}"] = value
    known = evaluation.offsets[~np.isnan(evaluation.offsets)]
    if len(known):
        scores |= {"offset_exact": np.mean(known == 0), "offset_within_one": np.mean(np.abs(known) <= 1)}
        scores |= {
            "sync_confidence": np.nanmean(evaluation.confidence),
            "sync_distance": np.nanmean(evaluation.distance),
        }
    for direction, places in (
        ("lips_to_speech", evaluation.lips_rank),
        ("speech_to_lips", evaluation.speech_rank),
    ):
        scores |= {f"r{k}_{direction}": np.mean(places <= k) for k in (1, 5)}
    return {name: float(scores[name]) for name in COLUMNS if name in scores}


def seed_result(
    seed: int,
    steps: int,
    loss: float | None,
    evaluation: Evaluation,
    pairs: PairFacts,
    mix: tuple[float, ...] = (),
) -> SeedResult:
    """The scores of one seed, and each clip's offset, confidence and distance; None where there is none."""
    sides = (evaluation.confidence, evaluation.distance)
    confidence, distance = (
        tuple(None if np.isnan(value) else float(value) for value in values) for values in sides
    )
    offsets = tuple(None if np.isnan(value) else int(value) for value in evaluation.offsets)
    curve = () if np.isnan(evaluation.curve).any() else tuple(evaluation.curve.tolist())
    scores = seed_scores(evaluation, pairs)
    return SeedResult(seed, steps, loss, scores, offsets, confidence, distance, curve, mix)


def row_scores(
    seeds: Sequence[SeedResult], evaluations: Sequence[Evaluation], pairs: PairFacts, resamples: int
) -> dict[str, Score]:
    """Every column: mean over seeds, interval over clips, spread over seeds; or why it is missing."""
    scores = {}
    for name in COLUMNS:
        values = [seed.scores[name] for seed in seeds if name in seed.scores]
        if len(values) < len(seeds):
            scores[name] = Score(None, reason=why_missing(name, pairs))
            continue
        over = interval_of(name, evaluations, pairs, resamples)
        low, high = (None if np.isnan(end) else float(end) for end in (over.ci_low, over.ci_high))
        scores[name] = Score(float(np.mean(values)), low, high, min(values), max(values))
    return scores


def why_missing(name: str, pairs: PairFacts) -> str:
    kind = name.rpartition("_")[2]
    return pairs.off.get(kind, "no such pairs") if kind in NEGATIVES else NO_CLIP


def interval_of(name: str, evaluations: Sequence[Evaluation], pairs: PairFacts, resamples: int) -> Interval:
    """Of the mean over seeds, over clips."""
    measure, _, kind = name.rpartition("_")
    if kind not in NEGATIVES:
        measure, kind = name, ALL
    if measure in ("pair_auc", "eer", "average_precision"):
        return pair_interval(measure, kind, evaluations, pairs, resamples)
    if name.startswith("r"):
        return recall_interval(name, evaluations, pairs, resamples)
    return mean_interval(
        [per_clip(name, each) for each in evaluations], rate=name in ("offset_exact", "offset_within_one")
    )


def pair_interval(
    measure: str, kind: str, evaluations: Sequence[Evaluation], pairs: PairFacts, resamples: int
) -> Interval:
    """Mean over seeds of ``measure`` on pairs of ``kind``, with a 95 % interval over clips."""
    chosen = pairs.chosen(kind)
    similarity, label, clip = (
        np.stack([each.similarity[chosen] for each in evaluations]),
        pairs.label[chosen],
        pairs.clip[chosen],
    )
    if measure == "pair_auc":
        return auc_interval(similarity, label, clip, resamples)
    score = {"eer": resampled_equal_error_rates, "average_precision": resampled_average_precisions}[measure]
    return resampled_interval(score, similarity, label, clip, resamples)


def recall_interval(
    name: str, evaluations: Sequence[Evaluation], pairs: PairFacts, resamples: int
) -> Interval:
    """Queries of a clip are resampled together; the gallery stays whole."""
    k = int(name[1 : name.index("_")])
    places = [each.lips_rank if name.endswith("lips_to_speech") else each.speech_rank for each in evaluations]
    hits = np.mean([place <= k for place in places], axis=0)
    names, place = np.unique(pairs.clip[pairs.label == 1], return_inverse=True)
    sums, counts = np.bincount(place, hits), np.bincount(place)
    return interval(lambda weights: (weights @ sums) / (weights @ counts), len(names), resamples)


def per_clip(name: str, evaluation: Evaluation) -> np.ndarray:
    """(C,) values whose mean is the column; NaN where a clip has none."""
    error = np.abs(evaluation.offsets)
    hits = {"offset_exact": error == 0, "offset_within_one": error <= 1}
    if name in hits:
        return np.where(np.isnan(error), np.nan, hits[name])
    return {"sync_confidence": evaluation.confidence, "sync_distance": evaluation.distance}[name]


def compared(
    rows: Sequence[EncoderRow], evaluations: Sequence[Sequence[Evaluation]], pairs: PairFacts, resamples: int
) -> list[EncoderRow]:
    """The rows, the best one marked, each other one with its difference to the best.

    evaluations: of each row, empty for a row that failed. The best is the encoder below the common head with
    the highest pair AUC: a run as trained had other training, and controls are no encoders. Without such
    encoders it is the best row of all. A row that is not above chance is never the best.
    """
    scored = [place for place, row in enumerate(rows) if row.scores and evaluations[place]]
    encoders = [place for place in scored if rows[place].role != CONTROL]
    below_the_head = [place for place in encoders if rows[place].mode == HEAD]
    best = max(below_the_head or encoders or scored, key=lambda place: auc_of(rows[place]), default=None)
    if best is None or auc_of(rows[best]) <= CHANCE:
        return list(rows)
    marked = [
        replace(
            row,
            differences=differences(
                evaluations[place], evaluations[best], rows[best].label, pairs, resamples
            ),
        )
        if place in scored and place != best
        else row
        for place, row in enumerate(rows)
    ]
    marked[best] = replace(marked[best], is_best=True)
    return marked


def auc_of(row: EncoderRow) -> float:
    """Pair AUC, 0 where there is none."""
    return row.scores["pair_auc"].value or 0 if "pair_auc" in row.scores else 0


def edge_note(rows: Sequence[EncoderRow]) -> list[str]:
    """Which rows have their rate at an edge of the grid."""
    names = [row.label for row in rows if row.rate and row.rate.at_edge]
    if not names:
        return []
    return [
        f"{EDGE_MARK} the best learning rate is the least or the greatest that was tried: "
        f"a wider grid might score {', '.join(names)} higher"
    ]


def reference_note(rows: Sequence[EncoderRow]) -> list[str]:
    """How to get the row to beat into the table where it is not there."""
    if any(row.network == REFERENCE and row.scores for row in rows):
        return []
    run = f"runs/{REFERENCE}"
    return [
        f"the row to beat is {REFERENCE}, and it is not here: train-encoder SHARDS --encoder {REFERENCE} "
        f"-o {run}, then --encoder {run}"
    ]


def notes_on(rows: Sequence[EncoderRow], clips: int) -> list[str]:
    """Notes on the compared rows: no best, a control above it, shuffled speech not at chance, no p.

    Also rates at the edge of the grid, and the row to beat where it is missing.
    """
    scored = [row for row in rows if row.scores]
    best = next((row for row in scored if row.is_best), None)
    notes = []
    if scored and best is None:
        top = max(scored, key=lambda row: (row.role != CONTROL, auc_of(row)))
        notes.append(
            f"no row is called the best: {top.label}, the highest encoder, has pair AUC {auc_of(top):.3f}, "
            f"and chance is {CHANCE}"
        )
    if best and (low := best.scores["pair_auc"].ci_low) is not None and low <= CHANCE:
        notes.append(
            f"{best.label} is the best of these rows, but its interval reaches chance: it may know nothing"
        )
    for row in scored:
        if best and row.role == CONTROL and row.name != LIPS and auc_of(row) > auc_of(best):
            notes.append(
                f"the control {row.label} ({auc_of(row):.3f}) is above the best encoder, {best.label} "
                f"({auc_of(best):.3f})"
            )
    for row in scored:
        score = row.scores["pair_auc"]
        if (
            row.name.startswith(SHUFFLED)
            and score.ci_low is not None
            and score.ci_high is not None
            and not score.ci_low <= CHANCE <= score.ci_high
        ):
            notes.append(
                f"{row.label} is not at chance ({score.ci_low:.3f} … {score.ci_high:.3f}): lips or position "
                "alone give answers away"
            )
    if clips < LEAST_CLIPS:
        notes.append(f"no p and no stars: they want {LEAST_CLIPS} clips, there are {clips}")
    return [*notes, *edge_note(rows), *reference_note(rows)]


def differences(
    own: Sequence[Evaluation], best: Sequence[Evaluation], label: str, pairs: PairFacts, resamples: int
) -> dict[str, Difference]:
    """Of pair AUC and of exact offsets, where both have them."""
    ours, theirs = (np.stack([seed.similarity for seed in seeds]) for seeds in (own, best))
    paired = {"pair_auc": auc_difference(ours, theirs, pairs.label, pairs.clip, resamples)}
    exact = [np.mean([per_clip("offset_exact", seed) for seed in seeds], axis=0) for seeds in (own, best)]
    if not np.isnan(exact[0] - exact[1]).all():
        paired["offset_exact"] = mean_difference(exact[0], exact[1])
    return {
        name: Difference(label, one.value, one.ci_low, one.ci_high, None if np.isnan(one.p) else one.p)
        for name, one in paired.items()
        if not np.isnan(one.ci_low)
    }
