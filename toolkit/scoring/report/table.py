"""The table of scores as text for a terminal."""

import math
from collections.abc import Sequence

from speechlip.metrics.declared import Metric
from speechlip.metrics.statistics.aggregate import Aggregate
from speechlip.metrics.table import metric as metric_of
from speechlip.scoring.records import ScoreRow
from speechlip.scoring.scores import Scores
from speechlip.scoring.sync.verdict import UNDECIDED
from speechlip.scoring.theval import measures_of
from speechlip.wording import counted, shown


def table(scores: Scores) -> str:
    """The rows and the means below them as text. Names are shown so that none of their characters acts on the
    terminal.

    >>> row = ScoreRow("a.mp4", "0", "scored", values={"psnr": 34.154})
    >>> mean = Aggregate(34.154, 34.154, math.nan, math.nan, scored=1, missing=0)
    >>> print(table(Scores(metrics=("psnr",), rows=(row,), aggregates={"psnr": mean})))
    clip   track  PSNR ↑
    a.mp4  0       34.15
    mean           34.15
    scored             1
    """
    metrics = [metric for metric in map(metric_of, scores.metrics) if metric.in_table]
    means = [(metric, scores.aggregates[metric.name]) for metric in metrics]
    lines = [["clip", "track", *(f"{metric.title} {metric.arrow}".strip() for metric in metrics)]]
    lines += [[shown(row.clip), row.track, *(cell(row, metric) for metric in metrics)] for row in scores.rows]
    lines.append(["mean", "", *(number(mean.mean, metric.mean_digits) for metric, mean in means)])
    if not all(math.isnan(mean.ci_low) for _, mean in means):
        lines.append(["95 % interval", "", *(interval(mean, metric.mean_digits) for metric, mean in means)])
    reals = [scores.aggregates.get(f"{metric.name}_real") for metric in metrics]
    if any(real and real.scored for real in reals):
        numbers = (
            number(real.mean if real else None, metric.mean_digits)
            for metric, real in zip(metrics, reals, strict=True)
        )
        lines.append(["real video", "", *numbers])
    lines.append(["scored", "", *(str(mean.scored) for _, mean in means)])
    return layout(lines)


def subgroup_table(scores: Scores, by: str) -> str:
    """Means by group as text: groups down, metrics across, the real videos' means behind a stroke."""
    groups = [group for group in scores.subgroups if group.by == by]
    metrics = [metric for metric in map(metric_of, scores.metrics) if metric.in_table]
    clips = {group.group: group.clips for group in groups}
    cells = {
        (group.group, group.metric): ("! " if group.worst else "")
        + number(group.mean, metric_of(group.metric).mean_digits)
        + ("" if group.real is None else f" / {number(group.real, metric_of(group.metric).mean_digits)}")
        for group in groups
    }
    lines = [[shown(by), "clips", *(f"{metric.title} {metric.arrow}".strip() for metric in metrics)]]
    lines += [
        [shown(name), str(count), *(cells.get((name, metric.name), "–") for metric in metrics)]
        for name, count in clips.items()
    ]
    return layout(lines)


def opinion_table(scores: Scores, scale: str) -> str:
    """Rank correlations of every metric with one scale as text."""
    lines = [["metric", "clips", "Spearman", "95 % interval", "Kendall", "95 % interval"]]
    for each in scores.opinions:
        if each.scale == scale and metric_of(each.metric).in_table:
            metric = metric_of(each.metric)
            ends = (
                f"{number(low, 2)} … {number(high, 2)}" if low is not None else "–"
                for low, high in (
                    (each.spearman_low, each.spearman_high),
                    (each.kendall_low, each.kendall_high),
                )
            )
            first, second = ends
            name = f"{metric.title} {metric.arrow}".strip()
            numbers = (number(each.spearman, 2), first, number(each.kendall, 2), second)
            lines.append([name, str(each.clips), *numbers])
    return layout(lines)


def theval_table(scores: Scores) -> str:
    """THEval's measures beside the real videos', as ``theval.csv`` has them; empty where none was asked for.

    >>> row = ScoreRow("a", "0", "scored", values={"theval_sync": 0.3, "theval_sync_real": 0.4})
    >>> print(theval_table(Scores(metrics=("theval_sync",), rows=(row,))).splitlines()[1])
    theval_sync       1       0.3000  0.4000  0.7500
    """
    measures = measures_of(scores.of_clip.values(), scores.metrics)
    lines = [["measure", "clips", "renders", "real", "score"]]
    lines += [
        [
            each.measure,
            str(each.clips),
            *(number(value, 4) for value in (each.renders, each.real, each.score)),
        ]
        for each in measures
    ]
    reasons = ["", *(f"  {each.reason}" if each.reason else "" for each in measures)]
    rows = zip(layout(lines).splitlines(), reasons, strict=True)
    return "\n".join(f"{line}{why}" for line, why in rows) if measures else ""


def conditions(scores: Scores) -> str:
    """By which protocol, whose ffmpeg, and what both did to the timing of these clips.

    >>> rows = tuple(ScoreRow("a", "0", "scored", net_delay_ms=delay) for delay in (-57.6, -10.94, None))
    >>> conditions(Scores(options={"protocol": "lrs", "ffmpeg": "4.2 emulated"}, rows=rows))
    'protocol lrs, ffmpeg 4.2 emulated; sound against picture by protocol and frame rate: −57.6 … −10.9 ms'
    """
    delays = sorted({round(row.net_delay_ms, 1) for row in scores.rows if row.net_delay_ms is not None})
    ffmpeg = scores.options.get("ffmpeg")
    words = f"protocol {scores.options['protocol']}" + (f", ffmpeg {ffmpeg}" if ffmpeg else "")
    if not delays or delays == [0.0]:
        return words
    span = " … ".join(f"{delay:+.1f}" for delay in dict.fromkeys((delays[0], delays[-1])))
    return f"{words}; sound against picture by protocol and frame rate: {span} ms".replace("-", "−")


def layout(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns, the first two to the left, numbers to the right."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    padded = (
        [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in lines
    )
    return "\n".join("  ".join(line).rstrip() for line in padded)


def cell(row: ScoreRow, metric: Metric) -> str:
    """A row's number; an offset that is undecided is marked."""
    mark = " ?" if metric.name == "offset_frames" and row.offset_verdict.startswith(UNDECIDED) else ""
    return number(getattr(row, metric.name), metric.digits) + mark


def number(value: float | None, digits: int) -> str:
    """A number, or a dash where it is missing."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def interval(mean: Aggregate, digits: int) -> str:
    """Both ends of an interval, or a dash where there is none."""
    ends = f"{number(mean.ci_low, digits)} … {number(mean.ci_high, digits)}"
    return "–" if math.isnan(mean.ci_low) else ends


def undecided_line(scores: Scores) -> str:
    """What the marks behind offsets mean; empty where there are none.

    >>> verdict = "undecided: confidence 0.011 is below 0.1"
    >>> row = ScoreRow("a", "0", "scored", values={"offset_frames": -13}, offset_verdict=verdict)
    >>> undecided_line(Scores(rows=(row,)))
    '? 1 of 1 offset undecided, not to be acted on: offset_verdict in scores.csv says why'
    """
    measured = {row.clip: row.offset_verdict for row in scores.rows if row.offset_frames is not None}
    undecided = sum(verdict.startswith(UNDECIDED) for verdict in measured.values())
    words = (
        f"{undecided} of {counted(len(measured), 'offset')} undecided, not to be acted on: "
        "offset_verdict in scores.csv says why"
    )
    return f"? {words}" if undecided else ""
