"""Opinion scores of people beside the metrics: how far each metric orders clips as they do.

A CSV with the column ``clip`` and one or more columns of numbers, the scales; with ``rater`` it has a row for
each opinion, which are averaged by clip, without it one for each clip (a MOS). So the files that
``speechlip study`` saves are read as they are, and tables of other tests, too.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.errors import OptionError
from speechlip.files.tables import csv_text
from speechlip.metrics import table
from speechlip.metrics.statistics.intervals import Interval
from speechlip.metrics.statistics.rank_correlation import kendall, spearman
from speechlip.scoring.records import ScoreRow
from speechlip.scoring.renders import clip_named, named_alike
from speechlip.wording import counted, listed

CLIP, RATER = "clip", "rater"
NOT_SCALES = (CLIP, RATER, "page", "position", "saved", "seconds", "method", "study")
COLUMNS = (
    "scale", "metric", "clips", "spearman", "spearman_low", "spearman_high", "kendall", "kendall_low",
    "kendall_high",
)  # fmt: skip
Opinions = dict[str, dict[str, float]]
"""Scale → clip → mean opinion."""


@dataclass(frozen=True)
class Agreement:
    """How far one metric and one scale order the clips alike; None where it is not known.

    scale: column of the opinions.
    metric: column of scores.
    clips: that have both.
    spearman, kendall: with the ends of their 95 % intervals; > 0 where more of the metric goes with a better
        opinion.
    """

    scale: str
    metric: str
    clips: int
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    kendall: float | None
    kendall_low: float | None
    kendall_high: float | None


def read_opinions(path: Path | None, clips: Sequence[str]) -> Opinions:
    """Mean opinions of the clips that are scored.

    Raises OptionError: a file that is no such table, clips that are not scored, a single rater.
    """
    if path is None:
        return {}
    columns, rows = _table(path)
    names = named_alike(clips)
    if unknown := list(dict.fromkeys(row[CLIP] for row in rows if not clip_named(row[CLIP], names))):
        many = f"{counted(len(unknown), 'clip')} that {'is' if len(unknown) == 1 else 'are'} not scored"
        raise OptionError(
            f"{path} has opinions of {many}: {listed([repr(name) for name in unknown])}; "
            f"its column clip holds paths such as {clips[0]!r}"
        )
    if RATER in columns and len(raters := {row[RATER] for row in rows}) < 2:
        raise OptionError(
            f"{path} has opinions of one rater ({', '.join(raters) or 'without a name'}), "
            "two or more are wanted: join the files of all raters, or leave out the column rater where "
            "numbers are means"
        )
    return {scale: _means(path, scale, rows, names) for scale in columns if scale not in NOT_SCALES}


def agreements_of(
    rows: Mapping[str, ScoreRow], metrics: Sequence[str], opinions: Opinions
) -> tuple[Agreement, ...]:
    """Every scale with every metric. rows: clip → the row that stands for it."""
    columns = [metric for metric in map(table.metric, metrics) if not metric.beside]
    return tuple(
        _agreement(scale, metric.name, of_clip, rows)
        for scale, of_clip in opinions.items()
        for metric in columns
    )


def _agreement(
    scale: str, metric: str, opinions: Mapping[str, float], rows: Mapping[str, ScoreRow]
) -> Agreement:
    both = [
        (rows[clip].values[metric], opinion)
        for clip, opinion in opinions.items()
        if clip in rows and rows[clip].values.get(metric) is not None
    ]
    values = np.array(both, float).reshape(-1, 2)
    rho, tau = spearman(*values.T), kendall(*values.T)
    return Agreement(scale, metric, len(both), *_numbers(rho), *_numbers(tau))


def _numbers(correlation: Interval) -> tuple[float | None, ...]:
    numbers = (correlation.value, correlation.ci_low, correlation.ci_high)
    return tuple(number if math.isfinite(number) else None for number in numbers)


def _table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="", restval="")
            columns, rows = [name.strip() for name in reader.fieldnames or []], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"{path} cannot be read as a CSV file in UTF-8: {error}") from error
    scales = [name for name in columns if name not in NOT_SCALES]
    if CLIP not in columns or not scales or not rows:
        raise OptionError(
            f"{path} has the columns {', '.join(map(repr, columns)) or 'none'} and {len(rows)} rows; wanted: "
            "clip, any number of scales, and rater where it has a row for each opinion"
        )
    plain = [{name.strip(): (cell or "").strip() for name, cell in row.items() if name} for row in rows]
    return columns, [row | {CLIP: row[CLIP].removeprefix("'")} for row in plain]


def _means(
    path: Path, scale: str, rows: Sequence[Mapping[str, str]], names: Mapping[str, str]
) -> dict[str, float]:
    """Clip → mean of its opinions; empty cells are none."""
    given: dict[str, list[float]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        if not row[scale]:
            continue
        try:
            opinion = float(row[scale])
        except ValueError:
            opinion = math.nan
        if not math.isfinite(opinion):
            raise OptionError(f"{path}, row {line} has {row[scale]!r:.40} on scale {scale!r}; write a number")
        given[str(clip_named(row[CLIP], names))].append(opinion)
    return {clip: float(np.mean(opinions)) for clip, opinions in given.items()}


def as_csv(agreements: Sequence[Agreement]) -> str:
    """``correlations.csv``."""
    return csv_text(COLUMNS, [vars(each) for each in agreements])
