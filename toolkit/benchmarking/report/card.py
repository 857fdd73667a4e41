"""The card of a benchmark: a row for every encoder and control, the shards, the protocol."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData

from speechlip.benchmarking.columns import AMBIGUITY_COLUMNS, COLUMNS, Column
from speechlip.benchmarking.records import CONTROL, FAILED, JSON_NAME, Benchmark, without_places
from speechlip.benchmarking.report import table
from speechlip.benchmarking.report.table import SHOWN, best_first, p_words, titled
from speechlip.benchmarking.row_records import Score
from speechlip.cards.kept import YOURS, with_kept
from speechlip.cards.text import Markdown, filled
from speechlip.files.writing import write_text
from speechlip.format import CARD

TEMPLATE = "scores.md.jinja"
TAGS = ["speechlip", "lip-sync", "benchmark", "audio-visual", "speech"]
SHOWN_AMBIGUITY = (*table.SHOWN_AMBIGUITY, "kv")
LEFT_OUT = ("encoders", "command")


def write_card(folder: Path) -> Path:
    """Write ``README.md`` beside ``benchmark.json``, keeping what a person added; returns its path.

    Raises ShardError where the scores are damaged.
    """
    path = folder / CARD
    card = scores_card(Benchmark.load(folder / JSON_NAME))
    write_text(
        path, with_kept(card, path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else card
    )
    return path


def scores_card(benchmark: Benchmark) -> str:
    """The whole card, from the scores alone, without folders of this machine."""
    benchmark = without_places(benchmark)
    name = f"{benchmark.protocol} on {benchmark.shards.name}"
    data: dict[str, Any] = {"pretty_name": " ".join(name.split()), "tags": TAGS, "viewer": False}
    return filled(TEMPLATE, DatasetCardData(**data).to_yaml(), facts_of(benchmark))


def facts_of(benchmark: Benchmark) -> dict[str, Any]:
    """What the template tells. Rows stand by pair AUC, controls below the encoders."""
    order = best_first(benchmark)
    return {
        "benchmark": benchmark,
        "shards": benchmark.shards,
        "titles": [titled(COLUMNS[name]) for name in SHOWN],
        "rows": [(row, [score_cell(row.scores.get(name), COLUMNS[name]) for name in SHOWN]) for row in order],
        "ambiguity_titles": [titled(AMBIGUITY_COLUMNS[name]) for name in SHOWN_AMBIGUITY],
        "ambiguity": [
            (
                row,
                [
                    score_cell(row.ambiguity.scores.get(name), AMBIGUITY_COLUMNS[name])
                    for name in SHOWN_AMBIGUITY
                ],
            )
            for row in order
            if row.ambiguity.scores
        ],
        "without_phones": [row for row in order if row.ambiguity.reason],
        "failed": [row for row in benchmark.rows if row.status == FAILED],
        "options": {name: value for name, value in benchmark.options.items() if name not in LEFT_OUT},
        "chance": chances(SHOWN),
        "p_words": p_words,
        "control": CONTROL,
        "yours": Markdown(YOURS.rstrip()),
    }


def score_cell(score: Score | None, column: Column) -> str:
    """A number with its interval, or why there is none.

    >>> score_cell(Score(0.91234, 0.9, 0.92), COLUMNS["eer"])
    '0.912 (0.900–0.920)'
    >>> score_cell(Score(None, reason="no phones"), COLUMNS["eer"])
    'no phones'
    """
    if score is None or score.value is None:
        return (score.reason if score else "") or "–"
    text = f"{score.value:.{column.digits}f}"
    if score.ci_low is None or score.ci_high is None:
        return text
    return f"{text} ({score.ci_low:.{column.digits}f}–{score.ci_high:.{column.digits}f})"


def chances(names: Sequence[str]) -> str:
    """What knowing nothing gives, by column, where that is one number."""
    return ", ".join(
        f"{COLUMNS[name].title} {COLUMNS[name].chance:.3f}"
        for name in names
        if COLUMNS[name].chance is not None
    )
