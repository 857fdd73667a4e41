"""What the clips of a folder are like, column by column: least, median and greatest value."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.cards.chart import number
from speechlip.manifest import Manifest
from speechlip.shards.clips.columns import NO_QUALITY, columns_of
from speechlip.shards.clips.query import column_values
from speechlip.shards.clips.table import read_clips


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


def column_ranges(folder: Path, manifest: Manifest) -> list[ColumnRange]:
    """The columns of numbers of ``clips.parquet`` in which any clip says something; none where a folder of an
    older release has no such file.

    Raises ShardError as ``read_clips`` does.
    """
    return [] if manifest.clips is None else list(_ranges(folder, manifest))


def _ranges(folder: Path, manifest: Manifest) -> Iterator[ColumnRange]:
    table = read_clips(folder, manifest)
    for column in columns_of(table.schema) or ():
        if not column.is_number or column.name in NO_QUALITY:
            continue
        values = column_values(table, column.name)
        stated = values.data[~values.nulls]
        if len(stated):
            span = (stated.min(), np.median(stated), stated.max())
            yield ColumnRange(
                column.name, column.unit, column.meaning, len(stated), *(number(float(each)) for each in span)
            )
