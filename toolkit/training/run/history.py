"""``history.csv`` of a run: one row per validation."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from speechlip.errors import ModelError, WriteError
from speechlip.files.writing import write_text

NAME = "history.csv"


@dataclass(frozen=True)
class HistoryRow:
    """How a run of training stands after a validation."""

    step: int
    """The last one counted in."""
    loss: float
    """Mean since the row before, or since this process began."""
    lr: float
    """Learning rate at that step."""
    auc: float
    """Pair AUC on the fixed validation pairs; NaN where there are none."""
    windows_per_s: float
    """Pairs learned from per second of training."""
    data_wait: float
    """Share of the training time spent waiting for a batch."""
    elapsed_s: float
    """Seconds since this process began."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """Mean of each term of the loss, where it has several; columns of their own."""


OnRow = Callable[[HistoryRow], None]
"""Called with every row as it is written."""
COLUMNS = [each.name for each in fields(HistoryRow) if each.name != "terms"]


def begin(run: Path, step: int = 0, terms: Sequence[str] = ()) -> None:
    """Start the file of a run, or cut an earlier one down to the rows up to ``step``.

    terms: names of the terms of its loss, where it has several.

    Raises ModelError where it has other columns.
    """
    columns = [*COLUMNS, *terms]
    path = run / NAME
    rows = _whole_rows(path) if step else []
    if rows and list(rows[0]) != columns:
        raise ModelError(f"{path} has other columns than {', '.join(columns)}; move it away to go on")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if int(row["step"]) <= step)
    write_text(path, text.getvalue())


def append(run: Path, row: HistoryRow) -> None:
    """Add one row, to six digits. Raises WriteError."""
    said = {name: getattr(row, name) for name in COLUMNS} | dict(row.terms)
    values = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in said.items()}
    try:
        with (run / NAME).open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, list(values), lineterminator="\n").writerow(values)
    except OSError as error:
        raise WriteError(
            f"cannot write {run / NAME}: {error.strerror or error}; mend that, --resume goes on from the "
            "last checkpoint"
        ) from error


def read(run: Path) -> list[HistoryRow]:
    """The rows of a run; none before its first validation.

    Raises ModelError for a file that is not what ``append`` writes.
    """
    path = run / NAME
    rows = _whole_rows(path)
    try:
        return [row_of(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path} has other rows than {', '.join(COLUMNS)} ({error}); restore it to go on"
        ) from error


def _whole_rows(path: Path) -> list[dict[str, str]]:
    """Rows as text, without one that a full disk cut; none where there is no file."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))


def row_of(row: Mapping[str, str]) -> HistoryRow:
    """A row as text. Raises KeyError, TypeError or ValueError where it is none."""
    values = {name: float(text) for name, text in row.items() if name != "step"}
    terms = {name: value for name, value in values.items() if name not in COLUMNS}
    stated: dict[str, Any] = {name: values[name] for name in COLUMNS[1:]}
    return HistoryRow(step=int(row["step"]), terms=terms, **stated)
