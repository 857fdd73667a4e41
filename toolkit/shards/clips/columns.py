"""The columns of ``clips.parquet``: name, type, unit and meaning of each, derived from ``SampleMeta``.

A scalar field of ``SampleMeta`` is a column: its type is the field's, its unit stands in its name, its
meaning in the docstring of ``SampleMeta``. Before these stand the places of a clip, after them the users' own
columns.
"""

import re
import types
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from speechlip.records import ClipQuality
from speechlip.shards.sample_meta import SampleMeta

if TYPE_CHECKING:
    from pyarrow import DataType, Schema

KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
UNITS = {
    "seconds": "s",
    "fps": "frames/s",
    "_s": "s",
    "_ms": "ms",
    "_px": "px",
    "_deg": "°",
    "_hz": "Hz",
    "_db": "dB",
    "_frames": "frames",
    "_share": "0 to 1",
    "_per_s": "1/s",
    "_per_minute": "1/min",
    "byte_offset": "bytes",
    "byte_length": "bytes",
}
"""Ending of a column's name → unit."""
FIELD = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*): (.*)")


@dataclass(frozen=True)
class Column:
    """One column of ``clips.parquet``.

    name: as conditions write it.
    kind: str, int, float or bool.
    meaning: a phrase; empty for a column that this release does not know.
    """

    name: str
    kind: type
    meaning: str = ""

    @property
    def unit(self) -> str:
        """The unit of its numbers, from its name; empty where they have none.

        >>> Column("face_width_px", float).unit, Column("n_frames", int).unit, Column("track", int).unit
        ('px', 'frames', '')
        """
        endings = [ending for ending in UNITS if self.name.endswith(ending)] if self.is_number else []
        return UNITS[max(endings, key=len)] if endings else ""

    @property
    def is_number(self) -> bool:
        return self.kind in (int, float)

    @property
    def words(self) -> str:
        """Its type in words."""
        return KINDS[self.kind]


KEY = Column("key", str, "of the sample")
PLACES = (
    Column("split", str, "that the clip is in"),
    Column("shard", str, "file in data/ that holds the sample"),
    Column("byte_offset", int, "where the sample begins in its shard"),
    Column("byte_length", int, "of the sample in its shard: headers, members, padding"),
    Column("seconds", float, "length of the clip"),
)
NO_QUALITY = {"byte_offset", "byte_length", "track", "fps", "start_s", "n_frames"}
"""Numbers on which nobody sets a threshold: where a clip lies, and its length once more."""


@cache
def meta_columns() -> tuple[Column, ...]:
    """The scalar fields of ``SampleMeta`` but for the key: its own, then those of ``ClipQuality``."""
    hints, meanings = get_type_hints(SampleMeta), field_meanings(ClipQuality) | field_meanings(SampleMeta)
    measured = {each.name for each in fields(ClipQuality)}
    in_order = sorted((each.name for each in fields(SampleMeta)), key=measured.__contains__)
    kinds = {name: scalar_kind(hints[name]) for name in in_order}
    return tuple(
        Column(name, kind, meanings.get(name, ""))
        for name, kind in kinds.items()
        if kind and name != KEY.name
    )


def all_columns(own: Iterable[str] = ()) -> tuple[Column, ...]:
    """Every column of a folder, in order.

    own: names of the users' own columns (``manifest.json``: columns).
    """
    return (*fixed_columns(), *(Column(table_name(name), str, "of your own") for name in sorted(own)))


def fixed_columns() -> tuple[Column, ...]:
    """The columns that every folder has."""
    return (KEY, *PLACES, *meta_columns())


def table_name(own: str) -> str:
    """What a users' own column is called in the table: its name, unless a fixed column has it.

    >>> table_name("emotion"), table_name("split")
    ('emotion', 'own_split')
    """
    return f"own_{own}" if own in {column.name for column in fixed_columns()} else own


def scalar_kind(hint: Any) -> type | None:
    """The type of a scalar field that may be None; None for what is no scalar.

    >>> scalar_kind(float | None), scalar_kind(tuple[str, ...] | None), scalar_kind(int)
    (<class 'float'>, None, <class 'int'>)
    """
    is_union = get_origin(hint) in (Union, types.UnionType)
    kinds = [kind for kind in (get_args(hint) if is_union else (hint,)) if kind is not types.NoneType]
    return kinds[0] if len(kinds) == 1 and kinds[0] in KINDS else None


def field_meanings(record: type) -> dict[str, str]:
    """Field → what the record's docstring says of it: lines such as ``fps: frames a second``.

    >>> field_meanings(SampleMeta)["start_s"]
    'where the clip begins in its source, s'
    """
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in map(str.strip, (record.__doc__ or "").split("\n")):
        if match := FIELD.fullmatch(line):
            names = match[1].split(", ")
            meanings |= dict.fromkeys(names, match[2].rstrip("."))
        elif line and names:
            meanings |= {name: f"{meanings[name]} {line.rstrip('.')}" for name in names}
        else:
            names = []
    return meanings


def schema_of(columns: Iterable[Column]) -> "Schema":
    """The columns as a schema of pyarrow."""
    import pyarrow

    return pyarrow.schema([(column.name, arrow_type(column.kind)) for column in columns])


def arrow_type(kind: type) -> "DataType":
    import pyarrow

    types_of = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    return types_of[kind]


def columns_of(schema: "Schema") -> tuple[Column, ...] | None:
    """The columns of a table that was read; None where one is of no type that a column has."""
    known = {column.name: column for column in fixed_columns()}
    kinds = {arrow_type(kind): kind for kind in KINDS}
    columns = []
    for field in schema:
        if field.type not in kinds:
            return None
        stated = known.get(field.name)
        kind = kinds[field.type]
        columns.append(stated if stated and stated.kind is kind else Column(field.name, kind, "of your own"))
    return tuple(columns)
