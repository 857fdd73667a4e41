"""How scores hold with noise under the speech, as CSV, as text and as curves."""

import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speechlip.benchmarking.evaluation.noise import OF_PAIRS, OF_PHONES, title_of
from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.report.table import NAME_WIDTH, best_first, layout, number
from speechlip.benchmarking.row_records import EncoderRow, Score
from speechlip.files.tables import csv_text
from speechlip.files.writing import whole_file
from speechlip.wording import shown

NOISE_CSV, NOISE_PNG = "noise.csv", "noise.png"
MEASURES = (*OF_PAIRS, *OF_PHONES)
CLEAN = "clean"


def has_noise(benchmark: Benchmark) -> bool:
    return any(row.noise for row in benchmark.rows)


def levels_of(benchmark: Benchmark) -> list[float]:
    """All levels in dB, the quietest noise first."""
    return sorted({level.snr_db for row in benchmark.rows for level in row.noise}, reverse=True)


def score_at(row: EncoderRow, snr_db: float | None, name: str) -> Score:
    """A measure of a row at a level, None for clean speech; without a value where it is missing."""
    if snr_db is None:
        return (row.scores | row.ambiguity.scores).get(name, Score(None))
    levels = {level.snr_db: level.scores for level in row.noise}
    return levels.get(snr_db, {}).get(name, Score(None))


def noise_csv(benchmark: Benchmark) -> str:
    """One line a row and level, the clean one first: values with their intervals, empty where missing."""
    lines = []
    for row in best_first(benchmark):
        for snr_db in (None, *(level.snr_db for level in row.noise)):
            cells: dict[str, Any] = {"label": row.label, "snr_db": CLEAN if snr_db is None else snr_db}
            for name in MEASURES:
                score = asdict(score_at(row, snr_db, name))
                cells |= {name: score["value"]} | {
                    f"{name}_{part}": score[part] for part in ("ci_low", "ci_high")
                }
            lines.append(cells)
    return csv_text(list(lines[0]), lines) if lines else ""


def noise_text(benchmark: Benchmark) -> str:
    """A table for a terminal for each measure that any row has."""
    levels: list[float | None] = [None, *levels_of(benchmark)]
    tables = []
    for name in MEASURES:
        rows = [
            [shown(row.label, NAME_WIDTH), *(number(score_at(row, level, name).value) for level in levels)]
            for row in best_first(benchmark)
            if row.noise and any(score_at(row, level, name).value is not None for level in levels)
        ]
        if rows:
            tables.append(layout([[f"{title_of(name)}, noise", *map(level_words, levels)], *rows]))
    return "\n\n".join(tables)


def level_words(snr_db: float | None) -> str:
    """
    >>> level_words(None), level_words(5.0)
    ('clean', '5 dB')
    """
    return CLEAN if snr_db is None else f"{snr_db:g} dB"


def draw_noise(benchmark: Benchmark, path: Path) -> None:
    """Curves over noise, one line a row, as a PNG. Raises WriteError where it cannot be written."""
    from matplotlib.figure import Figure

    levels: list[float | None] = [None, *levels_of(benchmark)]
    rows = [row for row in best_first(benchmark) if row.noise]
    measures = [name for name in MEASURES if any(value_at(rows, level, name) for level in levels)]
    figure = Figure(figsize=(3.4 * len(measures) + 2.4, 3.8), dpi=110, layout="constrained")
    for axes, name in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        for row in rows:
            values = [score_at(row, level, name).value for level in levels]
            known = [(at, value) for at, value in enumerate(values) if value is not None]
            if known:
                axes.plot(*zip(*known, strict=True), marker="o", markersize=3, label=row.label)
        axes.set_xticks(range(len(levels)), [level_words(level) for level in levels])
        axes.set_title(title_of(name), loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.axes[-1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    with whole_file(path) as file:
        file.write(picture.getvalue())


def value_at(rows: Sequence[EncoderRow], snr_db: float | None, name: str) -> bool:
    """Whether any row has a value there."""
    return any(score_at(row, snr_db, name).value is not None for row in rows)
