"""A benchmark in one image: pair AUC, offset curves, and /t/ and /d/ in two encoders."""

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from speechlip.benchmarking.records import AS_TRAINED, CONTROL, SHIFTS, Benchmark, without_places
from speechlip.benchmarking.report.phone_map import PICKED, PhoneMap, map_of_file
from speechlip.benchmarking.row_records import EncoderRow
from speechlip.files.writing import whole_file
from speechlip.metrics.declared import NotScored

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LINE, PAPER = "#1b2330", "#596474", "#d5dae1", "#ffffff"
FROZEN, TRAINED, CONTROLS = "#0f6c8c", "#b4530a", "#a9b0bb"
SIZE_INCHES, DPI = (13.2, 4.5), 160
LONGEST_LABEL = 30


def draw_summary(json_path: Path, png_path: Path) -> None:
    """``benchmark.json``, with its tokens beside it → a picture of 2112 × 720 pixels.

    Raises ShardError where the json cannot be read, NotScored where no row has a pair AUC, WriteError where
    the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    benchmark = without_places(Benchmark.load(Path(json_path)))
    rows = by_auc(benchmark)
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    bars, curves, *maps = figure.subplots(1, 4, width_ratios=(1.02, 1.0, 1.0, 1.0))
    _bars(bars, rows)
    compared = apart_and_together(rows)
    _curves(curves, rows)
    for axes, row in zip(maps, [*compared, None, None], strict=False):
        _map(axes, row, Path(json_path).parent)
    figure.supxlabel(_caption(benchmark), fontsize=8, color=SOFT, x=0.01, ha="left")
    with whole_file(Path(png_path)) as file:
        figure.savefig(file, format="png", metadata={"Software": None})


def by_auc(benchmark: Benchmark) -> list[EncoderRow]:
    """Rows with a pair AUC, best first. Raises NotScored where there are none."""
    rows = [row for row in benchmark.rows if auc(row) is not None]
    if not rows:
        raise NotScored("no row of this benchmark has a pair AUC, so there is nothing to draw")
    return sorted(rows, key=lambda row: -(auc(row) or 0))


def auc(row: EncoderRow) -> float | None:
    return row.scores["pair_auc"].value if "pair_auc" in row.scores else None


def apart_and_together(rows: list[EncoderRow]) -> list[EncoderRow]:
    """The encoder that parts /t/ and /d/ most, and the one that does least, as in SE4Lip's figure 4.

    Fewer where fewer have tokens.
    """
    known = [
        row
        for row in rows
        if row.role != CONTROL and row.ambiguity.tokens_file and "T/D" in row.ambiguity.pairs
    ]
    known = sorted(
        {row.ambiguity.tokens_file: row for row in known}.values(),
        key=lambda row: -row.ambiguity.pairs["T/D"],
    )
    return [known[0], known[-1]] if len(known) > 1 else known


def colour(row: EncoderRow) -> str:
    return CONTROLS if row.role == CONTROL else TRAINED if row.mode == AS_TRAINED else FROZEN


def label(row: EncoderRow) -> str:
    """A row's name, not too long."""
    return _drawable(row.label if len(row.label) <= LONGEST_LABEL else row.label[: LONGEST_LABEL - 1] + "…")


def _drawable(text: str) -> str:
    """Text that matplotlib draws as it is: nothing unprintable, no mathematics between dollars."""
    return "".join(letter if letter.isprintable() else "?" for letter in text).replace("$", r"\$")


def _bars(axes: "Axes", rows: list[EncoderRow]) -> None:
    for place, row in enumerate(rows):
        score = row.scores["pair_auc"]
        axes.barh(place, (score.value or 0) - 0.5, left=0.5, height=0.66, color=colour(row), alpha=0.85)
        if score.ci_low is not None and score.ci_high is not None:
            axes.plot(
                [score.ci_low, score.ci_high],
                [place, place],
                color=INK,
                linewidth=1.2,
                marker="|",
                markersize=5,
            )
    ends = [
        end
        for row in rows
        for end in (row.scores["pair_auc"].value, row.scores["pair_auc"].ci_low)
        if end is not None
    ]
    axes.axvline(0.5, color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)))
    for name, shade in (("frozen, common head", FROZEN), ("as trained", TRAINED), ("control", CONTROLS)):
        axes.plot([], [], color=shade, linewidth=4, label=name)
    axes.legend(
        fontsize=7.5,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.3, -0.06),
        ncols=3,
        labelcolor=INK,
        handlelength=1.1,
    )
    axes.set_yticks(range(len(rows)), [label(row) for row in rows], fontsize=8, color=INK)
    axes.set_xlim(min(0.45, *ends), 1.005)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    _title(axes, "Pair AUC", "bars from chance, 95 % intervals over clips")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _curves(axes: "Axes", rows: list[EncoderRow]) -> None:
    with_curve = [(row, curve) for row in rows if (curve := relative_curve(row)) is not None]
    for row, curve in reversed(with_curve):
        axes.plot(SHIFTS, curve, color=colour(row), linewidth=1.5, alpha=0.85)
    axes.axvline(0, color=SOFT, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_xticks((-15, -10, -5, 0, 5, 10, 15))
    axes.set_xlabel("shift of speech against lips, frames", fontsize=8, color=SOFT)
    _title(
        axes,
        "Distance by shift",
        "over its median; no curve: clips too short" if len(with_curve) < len(rows) else "over its median",
    )


def relative_curve(row: EncoderRow) -> np.ndarray | None:
    """(31,) mean over seeds of each curve over its median; None where a row has none."""
    curves = [
        np.array(seed.curve) / np.median(seed.curve)
        for seed in row.seeds
        if seed.curve and np.median(seed.curve) > 0
    ]
    return np.mean(curves, axis=0) if curves else None


def _map(axes: "Axes", row: EncoderRow | None, folder: Path) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    if row is None:
        axes.set_visible(False)
        return
    _title(axes, label(row), f"/t/ and /d/: R = {row.ambiguity.pairs['T/D']:.2f}; t-SNE, an illustration")
    try:
        phone_map = map_of_file(folder / row.ambiguity.tokens_file)
    except NotScored as error:
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "fontsize": 8, "color": SOFT}
        axes.text(0.5, 0.5, fill(_drawable(f"no map: {error}"), 40), **place).set_in_layout(False)
        return
    _points(axes, phone_map)


def _points(axes: "Axes", phone_map: PhoneMap) -> None:
    x, y, phone = (
        np.array(phone_map.x),
        -np.array(phone_map.y),
        np.array(phone_map.phones)[list(phone_map.phone)],
    )
    others = ~np.isin(phone, PICKED)
    axes.scatter(x[others], y[others], s=5, color="#c9ced6", linewidths=0)
    look: tuple[dict[str, Any], ...] = ({"marker": "o", "color": FROZEN}, {"marker": "^", "color": TRAINED})
    for name, style in zip(PICKED, look, strict=True):
        mine = phone == name
        axes.scatter(
            x[mine], y[mine], s=24, edgecolors=PAPER, linewidths=0.6, label=f"/{name.lower()}/", **style
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.06)
    axes.legend(
        fontsize=8.5, frameon=False, loc="lower right", labelcolor=INK, handletextpad=0.1, borderpad=0.1
    )


def _title(axes: "Axes", title: str, below: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=20)
    axes.text(0, 1.025, below, transform=axes.transAxes, fontsize=8, color=SOFT)
    axes.tick_params(labelsize=8, colors=SOFT, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(LINE)


def _caption(benchmark: Benchmark) -> str:
    shards = benchmark.shards
    said = (
        f"{benchmark.protocol} · {shards.name}, split {shards.split}, {len(benchmark.clips)} clips · "
        f"{sum(shards.pairs.values())} pairs"
    )
    return _drawable(said)
