"""Rows of one person as units of work: what hears one encoder, and the others one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.rendering.options import RenderOptions
from speechlip.rendering.rows import GROUND_TRUTH, OWN_FRAMES, RowName
from speechlip.scoring.options import ScoreOptions
from speechlip.workers.events import Report


@dataclass(frozen=True)
class RenderUnit:
    """Rows that are made together.

    name: of their encoder, or of the one row.
    """

    name: str
    rows: tuple[RowName, ...]


@dataclass(frozen=True)
class RenderJob:
    """What all units of a run share. Whoever started the run holds the folder ``out``."""

    path: Path
    out: Path
    options: RenderOptions
    scoring: ScoreOptions


@dataclass(frozen=True)
class Reported:
    """The progress of a unit, told to whoever runs it: what is done, in words."""

    report: Report
    name: str

    def begin(self, stage: str, total: float, unit: str, done: float = 0.0) -> None:
        self.report(f"{self.name}: {stage}", 0.0)

    def advance(self, amount: float = 1.0, at: str = "") -> None:
        return

    def say(self, text: str) -> None:
        return


def units_of(rows: Sequence[RowName]) -> tuple[list[RowName], list[RenderUnit]]:
    """The rows that others are compared with, which come first, and the units of all others.

    >>> own = [RowName(GROUND_TRUTH), RowName("mean-crop"), RowName("hubert-9", "hubert@9")]
    >>> [unit.name for unit in units_of(own)[1]]
    ['mean-crop', 'hubert@9']
    """
    first = [row for row in rows if row.name in (GROUND_TRUTH, OWN_FRAMES)]
    others = [row for row in rows if row not in first]
    names = dict.fromkeys(row.encoder or row.name for row in others)
    return first, [
        RenderUnit(name, tuple(row for row in others if (row.encoder or row.name) == name)) for name in names
    ]
