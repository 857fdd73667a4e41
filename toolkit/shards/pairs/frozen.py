"""The frozen evaluation pairs of a split as a file, ``pairs/{split}.parquet``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speechlip.errors import ShardError
from speechlip.files.parquet import write_parquet
from speechlip.shards.pairs.rules import KINDS

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

MAX_ROWS = 10**6
"""Read at most, of a file that may come from anywhere: dictionaries make a thousand million rows of a few
bytes."""


@dataclass(frozen=True)
class FrozenPair:
    """One row of ``pairs/*.parquet``.

    lips_key, audio_key: of the two clips.
    lips_start_frame, audio_start_frame: where the windows start in their clips.
    window: length of both in video frames.
    kind: one of ``KINDS``.
    label: 1 for a positive, else 0.
    offset_frames: speech − lips, None between two clips.
    """

    lips_key: str
    lips_start_frame: int
    audio_key: str
    audio_start_frame: int
    window: int
    kind: str
    label: int
    offset_frames: int | None


def write_pairs(path: Path, pairs: Sequence[FrozenPair]) -> str:
    """Write ``pairs/{split}.parquet`` and return its SHA-256."""
    import pyarrow

    table = pyarrow.Table.from_pylist([vars(pair) for pair in pairs], schema=_schema())
    return write_parquet(path, table)


def read_pairs(path: Path) -> tuple[FrozenPair, ...]:
    """The rows of ``pairs/{split}.parquet``.

    Raises ShardError where the file is missing, damaged, or has other columns.
    """
    import pyarrow
    import pyarrow.parquet

    if not path.is_file():
        raise ShardError(
            f"there are no frozen pairs {path}; prep-shards writes them for every split but train"
        )
    try:
        with pyarrow.parquet.ParquetFile(path) as file:  # read_table would import pandas
            _refuse_table(path, file)
            table = file.read().cast(_schema())
    except (OSError, ValueError, MemoryError, pyarrow.ArrowException) as error:
        raise ShardError(
            f"{path} cannot be read ({str(error) or type(error).__name__}); copy or prepare the folder again"
        ) from error
    rows = tuple(FrozenPair(**row) for row in table.to_pylist())
    for row in rows:
        if (
            None in list(vars(row).values())[:-1]
            or row.kind not in KINDS
            or row.label not in (0, 1)
            or row.window < 1
        ):
            raise ShardError(f"{path} has a row that is no pair: {row}; prepare the folder again")
    return rows


def _refuse_table(path: Path, file: "ParquetFile") -> None:
    """Raises ShardError before anything is read of a table that is none of ours."""
    columns, wanted = file.schema_arrow.names, _schema().names
    if columns != wanted:
        raise ShardError(f"{path} has the columns {columns}, wanted {wanted}; prepare the folder again")
    if file.metadata.num_rows > MAX_ROWS:
        raise ShardError(
            f"{path} has {file.metadata.num_rows} rows, at most {MAX_ROWS} are read; prepare the folder again"
        )


def _schema():
    import pyarrow

    text, number = pyarrow.string(), pyarrow.int32()
    columns = {
        "lips_key": text,
        "lips_start_frame": number,
        "audio_key": text,
        "audio_start_frame": number,
        "window": number,
    }
    return pyarrow.schema(list((columns | {"kind": text, "label": number, "offset_frames": number}).items()))
