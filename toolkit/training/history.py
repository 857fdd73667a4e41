"""``history.csv`` of a run: one row per look at the validation pairs."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from speechlip.errors import ModelError, WriteError
from speechlip.files.writing import write_text

NAME = "history.csv"


@dataclass(frozen=True)
class Row:
    """step: the last one counted in. loss: mean since the row before, or since this process began. lr: at that step. auc: pair AUC on the fixed
    validation pairs, NaN where there are none. windows_per_s: pairs learned from per second of training. data_wait: share of that time spent
    waiting for a batch. elapsed_s: since this process began.
    """

    step: int
    loss: float
    lr: float
    auc: float
    windows_per_s: float
    data_wait: float
    elapsed_s: float


COLUMNS = [field.name for field in fields(Row)]


def begin(run: Path, step: int = 0) -> None:
    """Start the file of a run, or cut an earlier one down to the rows up to ``step``. Raises ModelError where it has other columns."""
    path = run / NAME
    rows = (
        list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if step and path.is_file() else []
    )
    if rows and list(rows[0]) != COLUMNS:
        raise ModelError(f"{path} has other columns than {', '.join(COLUMNS)}; move it away to go on")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if int(row["step"]) <= step)
    write_text(path, text.getvalue())


def append(run: Path, row: Row) -> None:
    """Add one row, to six digits. Raises WriteError."""
    values = {
        name: f"{value:.6g}" if isinstance(value, float) else value for name, value in asdict(row).items()
    }
    try:
        with (run / NAME).open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(values)
    except OSError as error:
        raise WriteError(
            f"cannot write {run / NAME}: {error.strerror or error}; mend that, --resume goes on from the last checkpoint"
        ) from error


def read(run: Path) -> list[Row]:
    """The rows of a run; none where it has not looked yet. Raises ModelError for a file that is not what ``append`` writes."""
    path = run / NAME
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []
    try:
        return [Row(int(row["step"]), *(float(row[name]) for name in COLUMNS[1:])) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path} has other rows than {', '.join(COLUMNS)} ({error}); restore it to go on"
        ) from error
