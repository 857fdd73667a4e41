"""What came of units that are done, each result read once; rows of the ledger wait in a file."""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from speechlip.errors import GO_ON, WriteError
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.place.earlier_run import losses
from speechlip.preparing.place.parts import added_up
from speechlip.preparing.place.placing import DoneUnit, done_unit
from speechlip.preparing.plan.units import Unit
from speechlip.shards.ledger import LedgerRow, line_of, row_from

REFUSED = ""
"""Stands for a unit's name with the rows of sources that are in no unit."""


class DoneUnits:
    """What the end needs of each unit; the rows as lines of a file without a name in the work folder."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._results: dict[str, DoneUnit] = {}
        self._lost: dict[str, list[str]] = {}
        self._rows_of: dict[str, range] = {}
        self._sources: list[str] = []
        self._offsets = array("q")
        self._end = 0

    def __contains__(self, unit: Unit) -> bool:
        return unit.name in self._results

    def add(self, unit: Unit, result: UnitResult) -> None:
        """Keep a result, in place of one that the unit has already. Raises WriteError."""
        self._keep_rows(unit.name, result.rows)
        self._lost[unit.name] = losses(result.rows)
        self._results[unit.name] = done_unit(unit, result)

    def lost(self, units: Iterable[Unit]) -> list[str]:
        """The sources of these units that another run may keep, each with its reason."""
        return [each for unit in units for each in self._lost[unit.name]]

    def results(self, units: Iterable[Unit]) -> dict[Unit, DoneUnit]:
        """What the end needs of these units, in their order."""
        return {unit: self._results[unit.name] for unit in units}

    def ledger(
        self, units: Sequence[Unit], refused: Iterable[LedgerRow], position: Mapping[str, int]
    ) -> Iterator[bytes]:
        """The lines of the ledger, one for every source, those of its parts added up; then the file is gone.

        refused: rows of sources that are in no unit.
        position: source → its place in the ledger.
        """
        self._keep_rows(REFUSED, refused)
        names = [*(unit.name for unit in units), REFUSED]
        rows = np.fromiter((row for name in names for row in self._rows_of[name]), np.int64)
        unit_of = np.repeat(np.arange(len(names)), [len(self._rows_of[name]) for name in names])
        places = np.fromiter((position[self._sources[row]] for row in rows), np.int64)
        order = np.argsort(places, kind="stable")
        with self._file:
            for _, group in groupby(order, key=lambda each: places[each]):
                own = list(group)
                lines = [self._line(self._offsets[rows[each]]) for each in own]
                parts = [row_from(json.loads(line)) for line in lines] if len(lines) > 1 else []
                yield line_of(added_up(parts, [names[unit_of[each]] for each in own])) if parts else lines[0]

    @cached_property
    def _file(self) -> BinaryIO:
        return TemporaryFile(dir=self._work)  # type: ignore[return-value]

    def _keep_rows(self, name: str, rows: Iterable[LedgerRow]) -> None:
        first = len(self._offsets)
        try:
            for row in rows:
                self._sources.append(row.source)
                self._offsets.append(self._end)
                self._end += self._file.write(line_of(row))
        except OSError as error:
            raise WriteError(f"cannot write to {self._work}: {error.strerror or error}; {GO_ON}") from error
        self._rows_of[name] = range(first, len(self._offsets))

    def _line(self, offset: int) -> bytes:
        self._file.seek(offset)
        return self._file.readline()
