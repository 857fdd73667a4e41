"""``speechlip.clips``: the clips of a prepared folder as a table, and which of them fulfil a condition."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechlip.checks import check_type
from speechlip.errors import OptionError, no_such
from speechlip.manifest import Manifest
from speechlip.remote.mirror import shards_at
from speechlip.shards.clips.columns import Column, columns_of
from speechlip.shards.clips.table import read_clips
from speechlip.shards.clips.terms import Values
from speechlip.shards.clips.where import parse_where
from speechlip.shards.read.shardset import read_manifest

if TYPE_CHECKING:
    from pyarrow import Table


@dataclass(frozen=True)
class Amount:
    """How much some clips are. seconds: their lengths added up."""

    clips: int = 0
    seconds: float = 0.0
    speakers: int = 0


@dataclass(frozen=True)
class ClipTable:
    """The clips of a folder, and which of them fulfil a condition.

    folder: where they lie.
    where: the condition, empty for all.
    table: of all clips, one row each (docs/format.md), as pyarrow has it.
    kept: (N,) bool, whether each fulfils the condition.
    columns: of the table, with type, unit and meaning.
    """

    folder: Path
    where: str
    table: "Table" = field(repr=False)
    kept: np.ndarray = field(repr=False)
    columns: tuple[Column, ...] = field(repr=False)

    def __len__(self) -> int:
        return int(self.kept.sum())

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the clips that fulfil the condition."""
        return self.chosen().to_pylist()

    def chosen(self, columns: Sequence[str] = ()) -> "Table":
        """The clips that fulfil the condition. columns: which, by name; none: all.

        Raises OptionError for a column that is not there.
        """
        if unknown := [name for name in columns if name not in self.table.column_names]:
            raise no_such("column", unknown[0], self.table.column_names)
        return self.table.filter(self.kept).select(list(columns) or self.table.column_names)

    @property
    def keys(self) -> set[str]:
        """Of the clips that fulfil the condition."""
        return set(self.chosen(["key"])["key"].to_pylist())

    def column(self, name: str) -> Values:
        """A column of all clips as an array, and where it is null. Raises OptionError as ``chosen`` does."""
        return column_values(self.table, self.chosen([name]).column_names[0])

    @cached_property
    def splits(self) -> dict[str, tuple[Amount, Amount]]:
        """Split → what is in it, and what of that fulfils the condition."""
        split = self.column("split").data
        return {
            name: (self._amount(split == name), self._amount((split == name) & self.kept))
            for name in dict.fromkeys(split.tolist())
        }

    @cached_property
    def total(self) -> tuple[Amount, Amount]:
        """What is in all splits, and what of that fulfils the condition."""
        return self._amount(np.ones(len(self.kept), bool)), self._amount(self.kept)

    def _amount(self, chosen: np.ndarray) -> Amount:
        lengths, speakers = self.column("seconds").data[chosen], self.column("speaker").data[chosen]
        return Amount(int(chosen.sum()), round(float(lengths.sum()), 2), len(set(speakers.tolist())))


def clips(folder: str | Path, where: str = "", *, split: str | None = None) -> ClipTable:
    """The clips of a prepared folder, and which of them fulfil a condition.

    folder: here, or ``hf://user/name[@revision]``, or ``https://…``.
    where: such as ``seconds >= 2 and abs(yaw_deg) < 40`` (``shards.clips.where``); empty: all clips.
    split: of this split alone; None: of all.

    Raises OptionError for what is no condition and for an unknown column or split; ShardError for a folder
    that is not finished or whose table was altered; HubError for what cannot be reached.
    """
    check_type("where", where, str)
    folder = shards_at(folder)
    manifest = read_manifest(folder)
    table = of_split(read_clips(folder, manifest), manifest, split)
    columns = columns_of(table.schema) or ()
    return ClipTable(folder, where, table, fulfilled(table, columns, where), columns)


def of_split(table: "Table", manifest: Manifest, split: str | None) -> "Table":
    """The rows of one split, all without one. Raises OptionError for a split that is not there."""
    if split is None:
        return table
    if split not in manifest.splits:
        raise OptionError(
            f"no split {split!r} in the folder; there are: {', '.join(manifest.splits) or 'none'}"
        )
    import pyarrow.compute as compute

    return table.filter(compute.equal(table["split"], split))


def fulfilled(table: "Table", columns: Sequence[Column], where: str) -> np.ndarray:
    """(N,) bool: which rows fulfil the condition. Raises OptionError as ``parse_where`` does."""
    if not where.strip():
        return np.ones(table.num_rows, bool)
    term = parse_where(where, {column.name: column.kind for column in columns})
    true = term.values(lambda name: column_values(table, name)).true
    return np.broadcast_to(true, (table.num_rows,)).copy()


def column_values(table: "Table", name: str) -> Values:
    """A column of a table: numbers as float64, text as objects."""
    import pyarrow

    column = table[name].combine_chunks()
    nulls = np.asarray(column.is_null())
    if pyarrow.types.is_string(column.type):
        return Values(np.array(column.fill_null("").to_pylist(), object), nulls)
    if pyarrow.types.is_boolean(column.type):
        return Values(np.array(column.fill_null(False).to_pylist(), bool), nulls)
    return Values(np.asarray(column.fill_null(0), float), nulls)
