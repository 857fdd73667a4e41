"""What encoders render, as text."""

from speechlip.benchmarking.columns import COLUMNS, RENDER_COLUMNS
from speechlip.benchmarking.records import Benchmark, RenderAnswer
from speechlip.benchmarking.report.table import NAME_WIDTH, best_first, layout, number, titled
from speechlip.wording import shown


def render_text(benchmark: Benchmark) -> str:
    """Pair AUC beside what was rendered, and whether one tells the other; empty where nothing was."""
    if benchmark.render is None:
        return ""
    titles = ["encoder", titled(COLUMNS["pair_auc"]), *map(titled, RENDER_COLUMNS.values())]
    rows = [
        [
            shown(row.label, NAME_WIDTH),
            number(row.scores["pair_auc"].value),
            *(number(row.render[name].value) for name in RENDER_COLUMNS),
        ]
        for row in best_first(benchmark)
        if any(score.value is not None for score in row.render.values())
    ]
    return f"{layout([titles, *rows])}\n{answer_words(benchmark.render)}"


def answer_words(answer: RenderAnswer) -> str:
    """
    >>> answer_words(RenderAnswer("may.mp4", 6, -0.6, -0.95, 0.42))
    'pair AUC against rendered LMD of may.mp4 over 6 encoders: ρ = -0.60 (-0.95 … 0.42); -1: ...'
    """
    what = f"pair AUC against rendered LMD of {answer.person} over {answer.encoders} encoders"
    if answer.rho is None:
        return f"{what}: {answer.reason}"
    ends = "" if answer.ci_low is None else f" ({answer.ci_low:.2f} … {answer.ci_high:.2f})"
    return f"{what}: ρ = {answer.rho:.2f}{ends}; -1: the order of one is that of the other"
