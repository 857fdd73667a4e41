"""The table of scores as text for a terminal."""

from collections.abc import Sequence

from speechlip.metrics.declared import Metric
from speechlip.metrics.table import metric as metric_of
from speechlip.scoring.sync.verdict import UNDECIDED
from speechlip.wording import counted, shown


def table(scores: dict) -> str:
    """The rows and the means below them as text. Names are shown so that none of their characters reaches the terminal as a command.

    >>> row = {"clip": "a.mp4", "track": "0", "status": "scored", "psnr": 34.154}
    >>> mean = {"mean": 34.154, "ci_low": None, "ci_high": None, "scored": 1, "missing": 0}
    >>> print(table({"metrics": ["psnr"], "rows": [row], "aggregates": {"psnr": mean}}))
    clip   track  PSNR ↑
    a.mp4  0       34.15
    mean           34.15
    scored             1
    """
    metrics = [metric for metric in map(metric_of, scores["metrics"]) if metric.in_table]
    lines = [["clip", "track", *(f"{metric.title} {metric.arrow}".strip() for metric in metrics)]]
    lines += [
        [shown(row["clip"]), row["track"], *(cell(row, metric) for metric in metrics)]
        for row in scores["rows"]
    ]
    means = [(metric, scores["aggregates"][metric.name]) for metric in metrics]
    lines.append(["mean", "", *(number(mean["mean"], metric.mean_digits) for metric, mean in means)])
    if any(mean["ci_low"] is not None for _, mean in means):
        lines.append(["95 % interval", "", *(interval(mean, metric) for metric, mean in means)])
    lines.append(["scored", "", *(str(mean["scored"]) for _, mean in means)])
    return layout(lines)


def conditions(scores: dict) -> str:
    """By which protocol, whose ffmpeg, and what both did to the timing of these clips.

    >>> rows = [{"net_delay_ms": -57.6}, {"net_delay_ms": -10.94}, {"net_delay_ms": None}]
    >>> conditions({"options": {"protocol": "wav2lip", "ffmpeg": "4.2 emulated"}, "rows": rows})
    'protocol wav2lip, ffmpeg 4.2 emulated; sound against picture by protocol and frame rate: −57.6 … −10.9 ms'
    """
    delays = sorted(
        {round(row["net_delay_ms"], 1) for row in scores["rows"] if row.get("net_delay_ms") is not None}
    )
    ffmpeg = scores["options"].get("ffmpeg")
    words = f"protocol {scores['options']['protocol']}" + (f", ffmpeg {ffmpeg}" if ffmpeg else "")
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


def cell(row: dict, metric: Metric) -> str:
    """A row's number; an offset that is undecided is marked."""
    undecided = row.get("offset_verdict", "").startswith(UNDECIDED)
    mark = " ?" if metric.name == "offset_frames" and undecided else ""
    return number(row.get(metric.name), metric.digits) + mark


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def interval(mean: dict, metric: Metric) -> str:
    if mean["ci_low"] is None:
        return "–"
    low, high = (number(mean[end], metric.mean_digits) for end in ("ci_low", "ci_high"))
    return f"{low} … {high}"


def undecided_line(scores: dict) -> str:
    """What the marks behind offsets mean; empty where there are none.

    >>> undecided_line({"rows": [{"clip": "a", "offset_frames": -13, "offset_verdict": "undecided: confidence 0.011 is below 0.1"}]})
    '? 1 of 1 offset undecided, not to be acted on: offset_verdict in scores.csv says why'
    """
    measured = {
        row["clip"]: row["offset_verdict"] for row in scores["rows"] if row["offset_frames"] is not None
    }
    undecided = sum(verdict.startswith(UNDECIDED) for verdict in measured.values())
    words = f"{undecided} of {counted(len(measured), 'offset')} undecided, not to be acted on: offset_verdict in scores.csv says why"
    return f"? {words}" if undecided else ""
