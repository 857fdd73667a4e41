"""The table as CSV and as text for a terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from speechlip.benchmarking.columns import AMBIGUITY_COLUMNS, COLUMNS, RENDER_COLUMNS, Column
from speechlip.benchmarking.records import CONTROL, FAILED, Benchmark
from speechlip.benchmarking.report.trained import entropy_bits, mix_words, rate_words
from speechlip.benchmarking.row_records import EncoderRow, Score
from speechlip.files.tables import csv_text
from speechlip.wording import shown

FACTS = (
    "label",
    "name",
    "role",
    "mode",
    "status",
    "reason",
    "note",
    "frame_dim",
    "rate_hz",
    "random_init",
    "is_best",
)
COSTS = ("parameters", "head_parameters", "real_time_factor", "look_ahead_ms", "peak_memory_mb")
SHOWN = (
    "pair_auc",
    "eer",
    "average_precision",
    "offset_exact",
    "offset_within_one",
    "r1_lips_to_speech",
    "r1_speech_to_lips",
)
SHOWN_AMBIGUITY = ("va", "ar", "ar_star", "nv")
ARROWS = {True: " ↑", False: " ↓", None: ""}
NAME_WIDTH = 40


def as_csv(benchmark: Benchmark) -> str:
    """One line a row, numbers in full, missing ones as empty cells.

    Each score has its interval and its least and greatest seed.
    """
    rows = [csv_row(row) for row in benchmark.rows]
    return csv_text(list(rows[0]), rows)


def csv_row(row: EncoderRow) -> dict[str, Any]:
    """Column → cell of ``benchmark.csv``; None where it is missing.

    A score is its value, its interval and its spread over seeds.
    """
    cells = {name: getattr(row, name) for name in FACTS} | {"seeds": len(row.seeds)}
    scores = {name: row.scores.get(name) for name in COLUMNS} | {
        name: row.ambiguity.scores.get(name) for name in AMBIGUITY_COLUMNS
    }
    for name, score in scores.items():
        parts = asdict(score or Score(None))
        cells |= {name: parts["value"]} | {
            f"{name}_{part}": parts[part] for part in ("ci_low", "ci_high", "seed_low", "seed_high")
        }
    for name in ("pair_auc", "offset_exact"):
        difference = row.differences.get(name)
        cells |= {
            f"{name}_to_best": difference.value if difference else None,
            f"{name}_p": difference.p if difference else None,
        }
    cells |= {name: getattr(row.cost, name) if row.cost else None for name in COSTS}
    weights = row.mix
    return cells | {
        "lr": row.rate.lr if row.rate else None,
        "lr_by": row.rate.by if row.rate else None,
        "lr_at_edge": row.rate.at_edge if row.rate else None,
        "mix": " ".join(f"{weight:.6f}" for weight in weights) or None,
        "mix_entropy_bits": entropy_bits(weights) if weights else None,
        **{
            f"{name}{ending}": getattr(row.render.get(name, Score(None)), part)
            for name in RENDER_COLUMNS
            for ending, part in (("", "value"), ("_ci_low", "ci_low"), ("_ci_high", "ci_high"))
        },
    }


def as_text(benchmark: Benchmark) -> str:
    """What a terminal shows: the best pair AUC first, controls below, then what failed and why."""
    order = best_first(benchmark)
    titles = ["encoder", "pair AUC ↑", "95 % over clips", "seeds", "p to best"]
    titles += (
        [titled(COLUMNS[name]) for name in SHOWN[1:]]
        + [titled(AMBIGUITY_COLUMNS[name]) for name in SHOWN_AMBIGUITY]
        + ["RTF", "lr"]
    )
    lines = [layout([titles, *map(text_row, order)])] if order else []
    lines += [
        f"{shown(row.label, NAME_WIDTH)}: not scored: {shown(row.reason, 400)}"
        for row in benchmark.rows
        if row.status == FAILED
    ]
    lines += [f"{shown(row.label, NAME_WIDTH)}: {words}" for row in order if (words := mix_words(row))]
    lines += [
        f"ambiguity: {shown(reason, 400)}"
        for reason in dict.fromkeys(row.ambiguity.reason for row in order)
        if reason
    ]
    return "\n".join(lines)


def best_first(benchmark: Benchmark) -> list[EncoderRow]:
    """The rows that were scored: the best pair AUC first, controls below the encoders."""
    scored = [row for row in benchmark.rows if row.status != FAILED]
    return sorted(scored, key=lambda row: (row.role == CONTROL, -(value_of(row.scores, "pair_auc") or 0)))


def text_row(row: EncoderRow) -> list[str]:
    """The cells of a line on the terminal; – for what there is not."""
    auc, difference = row.scores["pair_auc"], row.differences.get("pair_auc")
    p = "best" if row.is_best else p_words(difference.p if difference else None)
    spread = f"{auc.seed_low:.3f}–{auc.seed_high:.3f}" if len(row.seeds) > 1 else "one"
    interval = (
        f"{auc.ci_low:.3f}–{auc.ci_high:.3f}" if auc.ci_low is not None and auc.ci_high is not None else "–"
    )
    name = shown(row.label, NAME_WIDTH) + (" ·" if row.role == CONTROL else "")
    cells = [
        name,
        number(auc.value),
        interval,
        spread,
        p,
        *(number(value_of(row.scores, name)) for name in SHOWN[1:]),
    ]
    cells += [number(value_of(row.ambiguity.scores, name)) for name in SHOWN_AMBIGUITY]
    return [*cells, number(row.cost.real_time_factor if row.cost else None), rate_words(row.rate)]


def p_words(p: float | None) -> str:
    """p as it is printed everywhere.

    >>> p_words(0.0004), p_words(0.0313), p_words(None)
    ('<0.001', '0.031', '–')
    """
    return "–" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def value_of(scores: dict[str, Score], name: str) -> float | None:
    return scores[name].value if name in scores else None


def titled(column: Column) -> str:
    """A column's name with the direction in which it gets better.

    >>> titled(COLUMNS["eer"])
    'EER ↓'
    """
    return column.title + ARROWS[column.higher_is_better]


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def layout(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns, the first to the left, numbers to the right."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    padded = (
        [
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in lines
    )
    return "\n".join("  ".join(line).rstrip() for line in padded)
