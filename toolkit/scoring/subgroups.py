"""Scores by subgroup: means over the clips of one language, gender or whatever ``metadata.csv`` says.

``metadata.csv`` lies in the renders' folder, else in the references'. A row belongs to the clip of its path
below that folder, with or without the ending; rows of videos that were not scored are left out, and clips
that no row names are a group of their own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.files.tables import csv_text
from speechlip.metrics import table
from speechlip.metrics.declared import Metric
from speechlip.metrics.statistics.aggregate import aggregate
from speechlip.recipes._metadata import FILE, table_of
from speechlip.scoring.records import ScoreRow
from speechlip.scoring.renders import clip_named, named_alike

METADATA = "metadata.csv"
UNSAID = "not said"
"""Clips whose cell is empty, or that have no row."""
COLUMNS = ("by", "group", "clips", "metric", "mean", "ci_low", "ci_high", "scored", "real", "worst")
Groups = dict[str, dict[str, str]]
"""Column of metadata.csv → clip → its group."""


@dataclass(frozen=True)
class Subgroup:
    """One metric over the clips of one group.

    by: column of metadata.csv.
    group: what it says of these clips; ``not said`` where it says nothing.
    clips: how many there are.
    metric: column of scores.
    mean, ci_low, ci_high: over those that have a number; None where there is none.
    scored: how many have one.
    real: mean of the real videos' number, None where there is none.
    worst: whether no other group of ``by`` is worse, by the metric's direction, or where it has none by the
        distance from the real videos'.
    """

    by: str
    group: str
    clips: int
    metric: str
    mean: float | None
    ci_low: float | None
    ci_high: float | None
    scored: int
    real: float | None
    worst: bool = False


def read_groups(by: Sequence[str], renders: Path, reference: Path | None, clips: Sequence[str]) -> Groups:
    """The group of every clip. Raises OptionError: no metadata.csv, no such column, no row of these clips."""
    if not by:
        return {}
    folders = [folder if folder.is_dir() else folder.parent for folder in (renders, reference) if folder]
    path = next((each for each in (folder / METADATA for folder in folders) if each.is_file()), None)
    if path is None:
        places = " nor ".join(str(folder / METADATA) for folder in dict.fromkeys(folders))
        raise OptionError(f"--by {','.join(by)} wants a table of the clips, and there is no {places}")
    columns, rows = table_of(path)
    if unknown := [column for column in by if column not in columns]:
        there = ", ".join(column for column in columns if column != FILE)
        raise OptionError(f"{path} has no column {unknown[0]!r} for --by; there are: {there or 'none'}")
    names = named_alike(clips)
    said = {clip: row for _, row in rows if (clip := clip_named(row[FILE], names))}
    if not said:
        raise OptionError(
            f"no row of {path} names a clip that is scored; its column {FILE!r} "
            f"holds paths such as {clips[0]!r}"
        )
    return {column: {clip: said.get(clip, {}).get(column) or UNSAID for clip in clips} for column in by}


def subgroups_of(
    rows: Mapping[str, ScoreRow], metrics: Sequence[str], groups: Groups
) -> tuple[Subgroup, ...]:
    """Every metric over every group, groups in the order of their names.

    rows: clip → the row that stands for it.
    metrics: columns of scores.
    """
    columns = [metric for metric in map(table.metric, metrics) if not metric.beside]
    return tuple(
        each
        for by, group_of in groups.items()
        for metric in columns
        for each in _with_worst(metric, _of_metric(by, group_of, metric, rows))
    )


def _of_metric(
    by: str, group_of: Mapping[str, str], metric: Metric, rows: Mapping[str, ScoreRow]
) -> list[Subgroup]:
    found = []
    for group in sorted({*group_of.values()}, key=lambda name: (name == UNSAID, name)):
        own = [rows[clip] for clip, name in group_of.items() if name == group and clip in rows]
        values = aggregate([getattr(row, metric.name) for row in own], metric.lowest, metric.highest)
        real = [row.values.get(f"{metric.name}_real") for row in own]
        found.append(
            Subgroup(
                by,
                group,
                len(own),
                metric.name,
                _known(values.mean),
                _known(values.ci_low),
                _known(values.ci_high),
                values.scored,
                _known(aggregate(real).mean),
            )
        )
    return found


def _with_worst(metric: Metric, groups: list[Subgroup]) -> list[Subgroup]:
    badness = {group.group: value for group in groups if (value := _badness(metric, group)) is not None}
    if len(badness) < 2 or len({*badness.values()}) < 2:
        return groups
    worst = max(badness.values())
    return [replace(group, worst=badness.get(group.group) == worst) for group in groups]


def _badness(metric: Metric, group: Subgroup) -> float | None:
    if group.mean is None:
        return None
    if metric.higher_is_better is None:
        if group.real is not None:
            return abs(group.mean - group.real)
        return abs(group.mean) if metric.name.startswith("offset_") else None
    return -group.mean if metric.higher_is_better else group.mean


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def as_csv(subgroups: Sequence[Subgroup]) -> str:
    """``subgroups.csv``."""
    rows = [vars(group) | {"worst": "worst" if group.worst else ""} for group in subgroups]
    return csv_text(COLUMNS, rows)
