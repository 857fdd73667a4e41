"""``training.png``: curves of loss and pair AUC, and cosines of matches and mismatches at the end."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechlip.files.writing import whole_file
from speechlip.training.options import TrainOptions
from speechlip.training.run import history
from speechlip.training.run.cosines import MATCH, auc_by_kind, read_cosines
from speechlip.training.run.history import HistoryRow
from speechlip.training.step.losses import plateau

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "training.png"
INK, SOFT, LINE, CURVE = "#1b2330", "#596474", "#e0e4ea", "#0f6c8c"
KIND_COLOURS = {MATCH: CURVE, "shift": "#b4530a", "clip": "#7b4ba0", "speaker": "#3d7a2f"}
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}
STYLE |= {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
}
STYLE |= {
    "axes.titlesize": 12,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
}
TERM_COLOURS = (CURVE, "#b4530a", "#7b4ba0", "#3d7a2f", "#a3324a")
BINS, CHANCE, ROW_HEIGHT, ROOM_FOR_NAMES = 32, 0.5, 0.86, 1.4


def draw_training(run: Path, options: TrainOptions) -> Path:
    """Draw a run from ``history.csv`` and ``cosines.csv``; returns the image's path.

    No display is needed. Raises ModelError where one of the files is not what training writes.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rows, cosines = history.read(run), read_cosines(run)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(13, 4), dpi=110, layout="constrained")
        losses, aucs, alike = figure.subplots(1, 3)
        draw_loss(losses, rows, plateau_of(options))
        draw_auc(aucs, rows)
        draw_cosines(alike, cosines)
        figure.suptitle(headline(options, rows), x=0.01, ha="left", color=SOFT, fontsize=11)
        picture = io.BytesIO()
        figure.savefig(picture, metadata={"Software": None})
    with whole_file(run / NAME) as file:
        file.write(picture.getvalue())
    return run / NAME


def headline(options: TrainOptions, rows: Sequence[HistoryRow]) -> str:
    """What was trained, in a line.

    >>> headline(TrainOptions(), [])
    'se4lip, loss relu, batches of 16, no step; AUC and cosines of the validation pairs'
    """
    done = f"{rows[-1].step} steps" if rows else "no step"
    of = f"loss {options.loss}, batches of {options.batch_size}"
    if options.learns_from_phones:
        of = f"{len(options.term_weights)} terms, batches of {options.batch_size} clips"
    return f"{options.encoder}, {of}, {done}; AUC and cosines of the validation pairs"


def plateau_of(options: TrainOptions) -> float | None:
    """The loss while nothing is told apart; None where it has several terms."""
    return None if options.learns_from_phones else plateau(options.loss, options.batch_size)


def draw_loss(axes: "Axes", rows: Sequence[HistoryRow], plateau_loss: float | None) -> None:
    """Mean loss between validations, over the line at which nothing is told apart; or its terms by name."""
    if plateau_loss is None:
        return draw_terms(axes, rows)
    axes.plot([row.step for row in rows], [row.loss for row in rows], color=CURVE, marker=_marker(rows))
    _level(axes, plateau_loss, f"dashed {plateau_loss:.2f}: nothing told apart")
    top = max([plateau_loss, *(row.loss for row in rows if np.isfinite(row.loss))])
    axes.set(title="Loss", xlabel="step", ylim=(0, 1.12 * top))
    return None


def draw_terms(axes: "Axes", rows: Sequence[HistoryRow]) -> None:
    """Each term of the loss as a share of what it was in the first row: they have scales of their own."""
    steps = [row.step for row in rows]
    terms = rows[0].terms or {"loss": rows[0].loss} if rows else {}
    for colour, (name, first) in zip(TERM_COLOURS, terms.items(), strict=False):
        values = [row.terms.get(name, row.loss) / (first or 1) for row in rows]
        axes.plot(steps, values, color=colour, marker=_marker(rows), label=f"{name}, from {first:.2f}")
    if terms:
        axes.legend(frameon=False, fontsize=9, ncols=2, loc="upper center")
    _level(axes, 1.0, "as shares of the first row")
    axes.set(title="Terms of the loss", xlabel="step", ylim=(0, ROOM_FOR_NAMES * axes.get_ylim()[1]))


def draw_auc(axes: "Axes", rows: Sequence[HistoryRow]) -> None:
    """Pair AUC of the fixed validation pairs."""
    seen = [row for row in rows if np.isfinite(row.auc)]
    if not seen:
        return _nothing(axes, "Pair AUC", "no validation pairs")
    axes.plot([row.step for row in seen], [row.auc for row in seen], color=CURVE, marker=_marker(seen))
    _level(axes, CHANCE, "dashed 0.5: chance")
    axes.set(
        title=f"Pair AUC {seen[-1].auc:.3f}",
        xlabel="step",
        ylim=(min(0.45, *(row.auc - 0.03 for row in seen)), 1.02),
    )
    return None


def draw_cosines(axes: "Axes", cosines: dict[str, np.ndarray]) -> None:
    """A histogram for matches and for each kind of negative, with its AUC.

    They stand one above the other on one axis, each as high as its own peak.
    """
    finite = {
        kind: values[np.isfinite(values)] for kind, values in cosines.items() if np.isfinite(values).any()
    }
    if not finite:
        return _nothing(axes, "Cosine of lips and speech", "no validation pairs")
    aucs = auc_by_kind(cosines)
    edges = np.linspace(min(0.0, *(values.min() for values in finite.values())), 1.0, BINS + 1)
    for floor, (kind, values) in zip(range(len(finite) - 1, -1, -1), finite.items(), strict=True):
        counts = np.histogram(values, edges)[0]
        heights = floor + ROW_HEIGHT * counts / max(1, counts.max())
        axes.stairs(heights, edges, baseline=floor, color=KIND_COLOURS[kind], alpha=0.3, fill=True)
        axes.stairs(heights, edges, baseline=floor, color=KIND_COLOURS[kind], linewidth=1.4)
        told = f"{len(values)} {'matches' if kind == MATCH else kind}" + (
            f"\nAUC {aucs[kind][0]:.3f}" if kind in aucs else ""
        )
        axes.annotate(
            told,
            (1.02, floor + 0.12),
            xycoords=("axes fraction", "data"),
            color=KIND_COLOURS[kind],
            annotation_clip=False,
        )
    axes.set(
        title="Cosine of lips and speech",
        xlabel="cosine",
        xlim=(edges[0], edges[-1]),
        ylim=(-0.04, len(finite)),
        yticks=[],
    )
    return None


def _marker(rows: Sequence[HistoryRow]) -> str:
    """A dot where one row alone would give no line."""
    return "o" if len(rows) < 2 else ""


def _level(axes: "Axes", value: float, words: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.axhline(value, color=SOFT, linestyle=(0, (4, 3)), linewidth=1)
    axes.set_title(words, loc="right", color=SOFT, fontsize=10, fontweight="normal")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _nothing(axes: "Axes", title: str, words: str) -> None:
    axes.set(title=title, xticks=[], yticks=[])
    axes.annotate(words, (0.5, 0.5), xycoords="axes fraction", ha="center", color=SOFT)
