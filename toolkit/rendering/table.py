"""Rows → ``scores.csv`` and ``scores.json``: every number with its interval and its paired difference."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from speechlip.files.tables import csv_text
from speechlip.metrics import table
from speechlip.metrics.declared import Metric
from speechlip.metrics.statistics.blocks import block_difference, block_mean
from speechlip.metrics.statistics.differences import Difference
from speechlip.metrics.statistics.intervals import Interval
from speechlip.rendering.records import FAILED, FORMAT, RenderRow, Renders
from speechlip.rendering.rows import MEAN_CROP, SHUFFLED
from speechlip.version import VERSION
from speechlip.wording import counted

FIXED = ("row", "encoder", "status", "below_shuffled", "reason", "ridge_lambda")
OF_NETWORKS = ("renderer", "size", "steps", "train_psnr")
"""Further columns, of a renderer that is trained in steps."""


@dataclass(frozen=True)
class Cell:
    """One number of one row.

    value: the mean over the test frames, or the clip's number.
    interval: over 1-s blocks; None for a number of the whole clip.
    to_mean_crop: paired difference to the mean-crop row; None where there is none.
    """

    value: float
    interval: Interval | None = None
    to_mean_crop: Difference | None = None


def columns_of(renders: Renders) -> list[Metric]:
    """Metrics that some row has a number of, in the order of ``score-sync``; no counts and no offsets."""
    there = dict.fromkeys(column for row in renders.rows for column in row.values)
    metrics = [table.metric(column) for column in there]
    first = [name for family in table.families() for name in _names(family)]
    metrics.sort(key=lambda metric: first.index(metric.name) if metric.name in first else len(first))
    return [metric for metric in metrics if metric.higher_is_better is not None]


def _names(family: str) -> list[str]:
    return [metric.name for metric in table.metrics_of(family)]


def cell(renders: Renders, row: RenderRow, column: str) -> Cell | None:
    """A row's number; None where it has none."""
    if column not in row.values:
        return None
    own = row.frames(column)
    if not own:
        return Cell(row.values[column])
    mean_crop = [other.frames(column) for other in renders.rows if other.name == MEAN_CROP]
    paired = [frames for frames in mean_crop if row.name != MEAN_CROP and own.keys() & frames.keys()]
    return Cell(row.values[column], block_mean(own), block_difference(own, paired[0]) if paired else None)


def below_shuffled(renders: Renders, row: RenderRow) -> tuple[str, ...]:
    """Columns in which an encoder is no better than driven by audio of other times, over the same frames."""
    other = [each for each in renders.rows if each.name == row.name + SHUFFLED]
    if not row.encoder or row.shuffled or not other:
        return ()
    worse = []
    for metric in columns_of(renders):
        own, shuffled = row.frames(metric.name), other[0].frames(metric.name)
        if "reference" in metric.needs and own.keys() & shuffled.keys():
            gain = block_difference(own, shuffled).value * (1 if metric.higher_is_better else -1)
            worse += [metric.name] if gain <= 0 else []
    return tuple(worse)


def as_csv(renders: Renders) -> str:
    """One line a row: value, interval and difference of every metric."""
    metrics = columns_of(renders)
    lines = [dict(_cells(renders, row, metrics)) for row in renders.rows]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    columns.sort(key=lambda name: _place(name, metrics))
    fixed = _fixed(renders)
    return csv_text([*fixed, *(name for name in columns if name not in fixed)], lines)


def _fixed(renders: Renders) -> tuple[str, ...]:
    return (*FIXED, *OF_NETWORKS) if "steps" in renders.renderer else FIXED


def _place(name: str, metrics: list[Metric]) -> int:
    own = [
        at for at, metric in enumerate(metrics) if name == metric.name or name.startswith(metric.name + "_")
    ]
    return max(own, key=lambda at: len(metrics[at].name), default=-1)


def _cells(renders: Renders, row: RenderRow, metrics: list[Metric]) -> Iterator[tuple[str, Any]]:
    below = ", ".join(below_shuffled(renders, row))
    yield from zip(FIXED, (row.name, row.encoder, row.status, below, row.reason, row.strength), strict=True)
    if "steps" in renders.renderer:
        yield from ((name, renders.renderer.get(name)) for name in OF_NETWORKS[:-1])
        yield OF_NETWORKS[-1], row.train_psnr
    for metric in metrics:
        found = cell(renders, row, metric.name)
        if found is None:
            continue
        yield metric.name, found.value
        if found.interval:
            yield f"{metric.name}_low", _finite(found.interval.ci_low)
            yield f"{metric.name}_high", _finite(found.interval.ci_high)
        if found.to_mean_crop:
            yield f"{metric.name}_minus_mean_crop", found.to_mean_crop.value
            yield f"{metric.name}_minus_mean_crop_low", _finite(found.to_mean_crop.ci_low)
            yield f"{metric.name}_minus_mean_crop_high", _finite(found.to_mean_crop.ci_high)


def _finite(value: float) -> float | None:
    return value if value == value else None


def as_json(renders: Renders) -> str:
    """All of it: facts, notes, and every row with its numbers of single frames."""
    facts = {
        "format": FORMAT,
        "speechlip": VERSION,
        "person": renders.person,
        "mapping": renders.mapping,
        **renders.renderer,
        "split": renders.split,
        "train_frames": renders.train_frames,
        "learned_frames": renders.learned_frames,
        "test_frames": renders.test_frames,
        "audio": renders.audio or None,
        "pose": renders.pose or None,
        "notes": list(renders.notes),
        "rows": [
            _as_dict(row) | {"below_shuffled": list(below_shuffled(renders, row))} for row in renders.rows
        ],
    }
    return json.dumps(facts, ensure_ascii=False) + "\n"


def _as_dict(row: RenderRow) -> dict[str, Any]:
    named = asdict(row)
    if row.train_psnr is None:
        named.pop("train_psnr")
    return named


def as_text(renders: Renders) -> str:
    """The table for a terminal: value ± half of the interval, what is marked, and why numbers are missing."""
    metrics = [metric for metric in columns_of(renders) if metric.in_table]
    head = ["row", *(f"{metric.title} {metric.arrow}".strip() for metric in metrics), ""]
    lines = [head]
    for row in renders.rows:
        numbers = [_shown(cell(renders, row, metric.name), metric.digits) for metric in metrics]
        below = below_shuffled(renders, row)
        mark = f"no better than shuffled: {', '.join(below)}" if below else ""
        lines.append([row.name, *numbers, row.reason if row.status == FAILED else mark])
    widths = [max(len(line[at]) for line in lines) for at in range(len(head) - 1)]
    text = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:-1], widths[1:]), line[-1]]).rstrip()
        for line in lines
    ]
    return "\n".join([*of_network(renders), *text, *_missing(renders)])


def _missing(renders: Renders) -> list[str]:
    """Why rows that are rendered lack numbers, a line for each reason."""
    reasons = Counter(row.reason for row in renders.rows if row.status != FAILED and row.reason)
    return [f"missing in {counted(count, 'row')}: {reason}" for reason, count in reasons.items()]


def of_network(renders: Renders) -> list[str]:
    """Name and options of a renderer that is trained in steps, as a line; nothing of another."""
    return [renderer_words(renders.renderer)] if "steps" in renders.renderer else []


def renderer_words(renderer: Mapping[str, Any]) -> str:
    """Name and options of a renderer.

    >>> renderer_words({"renderer": "pca"})
    'renderer pca'
    >>> renderer_words({"renderer": "implicit", "size": "lite", "steps": 20000, "time": True})
    'renderer implicit: size lite, steps 20000, time'
    """
    (_, name), *options = renderer.items()
    stated = ", ".join(each if value is True else f"{each} {value}" for each, value in options)
    return f"renderer {name}" + (f": {stated}" if stated else "")


def _shown(found: Cell | None, digits: int) -> str:
    if found is None:
        return "-"
    reach = (found.interval.ci_high - found.interval.ci_low) / 2 if found.interval else float("nan")
    return f"{found.value:.{digits}f}" + (f" ± {reach:.{digits}f}" if reach == reach else "")
