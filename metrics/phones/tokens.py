"""Aligned phones → tokens: one video frame for each spoken phone, the same frames for every encoder.

Goal: which video frames stand for which phones, chosen without reading any feature, so that encoders are
compared at equal frames.
Conventions: an utterance is a clip, by its number in the order given; frame i is on display for [40 i, 40 (i
+ 1)) ms; phones are folded to 39 ARPAbet ones (``visemes.fold``), silence and other labels give no token.
Halves a and b
hold whole utterances, sampled, seeded: probes train on a and are tested on b.
Source: limits are those of the benchmark's specification: a segment of at least 40 ms, a phone of 30 to 300
tokens (more are sampled from, seeded). Functions: choose_tokens, token_features.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.declared import NotScored
from speechlip.metrics.phones.visemes import fold
from speechlip.phones import SILENCE, is_ipa
from speechlip.records import Phone
from speechlip.timing import FPS

MIN_SEGMENT_S = 0.040
MIN_TOKENS, MAX_TOKENS = 30, 300


@dataclass(frozen=True)
class Tokens:
    """N tokens.

    utterance, frame: (N,) int
    phone: (N,) text, ARPAbet
    in_b: (N,) bool, whether its utterance is in half b
    rare: phones with too few tokens → how many
    unknown: labels that are no ARPAbet phone (silence among them) → how many segments
    """

    utterance: np.ndarray
    frame: np.ndarray
    phone: np.ndarray
    in_b: np.ndarray
    rare: dict[str, int]
    unknown: dict[str, int]

    def __len__(self) -> int:
        return len(self.phone)

    def counts(self) -> dict[str, int]:
        """Phone → how many tokens, by name."""
        return dict(sorted(Counter(self.phone.tolist()).items()))


def choose_tokens(
    phones: Sequence[Sequence[Phone]],
    n_frames: Sequence[int],
    seed: int = 0,
    at_least: int = MIN_TOKENS,
    at_most: int = MAX_TOKENS,
) -> Tokens:
    """Tokens of utterances, given the phones of each in its own time, and its length in video frames.

    Raises NotScored where no phone has ``at_least`` tokens, or they come from one utterance only.

    >>> said = ("SIL", 0.1), ("T", 0.2), ("AH0", 0.23), ("T", 0.4)
    >>> starts = (0.0, 0.1, 0.2, 0.23)
    >>> spoken = tuple(Phone(start, end, phone) for start, (phone, end) in zip(starts, said))
    >>> tokens = choose_tokens([spoken, spoken], [10, 10], at_least=2)  # AH0 is too short, SIL is no phone
    >>> tokens.frame.tolist(), tokens.utterance.tolist(), tokens.counts(), tokens.unknown
    ([3, 7, 3, 7], [0, 0, 1, 1], {'T': 4}, {'SIL': 2})
    """
    random = np.random.default_rng(seed)
    segments, unknown = _segments(phones, n_frames)
    counts = Counter(phone for _, _, phone in segments)
    kept = [
        place
        for phone in sorted(counts)
        if counts[phone] >= at_least
        for place in _some(
            [number for number, segment in enumerate(segments) if segment[2] == phone], at_most, random
        )
    ]
    if len({segments[place][0] for place in kept}) < 2:
        raise NotScored("too few phones", _what_there_is(counts, unknown, at_least))
    utterance, frame, phone = (
        np.array(column) for column in zip(*[segments[place] for place in sorted(kept)], strict=True)
    )
    in_b = np.isin(utterance, _half(np.unique(utterance), random))
    return Tokens(
        utterance,
        frame,
        phone,
        in_b,
        {name: n for name, n in sorted(counts.items()) if n < at_least},
        dict(sorted(unknown.items())),
    )


def token_features(tokens: Tokens, features: Sequence[np.ndarray]) -> np.ndarray:
    """Features at the tokens: one (T, D) array a utterance, T video frames → (N, D) float64.

    >>> spoken = (Phone(0.0, 0.1, "T"),)
    >>> tokens = choose_tokens([spoken, spoken], [3, 3], at_least=2)
    >>> token_features(tokens, [np.array([[1.0], [2], [3]]), np.array([[4.0], [5], [6]])]).tolist()
    [[2.0], [5.0]]
    """
    return np.stack(
        [
            np.asarray(features[number][frame], np.float64)
            for number, frame in zip(tokens.utterance, tokens.frame, strict=True)
        ]
    )


def _segments(
    phones: Sequence[Sequence[Phone]], n_frames: Sequence[int]
) -> tuple[list[tuple[int, int, str]], Counter]:
    """(utterance, frame, phone) of every segment that is long enough; other labels → how many segments."""
    segments, unknown = [], Counter[str]()
    for number, (spoken, length) in enumerate(zip(phones, n_frames, strict=True)):
        for segment in spoken:
            phone = None if is_ipa(segment.source) else fold(segment.phone)
            frame = int((segment.start_s + segment.end_s) / 2 * FPS)  # the one on display at the centre
            if phone is None:
                unknown[segment.phone] += 1
            elif segment.end_s - segment.start_s > MIN_SEGMENT_S - 1e-6 and frame < length:
                segments.append((number, frame, phone))
    return segments, unknown


def _some(places: list[int], at_most: int, random: np.random.Generator) -> list[int]:
    return places if len(places) <= at_most else random.choice(places, at_most, replace=False).tolist()


def _half(utterances: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return random.permutation(utterances)[: len(utterances) // 2]


def _what_there_is(counts: Counter, unknown: Counter, at_least: int) -> str:
    common = ", ".join(f"{phone} {n}" for phone, n in counts.most_common(5)) or "none"
    other = [(label, n) for label, n in unknown.most_common() if label != SILENCE]
    others = ", ".join(f"{label!r} {n}" for label, n in other[:3]) or "none"
    return (
        f"phones with at least {at_least} segments of 40 ms, in two clips or more, are wanted; "
        f"there are: {common}; "
        f"labels that are no ARPAbet phones: {others}"
    )
