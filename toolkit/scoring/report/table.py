"""The table of scores as text for a terminal."""

from collections.abc import Sequence

from speechlip.metrics.declared import METRICS, digits_of, mean_digits_of
from speechlip.scoring.options import MODEL_COLUMNS
from speechlip.scoring.sync.verdict import UNDECIDED
from speechlip.wording import counted, shown

SHOWN = (
    "lse_c",
    "lse_d",
    "offset_frames",
    "windows",
    "lmd",
    "lmd_iod",
    "psnr",
    "ssim",
    "lpips",
    "cpbd",
    *MODEL_COLUMNS[:2],
)


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
    columns = [column for column in SHOWN if column in scores["metrics"]]
    lines = [["clip", "track", *map(title, columns)]]
    lines += [
        [shown(row["clip"]), row["track"], *(cell(row, column) for column in columns)]
        for row in scores["rows"]
    ]
    means = scores["aggregates"]
    lines.append(["mean", "", *(number(means[column]["mean"], mean_digits_of(column)) for column in columns)])
    if any(means[column]["ci_low"] is not None for column in columns):
        lines.append(["95 % interval", "", *(interval(means[column], column) for column in columns)])
    lines.append(["scored", "", *(str(means[column]["scored"]) for column in columns)])
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


def title(column: str) -> str:
    metric = METRICS.get(column)
    return f"{metric.title} {metric.arrow}".strip() if metric else column.replace("_", " ")


def cell(row: dict, column: str) -> str:
    """A row's number; an offset that is undecided is marked."""
    mark = " ?" if column == "offset_frames" and row.get("offset_verdict", "").startswith(UNDECIDED) else ""
    return number(row.get(column), digits_of(column)) + mark


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def interval(row: dict, column: str) -> str:
    digits = mean_digits_of(column)
    return (
        f"{number(row['ci_low'], digits)} … {number(row['ci_high'], digits)}"
        if row["ci_low"] is not None
        else "–"
    )


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
