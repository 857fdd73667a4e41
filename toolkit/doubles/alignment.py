"""How one recording lies in another: at which speed, how much later, and over which part of it."""

from dataclasses import dataclass

import numpy as np

SPEEDS = np.array(sorted(np.arange(180, 221) / 200, key=lambda speed: (round(abs(speed - 1), 3), speed)))
"""0.9 to 1.1, the least changed first."""
CELL_S = 0.1
"""Votes within so much of each other agree."""
MUCH_BETTER = 1.1
"""A speed that is further from 1 has to explain so many times the votes."""
VOTES_PER_S = 20
"""Votes closer together count once."""
LEAST_VOTES = 8
"""Twice what different speech of one voice had at most (docs/decisions/doubles.md)."""
PARTS = 8
"""Into which the common time is cut to see how evenly votes lie in it, of a second or more."""
LEAST_EVENNESS = 0.5


@dataclass(frozen=True)
class Alignment:
    """Time t of the first recording is time ``speed · t + offset_s`` of the second.

    votes: hashes that say so.
    first_s, second_s: (start, stop) of the common time in either recording.
    """

    speed: float
    offset_s: float
    votes: int
    first_s: tuple[float, float]
    second_s: tuple[float, float]


def aligned(
    first_s: np.ndarray, second_s: np.ndarray, first_length_s: float, second_length_s: float
) -> Alignment | None:
    """How two recordings lie to each other, or None where that is chance.

    first_s, second_s: (N,) times of the hashes that they share.
    """
    speed, offset_s, agreeing = best_line(first_s, second_s)
    times_s = first_s[agreeing]
    votes = distinct(times_s)
    if votes < LEAST_VOTES:
        return None
    speed, offset_s = fitted(times_s, second_s[agreeing], speed, offset_s)
    start_s, stop_s = max(0.0, -offset_s / speed), min(first_length_s, (second_length_s - offset_s) / speed)
    if stop_s <= start_s or evenness(times_s, start_s, stop_s) < LEAST_EVENNESS:
        return None
    in_second = speed * start_s + offset_s, speed * stop_s + offset_s
    return Alignment(
        round(speed, 3), round(offset_s, 2), votes, rounded(start_s, stop_s), rounded(*in_second)
    )


def best_line(first_s: np.ndarray, second_s: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Speed, offset in seconds, and which hashes lie within ``CELL_S`` of that line."""
    best, most = (1.0, 0.0), 0.0
    for speed in SPEEDS:
        rest = second_s - speed * first_s
        cells, counts = np.unique(np.round(rest / CELL_S), return_counts=True)
        offset_s = float(cells[counts.argmax()] * CELL_S)
        votes = distinct(first_s[np.abs(rest - offset_s) < CELL_S])
        if votes > most * MUCH_BETTER:
            best, most = (float(speed), offset_s), votes
    return *best, np.abs(second_s - best[0] * first_s - best[1]) < CELL_S


def distinct(times_s: np.ndarray) -> int:
    return len(np.unique(np.round(times_s * VOTES_PER_S)))


def fitted(first_s: np.ndarray, second_s: np.ndarray, speed: float, offset_s: float) -> tuple[float, float]:
    """The line through the votes by least squares, where they spread enough to tell the speed."""
    if np.ptp(first_s) < 2.0:
        return speed, offset_s
    slope, start_s = np.polyfit(first_s, second_s, 1)
    return float(slope), float(start_s)


def evenness(times_s: np.ndarray, start_s: float, stop_s: float) -> float:
    """In how many of up to ``PARTS`` equal parts of the common time a vote lies, as a share."""
    n_parts = int(np.clip(stop_s - start_s, 1, PARTS))
    part = np.clip((times_s - start_s) / (stop_s - start_s) * n_parts, 0, n_parts - 1).astype(int)
    return len(np.unique(part)) / n_parts


def rounded(start_s: float, stop_s: float) -> tuple[float, float]:
    return round(max(0.0, start_s), 2), round(stop_s, 2)
