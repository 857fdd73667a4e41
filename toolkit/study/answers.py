"""The CSV files that a study's page saves → opinions, each of one rater on one video."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.study.key import BEST, SCALES, Key, KeyRow


@dataclass(frozen=True)
class Answer:
    """What one rater says of one video.

    rater: as typed into the page.
    of: the video.
    points: scale → 1 … 5, of the scales that were answered.
    """

    rater: str
    of: KeyRow
    points: dict[str, int]


def read_answers(paths: Sequence[Path], key: Key) -> tuple[Answer, ...]:
    """Answers in the order of the files.

    Raises OptionError: no file, one that is no such table or of another study, a number that is no video of
    it, points that are none, one rater's answer to one video twice.
    """
    if not paths:
        raise OptionError("no file of answers; name the CSV files that the page saved")
    rows = {row.clip: row for row in key.rows}
    answers: list[Answer] = []
    met: dict[tuple[str, str], Path] = {}
    for path in paths:
        for line, cells in _rows(path):
            where = f"{path}, row {line}"
            if cells["study"] != key.study:
                raise OptionError(
                    f"{where} is of study {cells['study']!r:.40}, and the key is of {key.study}"
                )
            if cells["clip"] not in rows:
                raise OptionError(
                    f"{where} names {cells['clip']!r:.40}, which is no video of study {key.study}"
                )
            rater = cells["rater"].removeprefix("'").strip()
            if not rater:
                raise OptionError(f"{where} has no rater; write a name or number into that column")
            if other := met.get((rater, cells["clip"])):
                raise OptionError(
                    f"{where} has a second answer of rater {rater!r} to {cells['clip']}, "
                    f"the first is in {other}; "
                    "keep one file of each rater, and give two of one name different names"
                )
            met[rater, cells["clip"]] = path
            points = {scale: _points(where, scale, cells[scale]) for scale in SCALES if cells[scale]}
            answers.append(Answer(rater, rows[cells["clip"]], points))
    return tuple(answers)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    wanted = ("study", "rater", "clip", *SCALES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            columns, rows = reader.fieldnames or [], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"{path} cannot be read as a CSV file in UTF-8: {error}") from error
    if missing := [name for name in wanted if name not in columns]:
        raise OptionError(f"{path} has no column {missing[0]!r}; wanted is the CSV that a study's page saves")
    return [(line, {name: (row[name] or "").strip() for name in wanted}) for line, row in enumerate(rows, 2)]


def _points(where: str, scale: str, text: str) -> int:
    if text not in {str(point) for point in range(1, BEST + 1)}:
        raise OptionError(f"{where} has {text!r:.40} on {scale}; wanted is a whole number from 1 to {BEST}")
    return int(text)
