"""Where a long recording may be cut, so that each piece has its words: phones recognised without the text are
matched with those of the text.

Both are lists of thousands; the best match of all of them (Needleman and Wunsch's) holds where many phones
are wrong, where something is said that is not written, and the other way round. Why the
costs are what they are: docs/decisions/aligning.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.phones.visemes import VISEME_OF
from speechlip.phones import SILENCE
from speechlip.records import Phone
from speechlip.workers.processes import alive

VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
SAME, SAME_VISEME, BOTH_VOWELS, BOTH_CONSONANTS, OTHER, LEFT_OUT = 1.0, 0.3, -0.2, -0.7, -1.5, -0.6
"""What a phone adds that is matched with such a phone, or with none."""
NEAR = 6
"""Phones of the text before and behind a cut by which it is judged."""
SHORTEST_S, LONGEST_S = 8.0, 20.0
"""A cut is looked for so far behind the last one; later ones are taken only where there is none."""
LONGEST_PAUSE_S = 0.5
"""A longer pause makes no better cut."""
WIDE_S = 2.0
"""A longer stretch between two words belongs to neither."""
PATH, UP, LEFT = 0, 1, 2
STEP = 64
"""Rows between two signs of life."""


@dataclass(frozen=True)
class Matched:
    """Phones of a text matched with recognised ones.

    likeness: sum of what all phones add, for one of the text: 1 at best.
    pairs: (place in the text, place among the recognised) in order.
    """

    likeness: float
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Cut:
    """A place to cut, before the word ``word``.

    leave_s: where the word before it ends.
    resume_s: where that word begins.
    quality: higher is better.
    """

    leave_s: float
    resume_s: float
    word: int
    quality: float

    @property
    def time_s(self) -> float:
        return (self.leave_s + self.resume_s) / 2


def match(said: Sequence[str], heard: Sequence[str]) -> Matched:
    """The best match of the phones of a text with recognised ones.

    Time grows with the product of both, memory with that of the first's square root and the second: every
    so many rows one is kept, and the rows between are computed again.

    >>> best = match(["T", "AA", "D", "P"], ["T", "P"])
    >>> round(best.likeness, 2), best.pairs
    (0.2, ((0, 0), (3, 1)))
    """
    rows, columns = np.array([*map(number_of, said)], int), np.array([*map(number_of, heard)], int)
    step = max(1, int(np.sqrt(len(rows))))
    row = np.arange(len(columns) + 1) * LEFT_OUT
    kept = []
    for start in range(0, len(rows), step):
        kept.append(row)
        row, _ = onward(row, rows[start : start + step], columns)
    likeness, pairs = float(row[-1]) / max(len(rows), 1), []
    column = len(columns)
    for number in reversed(range(len(kept))):
        start = number * step
        _, steps = onward(kept[number], rows[start : start + step], columns)
        place = len(steps)
        while place:
            how = int(steps[place - 1][column])
            if how == PATH:
                pairs.append((start + place - 1, column - 1))
            place, column = place - (how != LEFT), column - (how != UP)
    return Matched(likeness, tuple(reversed(pairs)))


def likeness(said: Sequence[str], heard: Sequence[str]) -> float:
    """That of the best match, without the match."""
    rows, columns = (np.array([*map(number_of, side)], int) for side in (said, heard))
    row = np.arange(len(columns) + 1) * LEFT_OUT
    for start in range(0, len(rows), STEP):
        row, _ = onward(row, rows[start : start + STEP], columns)
    return float(row[-1]) / max(len(rows), 1)


def onward(row: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The last of further rows of the table, and how each place of each row is reached."""
    alive()
    ramp, steps = np.arange(len(row)) * LEFT_OUT, []
    for phone in rows:
        across = np.concatenate([[-np.inf], row[:-1] + COSTS[phone, columns]])
        up = row + LEFT_OUT
        reached = np.maximum(across, up)
        row = np.maximum.accumulate(reached - ramp) + ramp
        steps.append(np.where(row > reached + 1e-9, LEFT, np.where(across >= up, PATH, UP)).astype(np.uint8))
    return row, steps


LABELS = {label: number for number, label in enumerate(VISEME_OF)}


def number_of(label: str) -> int:
    return LABELS.get(label, LABELS[SILENCE])


def cost(one: str, other: str) -> float:
    """What two phones add that are matched."""
    if SILENCE in (one, other):
        return OTHER
    if one == other:
        return SAME
    if VISEME_OF[one] == VISEME_OF[other]:
        return SAME_VISEME
    if (one in VOWELS) != (other in VOWELS):
        return OTHER
    return BOTH_VOWELS if one in VOWELS else BOTH_CONSONANTS


COSTS = np.array([[cost(one, other) for other in LABELS] for one in LABELS])


def cuts(
    said: Sequence[str], word_of: Sequence[int], heard: Sequence[Phone], matched: Matched
) -> Iterator[Cut]:
    """Every border of two words both of whose phones beside it are matched.

    word_of: number of the word of each phone of the text.
    """
    place_of = dict(matched.pairs)
    alike = np.array([n in place_of and said[n] == heard[place_of[n]].phone for n in range(len(said))])
    for number in range(1, len(said)):
        before, after = place_of.get(number - 1), place_of.get(number)
        if word_of[number] == word_of[number - 1] or before is None or after is None:
            continue
        leave_s, resume_s = heard[before].end_s, heard[after].start_s
        near = alike[max(0, number - NEAR) : number + NEAR]
        quality = float(near.mean()) + min(resume_s - leave_s, LONGEST_PAUSE_S)
        yield Cut(leave_s, resume_s, word_of[number], quality)


def chosen(possible: Sequence[Cut], length_s: float) -> Iterator[Cut]:
    """The cuts that are taken: the best in each stretch, the first beyond it where there is none.

    >>> possible = [Cut(5, 5, 3, 1.5), Cut(10, 10, 6, 0.9), Cut(12, 12, 7, 1.1), Cut(39, 41, 20, 0.5)]
    >>> [cut.time_s for cut in chosen(possible, 45)]
    [12.0, 40.0]
    """
    at_s, waiting = 0.0, [cut for cut in possible if cut.time_s < length_s]
    while length_s - at_s > LONGEST_S:
        waiting = [cut for cut in waiting if cut.time_s >= at_s + SHORTEST_S]
        if not waiting:
            return
        within = [cut for cut in waiting if cut.time_s <= at_s + LONGEST_S]
        taken = max(within, key=lambda cut: cut.quality) if within else waiting[0]
        yield taken
        at_s = taken.time_s
