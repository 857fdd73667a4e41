"""Parquet and Arrow files below a folder → rows as plain dicts, by pyarrow alone: nothing is unpickled."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
from pyarrow import parquet

from speechlip.errors import OptionError
from speechlip.recipes._layout import lies_in

ENDINGS = (".arrow", ".parquet")
SPLIT_OF = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}


def table_files(root: Path, exclude: Path | None = None) -> list[Path]:
    """The files that hold a data set below ``root``, sorted.

    Folders that begin with a dot and ``exclude`` are left out. Of a folder that ``save_to_disk`` wrote, those
    that its ``state.json`` names; elsewhere not the ``cache-*.arrow`` that ``map`` leaves behind. Raises
    OptionError where ``root`` is no folder, where one below it cannot be listed, and for a file that is a
    link out of ``root``.
    """
    if not root.is_dir():
        raise OptionError(
            f"no folder {root}; "
            "name a data set that save_to_disk wrote, or a folder of parquet or arrow files"
        )
    left_out = exclude.resolve() if exclude else None
    found: list[Path] = []
    for place, folders, names in os.walk(root, onerror=_unlisted):
        folder = Path(place)
        folders[:] = [
            name for name in folders if not name.startswith(".") and (folder / name).resolve() != left_out
        ]
        found += [folder / name for name in _named_by_state(folder) or names if _is_table(name)]
    for path in found:
        if not lies_in(root, path):
            raise OptionError(
                f"{path} is a link out of {root}; copy the table there, or move the link out of the data set"
            )
    return sorted(found)


def _unlisted(error: OSError) -> NoReturn:
    advice = "its tables would be left out unseen; make it readable, or move it out of the data set"
    raise OptionError(f"the folder {error.filename} cannot be listed ({error.strerror}): {advice}") from error


def _named_by_state(folder: Path) -> list[str]:
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return [Path(entry["filename"]).name for entry in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _is_table(name: str) -> bool:
    return name.endswith(ENDINGS) and not name.startswith(("cache-", "."))


def split_of(name: str) -> str | None:
    """The split that a file's path names, by its folders or the first or last word of its own name.

    >>> paths = "data/train-00000-of-00002.parquet", "dev/data-00000-of-00001.arrow", "faces.parquet"
    >>> tuple(map(split_of, paths))
    ('train', 'validation', None)
    """
    *folders, file = name.split("/")
    words = re.split(r"[-_.]", file.rsplit(".", 1)[0])
    return next((SPLIT_OF[word] for word in (*folders, words[0], words[-1]) if word in SPLIT_OF), None)


def columns(path: Path) -> list[str]:
    """Names of a file's columns. Raises OptionError for a file that is neither Parquet nor Arrow."""
    try:
        reader = _reader(path)
        return list(
            reader.schema_arrow.names if isinstance(reader, parquet.ParquetFile) else reader.schema.names
        )
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def rows(path: Path, wanted: list[str]) -> Iterator[dict]:
    """Rows of one file, ``wanted`` columns alone, one at a time. Raises OptionError for a damaged file."""
    try:
        for batch in _batches(path, wanted):
            for number in range(batch.num_rows):
                yield batch.slice(number, 1).to_pylist()[0]
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _batches(path: Path, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    reader = _reader(path)
    if isinstance(reader, parquet.ParquetFile):
        yield from reader.iter_batches(batch_size=1, columns=wanted)
        return
    batches = (
        (reader.get_batch(i) for i in range(reader.num_record_batches))
        if isinstance(reader, pa.RecordBatchFileReader)
        else reader
    )
    for batch in batches:
        yield batch.select(wanted)


def _reader(path: Path) -> parquet.ParquetFile | pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    if path.suffix == ".parquet":
        return parquet.ParquetFile(path)
    source = pa.memory_map(str(path))
    begins = source.read(6)
    source.seek(0)
    return pa.ipc.open_file(source) if begins == b"ARROW1" else pa.ipc.open_stream(source)


def _damaged(path: Path, error: Exception) -> OptionError:
    return OptionError(
        f"{path} cannot be read as a table: {error}; fetch it again, or move it out of the folder"
    )
