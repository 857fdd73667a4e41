"""THEval's own normalisation: each measure of the renders beside the same of the user's real videos.

Its score of a measure is 1 − |mean of the renders − mean of the real videos| / |mean of the real videos|; its
final score is the mean of eight such. Five are computed here, so their mean is no final score. Source:
``theval/scoring.py`` of Newbyl/THEval, commit 3603338.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from speechlip.files.tables import csv_text
from speechlip.metrics import table
from speechlip.scoring.records import ScoreRow

FILE = "theval.csv"
GROUP = "theval"
NEED_WEIGHTS = {
    "global aesthetic": "an aesthetic network of pyiqa",
    "mouth quality": "MUSIQ",
    "face quality": "a face quality network",
}
"""Measure that is not computed → whose weights it wants."""
COLUMNS = ("measure", "renders", "real", "score", "clips", "reason")


@dataclass(frozen=True)
class Measure:
    """One row of ``theval.csv``.

    measure: column of ``scores.csv``, or THEval's name of what is not computed; ``mean`` is the last.
    renders, real: means over the clips that have both.
    score: 1 − |renders − real| / |real|; that of the last row is the mean of those above it.
    clips: that have both; of the last row, those that have both of any measure above it.
    reason: why there is no score.
    """

    measure: str
    renders: float | None = None
    real: float | None = None
    score: float | None = None
    clips: int = 0
    reason: str = ""


def measures_of(rows: Iterable[ScoreRow], columns: Iterable[str]) -> tuple[Measure, ...]:
    """All eight measures and their mean; nothing where none of THEval's was asked for.

    rows: those that stand for clips.
    columns: that were asked for.
    """
    rows, asked = tuple(rows), {*columns}
    wanted = [family for family in table.members(GROUP) if family in asked]
    if not wanted:
        return ()
    made = [_measure(family, rows) for family in wanted]
    clips = sum(any(has_both(row, family) for family in wanted) for row in rows)
    refused = [Measure(name, reason=f"needs weights: {of}") for name, of in NEED_WEIGHTS.items()]
    scores = [each.score for each in made if each.score is not None]
    mean = float(np.mean(scores)) if scores else None
    count = f"of {len(scores)} of {len(table.members(GROUP)) + len(refused)}: no final score of THEval"
    return (*made, *refused, Measure("mean", score=mean, clips=clips, reason=count))


def has_both(row: ScoreRow, family: str) -> bool:
    """Whether a clip has a measure of its render and of its real video."""
    return {family, f"{family}_real"} <= row.values.keys()


def _measure(family: str, rows: Iterable[ScoreRow]) -> Measure:
    real = f"{family}_real"
    pairs = [(row.values[family], row.values[real]) for row in rows if has_both(row, family)]
    if not pairs:
        return Measure(family, reason="no clip has it beside its real video")
    of_renders, of_real = np.mean(pairs, axis=0).tolist()
    if not of_real:
        return Measure(family, of_renders, of_real, None, len(pairs), "the real videos' is 0")
    score = 1 - abs(of_renders - of_real) / abs(of_real)
    return Measure(family, of_renders, of_real, score, len(pairs))


def as_csv(measures: Iterable[Measure]) -> str:
    """``theval.csv``."""
    return csv_text(COLUMNS, map(asdict, measures))
