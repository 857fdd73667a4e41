"""``benchmark.html``: one page about one benchmark run, in one file that asks nothing of a network.

The page is ``report.html`` and the scripts of this package with the run's numbers put in as JSON
(``speechlip.webpage.filling``); it draws them itself.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.benchmarking.columns import AMBIGUITY_COLUMNS, COLUMNS, RENDER_COLUMNS, Column
from speechlip.benchmarking.records import JSON_NAME, SHIFTS, Benchmark, without_places
from speechlip.benchmarking.report.phone_map import map_of_file
from speechlip.benchmarking.report.rendered import answer_words
from speechlip.benchmarking.report.trained import mix_words
from speechlip.benchmarking.row_records import EncoderRow
from speechlip.files.writing import write_text
from speechlip.metrics.declared import NotScored
from speechlip.metrics.phones.visemes import MAPS
from speechlip.scoring.report.published import published_tables
from speechlip.webpage.filling import filled

HTML_NAME = "benchmark.html"
TEMPLATE = Path(__file__).with_name("report.html")
SCRIPTS = [
    TEMPLATE.with_name(f"{name}.js")
    for name in ("tables", "charts", "trained", "rendered", "phones", "report")
]
PUBLISHED = ("se4lip_tab3", "se4lip_tab6")
PER_CLIP = ("offsets", "confidence", "distance")
DIGITS = 4


def write_report(folder: Path) -> Path:
    """Draw ``folder/benchmark.html`` from its ``benchmark.json`` and tokens; the page's path.

    Raises ShardError where the json cannot be read, WriteError where the page cannot be written.
    """
    folder = Path(folder)
    path = folder / HTML_NAME
    write_text(path, page(Benchmark.load(folder / JSON_NAME), folder))
    return path


def page(benchmark: Benchmark, folder: Path) -> str:
    """The page as text. folder: where the tokens of the maps lie."""
    return filled(TEMPLATE, page_data(benchmark, folder), *SCRIPTS)


def page_data(benchmark: Benchmark, folder: Path) -> dict[str, Any]:
    """What the page shows: rows, columns, a map per file of tokens, the published tables.

    Rows come without their values per clip.
    """
    benchmark = without_places(benchmark)
    whole = {name: value for name, value in asdict(benchmark).items() if name not in ("rows", "clips")}
    return {
        **whole,
        "clips": len(benchmark.clips),
        "shifts": SHIFTS,
        "columns": [_column(name, column, benchmark.shards.gallery) for name, column in COLUMNS.items()],
        "ambiguity_columns": [_column(name, column, 0) for name, column in AMBIGUITY_COLUMNS.items()],
        "rows": [_row(row) for row in benchmark.rows],
        "render_columns": [_column(name, column, 0) for name, column in RENDER_COLUMNS.items()],
        "render_words": answer_words(benchmark.render) if benchmark.render else "",
        "maps": _maps(benchmark.rows, folder),
        "visemes": {
            name: {viseme: phones.split() for viseme, phones in classes.items()}
            for name, classes in MAPS.items()
        },
        "published": [asdict(table) for table in published_tables() if table.id in PUBLISHED],
    }


def _column(name: str, column: Column, gallery: int) -> dict[str, Any]:
    """chance: also of R@k, which depends on the gallery."""
    chance = int(name[1]) / gallery if name.startswith(("r1_", "r5_")) and gallery else column.chance
    return {**asdict(column), "name": name, "higher": column.higher_is_better, "chance": chance}


def _row(row: EncoderRow) -> dict[str, Any]:
    shown = asdict(row) | {
        "curves": [_relative(seed.curve) for seed in row.seeds if seed.curve],
        "mix": row.mix,
        "mix_words": mix_words(row),
    }
    shown["seeds"] = [
        {name: value for name, value in asdict(seed).items() if name not in (*PER_CLIP, "curve")}
        for seed in row.seeds
    ]
    shown["ambiguity"]["matrix"] = [
        [None if ratio is None else round(ratio, DIGITS) for ratio in line] for line in row.ambiguity.matrix
    ]
    return shown


def _relative(curve: tuple[float, ...]) -> list[float]:
    """A curve over its median: spaces of different size side by side.

    >>> _relative((4.0, 2.0, 4.0))
    [1.0, 0.5, 1.0]
    """
    middle = float(np.median(curve))
    return [round(value / middle, DIGITS) if middle > 0 else 1.0 for value in curve]


def _maps(rows: tuple[EncoderRow, ...], folder: Path) -> dict[str, dict[str, Any]]:
    """Tokens file → its map, or why there is none. Two rows of one encoder share a file, and so a map."""
    return {
        file: _map_or_reason(folder / file)
        for file in dict.fromkeys(row.ambiguity.tokens_file for row in rows)
        if file
    }


def _map_or_reason(path: Path) -> dict[str, Any]:
    try:
        return asdict(map_of_file(path)) | {"reason": ""}
    except NotScored as error:
        return {"reason": str(error)}
