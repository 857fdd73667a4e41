"""What the clips of a folder are like, by column: least, median, greatest value; commonest texts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechlip.cards.chart import number
from speechlip.manifest import Manifest
from speechlip.shards.clips.columns import NO_QUALITY, Column, columns_of, fixed_columns
from speechlip.shards.clips.query import column_values
from speechlip.shards.clips.table import read_clips

if TYPE_CHECKING:
    from pyarrow import Table

OF_SOURCES = {"key", "split", "shard", "speaker", "source", "source_sha256", "licence", "transcript"}
"""Text that names a clip or its source, of which the ledger tells."""
OF_OPTIONS = {"detector", "crop"}
COMMONEST = 3
"""Texts that are shown of a column."""


@dataclass(frozen=True)
class ColumnRange:
    """The values of one column of numbers.

    name, unit, meaning: as ``shards.clips.columns`` has them.
    clips: how many say a value.
    least, median, greatest: of these, for reading.
    """

    name: str
    unit: str
    meaning: str
    clips: int
    least: str
    median: str
    greatest: str


@dataclass(frozen=True)
class ColumnTexts:
    """The values of one column of text.

    name, meaning: as ``shards.clips.columns`` has them.
    clips: how many say something.
    different: how many different texts.
    commonest: some of them, each with its clips.
    """

    name: str
    meaning: str
    clips: int
    different: int
    commonest: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ColumnFacts:
    """The columns in which any clip says something."""

    ranges: Sequence[ColumnRange] = ()
    texts: Sequence[ColumnTexts] = ()


def column_facts(folder: Path, manifest: Manifest) -> ColumnFacts:
    """The columns of ``clips.parquet`` in which any clip says something, but for those that name a clip or
    its source and those of the user's own; none where a folder of an older release has no such file.

    Raises ShardError as ``read_clips`` does.
    """
    if manifest.clips is None:
        return ColumnFacts()
    table = read_clips(folder, manifest)
    columns = columns_of(table.schema) or ()
    return ColumnFacts(list(_ranges(table, columns)), list(_texts(table, columns)))


def _texts(table: "Table", columns: Sequence[Column]) -> Iterator[ColumnTexts]:
    for column in columns:
        if column not in fixed_columns() or column.kind is not str or column.name in OF_SOURCES | OF_OPTIONS:
            continue
        count = Counter(text for text in table[column.name].to_pylist() if text)
        if count:
            commonest = sorted(count.items(), key=lambda item: (-item[1], item[0]))[:COMMONEST]
            yield ColumnTexts(column.name, column.meaning, count.total(), len(count), tuple(commonest))


def _ranges(table: "Table", columns: Sequence[Column]) -> Iterator[ColumnRange]:
    for column in columns:
        if not column.is_number or column.name in NO_QUALITY:
            continue
        values = column_values(table, column.name)
        stated = values.data[~values.nulls]
        if len(stated):
            span = (stated.min(), np.median(stated), stated.max())
            yield ColumnRange(
                column.name, column.unit, column.meaning, len(stated), *(number(float(each)) for each in span)
            )
