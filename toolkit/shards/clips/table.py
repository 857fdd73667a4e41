"""``clips.parquet``: one row a clip, made from the samples, written, read and compared with them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechlip.checks import fits, in_words
from speechlip.errors import ShardError
from speechlip.files.parquet import write_parquet
from speechlip.files.stamps import sha256_of
from speechlip.format import CLIPS, shard_file
from speechlip.manifest import Manifest, RowsFile, ShardRow
from speechlip.remote.mirror import shard_on_disk
from speechlip.shards.clips.columns import (
    Column,
    all_columns,
    columns_of,
    meta_columns,
    schema_of,
    table_name,
)
from speechlip.shards.clips.scan import SampleSpan, scan_shard
from speechlip.timing import seconds
from speechlip.wording import counted

if TYPE_CHECKING:
    from pyarrow import Schema, Table

MADE_ANEW = "make it anew by `speechlip clips FOLDER --make`"
LONGEST_WHOLE = 2**63
AT_A_TIME = 10_000
MAX_CLIPS = 10**8
"""Read at most, of a file that may come from anywhere: dictionaries make endless rows of a few bytes."""
NEEDED = {"key": str, "split": str, "shard": str, "seconds": float, "speaker": str}
"""Column that every clip has a value in → its type."""
Row = dict[str, Any]


def clips_from_shards(folder: Path, shards: Iterable[ShardRow], own: Sequence[str] = ()) -> "Table":
    """The table of all clips, from the samples themselves. own: names of the users' own columns.

    Raises ShardError for a shard that cannot be read, or a ``json`` that holds another type.
    """
    return table_of(rows_of_shards(folder, shards, own), all_columns(own))


def rows_of_shards(folder: Path, shards: Iterable[ShardRow], own: Sequence[str]) -> Iterator[Row]:
    """The rows of all clips; a shard that is elsewhere lies on this disk for as long as it is read."""
    for shard in shards:
        with shard_on_disk(folder, shard.name, shard.bytes) as path:
            yield from (clip_row(shard, span, own) for span in scan_shard(path))


def table_of(rows: Iterable[Row], columns: Sequence[Column]) -> "Table":
    """Rows as a table with these columns, nulls where a row has none; ``AT_A_TIME`` are held as records."""
    import pyarrow

    schema, rest = schema_of(columns), iter(rows)
    parts = [schema.empty_table()]
    while some := list(islice(rest, AT_A_TIME)):
        values = {column.name: [row.get(column.name) for row in some] for column in columns}
        parts.append(pyarrow.table(values, schema=schema))
    return pyarrow.concat_tables(parts)


def clip_row(shard: ShardRow, span: SampleSpan, own: Sequence[str] = ()) -> Row:
    """The row of one clip. Raises ShardError where its ``json`` holds another type than ``SampleMeta``."""
    places: Row = {
        "key": span.key,
        "split": shard.split,
        "shard": shard.name,
        "byte_offset": span.offset,
        "byte_length": span.length,
        "seconds": seconds(span.meta["n_frames"]),
    }
    stated = {
        column.name: _value(shard, span, column, span.meta.get(column.name))
        for column in meta_columns()
        if column.name not in own
    }
    of_own = {table_name(name): span.meta.get(name) for name in own}
    return places | stated | {name: _text(value) for name, value in of_own.items()}


def _value(shard: ShardRow, span: SampleSpan, column: Column, value: Any) -> Any:
    if value is None:
        return None
    if not fits(value, column.kind) or (column.kind is int and abs(value) >= LONGEST_WHOLE):
        raise ShardError(
            f"sample {span.key!a} of {shard_file(shard.name)}: json field {column.name} is "
            f"{ascii(value)[:40]}, wanted {in_words(column.kind)}; run verify-shards"
        )
    return _text(value) if column.kind is str else column.kind(value)


def _text(value: Any) -> str | None:
    """Text as parquet can hold it: half a surrogate pair becomes an escape."""
    return None if value is None else str(value).encode("utf-8", "backslashreplace").decode()


def write_clips(folder: Path, table: "Table") -> RowsFile:
    """Write ``clips.parquet``; what the manifest says of it."""
    path = folder / CLIPS
    sha256 = write_parquet(path, table)
    return RowsFile(sha256=sha256, bytes=path.stat().st_size, rows=table.num_rows)


def read_clips(folder: Path, manifest: Manifest) -> "Table":
    """The table of all clips of a folder: its ``clips.parquet``; of an older release, from the samples.

    Raises ShardError where the file is missing, cannot be read, or is not the one that the manifest names.
    """
    if manifest.clips is None:
        return clips_from_shards(folder, manifest.shards, manifest.columns)
    path = folder / CLIPS
    table = table_in(path, manifest)
    if (sha256 := sha256_of(path)) != manifest.clips.sha256:
        raise ShardError(
            f"{path} was changed after it was written: its SHA-256 is {sha256}, "
            f"the manifest says {manifest.clips.sha256}; copy it again, or {MADE_ANEW}"
        )
    return table


def table_in(path: Path, manifest: Manifest) -> "Table":
    """The table in a file, whatever its hash. Raises ShardError where it is none of these clips."""
    import pyarrow
    import pyarrow.parquet

    if not path.is_file():
        raise ShardError(f"{path} is missing though manifest.json lists it; copy it again, or {MADE_ANEW}")
    wanted = sum(row.clips for row in manifest.shards)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            n_rows, schema = file.metadata.num_rows, file.schema_arrow
            if n_rows > MAX_CLIPS:
                raise ShardError(f"{path} has {n_rows} rows, at most {MAX_CLIPS} are read")
            if n_rows != wanted:
                raise ShardError(f"{path} has {n_rows} rows, the shards hold {wanted} clips; {MADE_ANEW}")
            if not are_columns_of_clips(schema):
                raise ShardError(f"{path} has the columns {schema.names}, which are no clips'; {MADE_ANEW}")
            table = file.read()
    except (OSError, ValueError, MemoryError, pyarrow.ArrowException) as error:
        why = str(error) or type(error).__name__
        raise ShardError(f"{path} cannot be read ({why}); copy it again, or {MADE_ANEW}") from error
    if wrong := no_value_in(table):
        raise ShardError(f"{path}: {wrong}; {MADE_ANEW}")
    return table


def are_columns_of_clips(schema: "Schema") -> bool:
    """Whether each name is there once, and those that every clip says have their types."""
    columns = {column.name: column for column in columns_of(schema) or ()}
    return len(columns) == len(schema.names) and all(
        name in columns and columns[name].kind is kind for name, kind in NEEDED.items()
    )


def no_value_in(table: "Table") -> str:
    """What no sample says: a number that is none, or nothing where each says something; else empty."""
    import pyarrow.compute as compute

    for name in NEEDED:
        if table[name].null_count:
            return f"{name} is missing of {counted(table[name].null_count, 'clip')}"
    for name, values in zip(table.column_names, table.columns, strict=True):
        if values.type == "double" and compute.all(compute.is_finite(values)).as_py() is False:
            return f"{name} holds what is no number"
    return ""


def row_differences(listed: "Table", made: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    """What the rows of one shard say otherwise than the rows made from its samples: at most one sentence.

    Columns that the file does not have, or that this release does not know, are not compared.
    """
    names = [column.name for column in columns if column.name in listed.column_names]
    wanted: list[Mapping[str, Any]] = [{name: row.get(name) for name in names} for row in made]
    stated = listed.select(names).to_pylist()
    if len(stated) != len(wanted):
        yield f"has {len(stated)} rows of a shard that holds {len(wanted)} clips"
        return
    for says, holds in zip(stated, wanted, strict=True):
        for name in names:
            if says[name] != holds[name]:
                yield f"says {name} {says[name]!r} of {holds['key']}, its sample says {holds[name]!r}"
                return
