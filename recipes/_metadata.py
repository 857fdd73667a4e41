"""``metadata.csv``: what a person says of the videos of a folder, one row each."""

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.files.reading import read_errors_told

FILE, LICENCE = "file", "licence"
ALSO_FILE = ("file_name", "path")
ALSO_LICENCE = "license"
COLUMNS = (FILE, "speaker", "split", "transcript", LICENCE)
SPLIT_NAMES = ("train", "validation", "test")
Row = dict[str, str]


@dataclass(frozen=True)
class Metadata:
    """Rows by video, and the columns that are carried along as text."""

    rows: dict[str, Row] = field(default_factory=dict)
    other_columns: tuple[str, ...] = ()

    def of(self, name: str) -> Row:
        """What the row of a video says of it, by the names in ``COLUMNS``; empty where it has no row."""
        return self.rows.get(key_of(name), {})

    def more_of(self, name: str) -> Row:
        """Its other columns, all of them for every video, empty where it has no row or the cell is empty."""
        row = self.of(name)
        return {column: row.get(column, "") for column in self.other_columns}


def read_metadata(path: Path, found: Iterable[str]) -> Metadata:
    """``metadata.csv`` of a folder with these videos; empty where there is none. Raises OptionError."""
    if not path.is_file():
        return Metadata()
    keys = {key_of(name) for name in found}
    columns, table = table_of(path, keys)
    rows: dict[str, Row] = {}
    for where, row in table:
        _check_row(where, row, keys, rows)
        rows[key_of(row[FILE])] = row
    return Metadata(rows, tuple(column for column in columns if column not in COLUMNS))


def table_of(path: Path, keys: Set[str] = frozenset()) -> tuple[list[str], list[tuple[str, Row]]]:
    """Columns, and rows each with where it stands. Raises OptionError for what is no such table.

    keys: names of videos that may begin or end with a space.
    """
    with read_errors_told(path), path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        try:
            header, *table = [row for row in reader if row] or [[]]
        except (UnicodeDecodeError, csv.Error) as error:
            raise OptionError(f"{path} is not a CSV file in UTF-8: {error}") from error
    columns = named_columns(path, header)
    rows: list[tuple[str, Row]] = []
    for line, cells in enumerate(table, start=2):
        where = f"{path}, row {line}"
        if len(cells) > len(columns):
            raise OptionError(
                f"{where} has more cells than columns: {cells[len(columns) :]}; "
                "put quotes around cells with commas"
            )
        row = dict(zip(columns, map(str.strip, cells), strict=False))
        unstripped = dict(zip(columns, cells, strict=False)).get(FILE, "")
        row[FILE] = unstripped if key_of(unstripped) in keys else row.get(FILE, "")
        rows.append((where, row))
    return columns, rows


def named_columns(path: Path, header: list[str]) -> list[str]:
    """The columns by our names, an empty one as ``column_N``. Raises OptionError for a missing or double one.

    >>> named_columns(Path("metadata.csv"), ["", "File_Name ", "License", "Emotion"])
    ['column_1', 'file', 'licence', 'Emotion']
    """
    columns = [column.strip() or f"column_{place}" for place, column in enumerate(header, start=1)]
    columns = [
        column.lower() if column.lower() in (*COLUMNS, *ALSO_FILE, ALSO_LICENCE) else column
        for column in columns
    ]
    columns = [LICENCE if column == ALSO_LICENCE else column for column in columns]
    named = next((name for name in (FILE, *ALSO_FILE) if name in columns), FILE)
    columns = [FILE if column == named else column for column in columns]
    if FILE not in columns:
        advice = (
            f"commas between {', '.join(COLUMNS)} and others of your own; "
            f"{', '.join(ALSO_FILE)} serve as {FILE}, license as {LICENCE}"
        )
        there = ", ".join(map(repr, columns)) or "no column at all"
        raise OptionError(
            f"{path} has {there}, and no column {FILE!r}, the video's path relative to {path.parent}; "
            f"{advice}"
        )
    if twice := [column for column, count in Counter(columns).items() if count > 1]:
        raise OptionError(f"{path} has the column {twice[0]!r} twice; keep one of them")
    return columns


def _check_row(where: str, row: Row, found: set[str], rows: dict[str, Row]) -> None:
    name = row[FILE]
    if key_of(name) not in found:
        raise OptionError(
            f"{where} names {name!r}, and there is no such video; "
            "correct the path (relative, with /) or remove the row"
        )
    if key_of(name) in rows:
        raise OptionError(f"{where} names {name!r} a second time; keep one row for each video")
    split = row.get("split", "")
    if split and split not in SPLIT_NAMES:
        raise OptionError(f"{where} has split {split!r}; it may be: {', '.join(SPLIT_NAMES)}, or empty")


def key_of(name: str) -> str:
    """One spelling for names that look the same: macOS writes é as two characters."""
    return unicodedata.normalize("NFC", name)
