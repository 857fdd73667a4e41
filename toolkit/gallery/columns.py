"""The columns of numbers of all clips: how many say a value, the least, median and greatest."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from speechlip.cards.chart import number
from speechlip.shards.clips.columns import NO_QUALITY, Column, meta_columns
from speechlip.shards.sample_meta import SampleMeta

COLUMNS: tuple[Column, ...] = tuple(
    column for column in meta_columns() if column.is_number and column.name not in NO_QUALITY
)


def value_of(meta: SampleMeta, name: str) -> float | None:
    """A number of the ``json``; None where it is none: nobody checked it yet."""
    value = getattr(meta, name)
    return value if isinstance(value, int | float) and abs(value) < float("inf") else None


def stated(meta: SampleMeta) -> Iterable[tuple[str, float]]:
    """The columns of numbers of which a clip says a value, with it."""
    values = ((column.name, value_of(meta, column.name)) for column in COLUMNS)
    return ((name, value) for name, value in values if value is not None)


def ranges(values: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """(name, unit, clips, least, median, greatest, meaning) of each column that any clip says.

    >>> ranges({"yaw_deg": [2.0, -4.5, 3.0]})
    [['yaw_deg', '°', '3', '-4.5', '2', '3', "median turn of the head, above 0 to the image's right"]]
    """
    return [
        [
            column.name,
            column.unit,
            str(len(own)),
            *(number(float(each)) for each in (min(own), np.median(own), max(own))),
            column.meaning,
        ]
        for column in COLUMNS
        if (own := values.get(column.name))
    ]
