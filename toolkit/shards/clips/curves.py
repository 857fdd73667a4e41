"""``speechlip clips --plot``: what every threshold on every column would keep, in one picture."""

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechlip.checks import check_out
from speechlip.errors import OptionError
from speechlip.files.writing import make_folder, whole_file
from speechlip.shards.clips.columns import NO_QUALITY, PLACES, Column
from speechlip.shards.clips.query import ClipTable
from speechlip.wording import clock, counted, listed, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LINE = "#1b2330", "#596474", "#e0e4ea"
AT_LEAST, AT_MOST, BEHIND = "#0f6c8c", "#b4530a", "#c3cad4"
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
}
PANELS_ACROSS, PANEL_INCHES, DPI = 3, (4.4, 2.7), 110
MAX_THRESHOLDS = 512
LINE_LETTERS = 100
"""Of the headline, so that it ends before the legend."""
"""A curve of more values is drawn at as many of their quantiles."""


@dataclass(frozen=True)
class Curve:
    """What thresholds on one column keep, as shares of the seconds of all clips.

    thresholds: (K,) rising.
    at_least, at_most: (K,) share of the clips whose value is at least, or at most, the threshold.
    null: share of the clips that have no value, which every threshold drops.
    """

    thresholds: np.ndarray
    at_least: np.ndarray
    at_most: np.ndarray
    null: float


def curve_of(values: np.ndarray, nulls: np.ndarray, seconds: np.ndarray) -> Curve:
    """The curve of a column.

    values, seconds: (N,) of each clip; nulls: (N,) bool, where there is no value.

    >>> curve = curve_of(np.array([1.0, 3.0, 0.0]), np.array([False, False, True]), np.array([2.0, 6.0, 2.0]))
    >>> curve.thresholds.tolist(), curve.at_least.tolist(), curve.at_most.tolist(), curve.null
    ([1.0, 3.0], [0.8, 0.6], [0.2, 0.8], 0.2)
    """
    total = max(float(seconds.sum()), np.finfo(float).tiny)
    order = np.argsort(values[~nulls], kind="stable")
    rising, lengths = values[~nulls][order], seconds[~nulls][order]
    thresholds = np.unique(rising)
    if len(thresholds) > MAX_THRESHOLDS:
        thresholds = np.unique(np.quantile(rising, np.linspace(0, 1, MAX_THRESHOLDS), method="nearest"))
    passed = np.concatenate([[0.0], np.cumsum(lengths)])
    below = passed[np.searchsorted(rising, thresholds, "left")]
    up_to = passed[np.searchsorted(rising, thresholds, "right")]
    return Curve(thresholds, (passed[-1] - below) / total, up_to / total, float(seconds[nulls].sum()) / total)


def drawn_columns(table: ClipTable) -> list[Column]:
    """The numeric columns that take more than one value, in their order."""
    numeric = [column for column in table.columns if column.is_number and column.name not in NO_QUALITY]
    varied = []
    for column in numeric:
        values = table.column(column.name)
        if len(np.unique(values.data[~values.nulls])) > 1:
            varied.append(column)
    return varied


def plot_clips(table: ClipTable, path: str | Path) -> Path:
    """Draw what every threshold on every numeric column would keep, as a PNG; returns its path.

    Where the table has a condition, the curves are of the clips that fulfil it, and those of all clips stand
    behind them in grey.

    Raises OptionError where no column has two values, WriteError where the file cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    path, columns = check_out(path, "path"), drawn_columns(table)
    if not columns:
        raise OptionError(f"no column of {table.folder} has two values, so there is no threshold to draw")
    rows = math.ceil(len(columns) / PANELS_ACROSS)
    with matplotlib.rc_context(STYLE):
        size = (PANELS_ACROSS * PANEL_INCHES[0], rows * PANEL_INCHES[1] + 0.9)
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        panels = figure.subplots(rows, PANELS_ACROSS, squeeze=False, sharey=True).ravel()
        for axes, column in zip(panels, columns, strict=False):
            draw_column(axes, table, column)
        for axes in panels[len(columns) :]:
            axes.set_axis_off()
        for axes in panels[::PANELS_ACROSS]:
            axes.set_ylabel("kept, % of the seconds")
        figure.legend(handles=panels[0].get_lines()[-2:], loc="outside upper right", ncols=2, frameon=False)
        figure.suptitle(headline(table, columns), x=0.01, ha="left", fontsize=10, color=SOFT)
        make_folder(path.parent)
        with whole_file(path) as file:
            figure.savefig(file, format="png", metadata={"Software": None})
    return path


def draw_column(axes: "Axes", table: ClipTable, column: Column) -> None:
    """One panel: threshold to the right, share of seconds upwards."""
    seconds, values = table.column("seconds").data, table.column(column.name)
    if not table.kept.all():
        behind = curve_of(values.data, values.nulls, seconds)
        for share, steps in ((behind.at_least, "steps-pre"), (behind.at_most, "steps-post")):
            axes.plot(behind.thresholds, 100 * share, color=BEHIND, drawstyle=steps)
    kept = table.kept
    curve = curve_of(values.data[kept], values.nulls[kept], seconds[kept])
    axes.plot(
        curve.thresholds,
        100 * curve.at_least,
        color=AT_LEAST,
        drawstyle="steps-pre",
        label="at least the threshold",
    )
    axes.plot(
        curve.thresholds,
        100 * curve.at_most,
        color=AT_MOST,
        drawstyle="steps-post",
        linestyle=(0, (4, 2)),
        label="at most the threshold",
    )
    axes.set(title=column.name, ylim=(-3, 103), xlabel=column.unit)
    if curve.null:
        axes.set_title(f"{100 * curve.null:.0f} % null", loc="right", color=SOFT, fontsize=9)


def headline(table: ClipTable, columns: list[Column]) -> str:
    """What the picture shows, and what it leaves out, a line each and wrapped."""
    amount = table.total[1]
    which = f" where {shown(table.where, 80)}; grey: all clips" if table.where else ""
    of = f"{counted(amount.clips, 'clip')}, {clock(amount.seconds)}{which}"
    drawn = {column.name for column in columns} | NO_QUALITY | {each.name for each in PLACES}
    same = [column.name for column in table.columns if column.is_number and column.name not in drawn]
    parts = [of, *([f"of one value or none: {listed(same, most=12)}"] if same else [])]
    return "\n".join(line for part in parts for line in textwrap.wrap(part, LINE_LETTERS))
