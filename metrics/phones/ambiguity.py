"""Phoneme–viseme ambiguity of a speech encoder, in one record.

Goal: does an encoder place phones that look alike together, and phones that look different apart? The tokens
of one encoder → every number of section "Ambiguity" of docs/protocols.md.
Conventions: R, the pair ratio, is 0 for two phones that coincide and 1 for two as far apart as visemes are on
average; AR, its mean over voiceless and voiced partners (p/b, t/d, …), is wanted low. NV, NP: what a probe
reads of visemes, and of phones within a viseme, 0 at chance and 1 for all. KV, KP: the same of the nearest
neighbours; KV is a plain share. VA, the headline, is high where NV is high and AR is low; NV keeps a useless
encoder from winning by a small AR. Intervals: 95 %, bootstrap over utterances.
Source: the benchmark's specification (``speechlip-encoder-1``). Functions: ambiguity, headline, relative.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.declared import NotScored
from speechlip.metrics.phones.probes import above_chance, mean_recall, neighbour_shares, probe
from speechlip.metrics.phones.spaces import (
    mean_known,
    phone_sums,
    squared_distances,
    token_space,
    viseme_distance,
)
from speechlip.metrics.phones.tokens import Tokens
from speechlip.metrics.phones.visemes import CONSONANTS, CONTROL_PAIRS, VOICED_PAIRS, viseme_classes
from speechlip.metrics.statistics.intervals import percentiles, resample_clips

HEADLINE_MAP = "consensus"
NASAL_PAIR = ("N", "NG")
RESAMPLES = 1000
Array = np.ndarray  # Ambiguity has a field called np


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval over utterances; NaN where it cannot be computed."""

    value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Ambiguity:
    """Every number of one encoder by one viseme map.

    viseme_map: a name of ``visemes.MAPS``
    va, ar, ar_star, nv, np, kv, kp: see above; ar_star is NaN without anchors
    control_contrast: mean R of M/N and M/NG, which look different: wanted high
    separation: mean D2 of phones of different visemes, in units of the tokens' mean square
    silhouette_viseme, silhouette_phone: −1 … 1
    pairs: "T/D" → R, of the pairs that are there
    contrast: the same of M/N, M/NG, N/NG
    matrix_phones: the C consonants that are there
    matrix: (C, C) R of these, NaN on the diagonal
    tokens, utterances: how many
    phones: phone → tokens
    dimensions: of the space
    """

    viseme_map: str
    va: Estimate
    ar: Estimate
    ar_star: Estimate
    nv: Estimate
    np: Estimate
    kv: Estimate
    kp: Estimate
    control_contrast: Estimate
    separation: Estimate
    silhouette_viseme: float
    silhouette_phone: float
    pairs: dict[str, float]
    contrast: dict[str, float]
    matrix_phones: tuple[str, ...]
    matrix: Array
    tokens: int
    utterances: int
    phones: dict[str, int]
    dimensions: int


@dataclass(frozen=True)
class _Plane:
    """Tokens as numbers.

    points: (N, K)
    phone, viseme: (N,) int, viseme −1 outside the map
    utterance: (N,) int
    in_b: (N,) bool
    names: phone → name
    visemes: phone → viseme or None
    counts: (1 + B, U) how often each utterance is in each resample; row 0 has every one once, so that entry 0
        of every statistic is the estimate
    """

    points: np.ndarray
    phone: np.ndarray
    viseme: np.ndarray
    utterance: np.ndarray
    in_b: np.ndarray
    names: list[str]
    visemes: list[str | None]
    counts: np.ndarray


def ambiguity(
    tokens: Tokens,
    features: np.ndarray,
    visemes: str = HEADLINE_MAP,
    anchors: tuple[float, float] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Ambiguity:
    """All numbers for one encoder's features at the tokens, (N, D).

    visemes: a name of ``visemes.MAPS``
    anchors: AR of the lips and AR of the mel spectrum at the same tokens, the ends of AR* Raises NotScored
    where the tokens have no voiceless and voiced partners or fewer than two visemes in both halves, or the
    features are not finite or constant; ValueError for another number of rows.
    """
    if len(features) != len(tokens):
        raise ValueError(
            f"one row of features for each of {len(tokens)} tokens is wanted, got {np.shape(features)}"
        )
    plane = _plane(tokens, token_space(features), visemes, resamples, seed)
    distances = _distances(plane)
    separation = viseme_distance(distances, plane.visemes)
    apart = _estimate(separation, plane).ci_low
    ratios = distances / (separation[:, None, None] if apart > 0 else np.nan)
    nv, ar = _nv(plane), _mean_ratio(ratios, plane.names, VOICED_PAIRS)
    kv, kp = _neighbourhood(plane)
    consonants = [phone for phone in CONSONANTS if phone in plane.names]
    silhouettes = _silhouettes(plane)
    return Ambiguity(
        viseme_map=visemes,
        va=_estimate(headline(nv, ar), plane),
        ar=_estimate(ar, plane),
        ar_star=_estimate(relative(ar, *anchors), plane) if anchors else Estimate(np.nan, np.nan, np.nan),
        nv=_estimate(nv, plane),
        np=_estimate(_np(plane), plane),
        kv=_estimate(kv, plane),
        kp=_estimate(kp, plane),
        control_contrast=_estimate(_mean_ratio(ratios, plane.names, CONTROL_PAIRS), plane),
        separation=_estimate(separation, plane),
        silhouette_viseme=silhouettes[0],
        silhouette_phone=silhouettes[1],
        pairs=_named(ratios[0], plane.names, VOICED_PAIRS),
        contrast=_named(ratios[0], plane.names, (*CONTROL_PAIRS, NASAL_PAIR)),
        matrix_phones=tuple(consonants),
        matrix=_matrix(ratios[0], [plane.names.index(phone) for phone in consonants]),
        tokens=len(tokens),
        utterances=plane.counts.shape[1],
        phones=tokens.counts(),
        dimensions=plane.points.shape[1],
    )


def headline(nv: np.ndarray, ar: np.ndarray) -> np.ndarray:
    """VA = 2 NV (1 − AR) / (NV + 1 − AR), both clipped to 0 … 1.

    0 where AR is NaN, for then visemes do not lie apart.

    >>> headline(np.array([1.0, 0.5, 0.0, 0.5]), np.array([0.0, 0.5, 0.0, np.nan])).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    readable, together = np.clip(nv, 0, 1), 1 - np.clip(np.nan_to_num(ar, nan=1.0), 0, 1)
    total = readable + together
    return np.divide(2 * readable * together, total, out=np.zeros_like(total), where=total > 0)


def relative(ar: np.ndarray, lips: float, mel: float) -> np.ndarray:
    """AR* = (AR − AR of the lips) / (AR of the mel spectrum − AR of the lips).

    0: as ambiguous as lips, 1: as an acoustic feature. NaN where the mel spectrum is no less ambiguous than
    the lips: then the two ends say nothing.

    >>> relative(np.array([0.25, 0.5, 0.75]), 0.25, 0.75).tolist()
    [0.0, 0.5, 1.0]
    """
    return (ar - lips) / (mel - lips if mel > lips else np.nan)


def _plane(tokens: Tokens, points: np.ndarray, visemes: str, resamples: int, seed: int) -> _Plane:
    classes = viseme_classes(visemes)
    names, phone = np.unique(tokens.phone, return_inverse=True)
    known = [classes.get(str(name)) for name in names]
    numbers = {
        viseme: number for number, viseme in enumerate(sorted({one for one in known if one is not None}))
    }
    if len(numbers) < 2 or not any({a, b} <= set(names.tolist()) for a, b in VOICED_PAIRS):
        raise NotScored(
            "too few phones",
            f"two visemes, and a pair such as T and D, are wanted; there are tokens of {' '.join(names)}",
        )
    _, utterance = np.unique(tokens.utterance, return_inverse=True)
    utterances = int(utterance.max()) + 1
    counts = np.concatenate([np.ones((1, utterances), int), resample_clips(utterances, resamples, seed)])
    viseme = np.array([numbers.get(one, -1) if one is not None else -1 for one in known])[phone]
    return _Plane(points, phone, viseme, utterance, tokens.in_b, names.tolist(), known, counts)


def _distances(plane: _Plane) -> np.ndarray:
    """D2 of phones for every resample, (1 + B, P, P).

    Some utterances stand in a resample twice, which makes one phone's two centroids look apart: the resamples
    are moved so that their mean is the estimate.
    """
    distances = squared_distances(phone_sums(plane.points, plane.phone, plane.utterance), plane.counts)
    phones = len(plane.names)
    mean = mean_known(distances[1:].reshape(len(distances) - 1, -1).T).reshape(phones, phones)
    distances[1:] += distances[0] - mean
    return distances


def _nv(plane: _Plane) -> np.ndarray:
    answers = probe(plane.points, plane.viseme, plane.in_b, plane.utterance)
    if answers is None:
        raise NotScored("too few phones", "the two halves of the clips have fewer than two visemes in common")
    return above_chance(mean_recall(answers, plane.counts), 1 / answers.classes)


def _np(plane: _Plane) -> np.ndarray:
    """Mean over the visemes that have several phones; NaN without such."""
    visemes = range(int(plane.viseme.max()) + 1)
    labels = (np.where(plane.viseme == viseme, plane.phone, -1) for viseme in visemes)
    answers = [probe(plane.points, label, plane.in_b, plane.utterance) for label in labels]
    scores = [
        above_chance(mean_recall(one, plane.counts), 1 / one.classes) for one in answers if one is not None
    ]
    return mean_known(np.array(scores).T) if scores else np.full(len(plane.counts), np.nan)


def _neighbourhood(plane: _Plane) -> tuple[np.ndarray, np.ndarray]:
    """KV and KP of every resample: the queries are resampled, their neighbours stay."""
    inside, counts = plane.viseme >= 0, plane.counts
    viseme, phone, utterance = (label[inside] for label in (plane.viseme, plane.phone, plane.utterance))
    shares = neighbour_shares(plane.points[inside], viseme, phone, utterance, counts.shape[1])
    asked, rivals = (
        np.where(counts @ part > 0, counts @ part, np.nan) for part in (shares.asked, shares.rivals)
    )
    return (counts @ shares.viseme) / asked, above_chance(
        (counts @ shares.phone) / rivals, (counts @ shares.chance) / rivals
    )


def _silhouettes(plane: _Plane) -> tuple[float, float]:
    from sklearn.metrics import silhouette_score

    inside = plane.viseme >= 0
    viseme, phone = (
        float(silhouette_score(plane.points[inside], label[inside])) for label in (plane.viseme, plane.phone)
    )
    return viseme, phone


def _mean_ratio(ratios: np.ndarray, names: list[str], pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Mean R over the pairs that are there: (B, P, P) → (B,); NaN without any."""
    there = [ratios[:, names.index(a), names.index(b)] for a, b in pairs if a in names and b in names]
    return mean_known(np.stack(there, axis=1)) if there else np.full(len(ratios), np.nan)


def _named(table: np.ndarray, names: list[str], pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    return {
        f"{a}/{b}": float(table[names.index(a), names.index(b)])
        for a, b in pairs
        if a in names and b in names
    }


def _matrix(table: np.ndarray, order: list[int]) -> np.ndarray:
    matrix = table[np.ix_(order, order)].copy()
    np.fill_diagonal(matrix, np.nan)
    return matrix


def _estimate(values: np.ndarray, plane: _Plane) -> Estimate:
    """Entry 0 with the interval of the resamples, which holds the estimate; no width for one utterance."""
    if np.isnan(values).all():
        return Estimate(np.nan, np.nan, np.nan)
    utterances = plane.counts.shape[1]
    low, high = percentiles(values[1:], utterances) if utterances > 1 else (values[0], values[0])
    return Estimate(float(values[0]), float(np.fmin(low, values[0])), float(np.fmax(high, values[0])))
