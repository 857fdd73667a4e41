"""Lips that each encoder renders, beside its row: does pair AUC tell which encoder renders better?

One person's video goes through ``speechlip.render_lips`` for every encoder that can drive lips.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechlip.benchmarking.columns import RENDER_COLUMNS
from speechlip.benchmarking.records import HEAD, Benchmark, RenderAnswer
from speechlip.benchmarking.row_records import EncoderRow, Score
from speechlip.errors import OptionError
from speechlip.files.names import is_file, plain_name
from speechlip.metrics.statistics.rank_correlation import spearman
from speechlip.progress import Progress
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.records import FAILED, Renders
from speechlip.rendering.render import refuse_unknown, render_lips
from speechlip.rendering.table import cell
from speechlip.workers.engines import EngineChoice

FOLDER = "renders"
LEAST = 5
"""Encoders, for an interval of the rank correlation."""


def refuse_person(person: Path, random_init: bool) -> None:
    """Raise OptionError before anything is trained: no such video, or encoders at random weights."""
    if not is_file(person):
        raise OptionError(f"there is no file {person}; give one video of a person who talks")
    if random_init:
        raise OptionError(
            "encoders at random weights cannot be rendered together; leave one of the two out, or name them "
            "as random:NAME"
        )


def with_renders(
    scored: Benchmark, person: Path, out: Path, device: str, engine: EngineChoice, progress: Progress
) -> Benchmark:
    """The same table with what each encoder renders, into ``out/renders``. Raises as ``render_lips`` does."""
    why = {name: cannot(name) for name in dict.fromkeys(row.name for row in scored.rows)}
    names = [name for name, reason in why.items() if not reason]
    if not names:
        raise OptionError("no row of this table can be rendered; name an encoder that reads audio")
    options = RenderOptions(device=device)
    renders = render_lips(person, names, out / FOLDER, options, engine=engine, progress=progress)
    rows = tuple(replace(row, render=scores_of(row.name, renders, why[row.name])) for row in scored.rows)
    return replace(scored, rows=rows, render=answer(rows, plain_name(person.name)))


def cannot(name: str) -> str:
    """Why an encoder drives no lips; empty where it does."""
    try:
        refuse_unknown(name)
    except OptionError as error:
        return str(error)
    return ""


def scores_of(name: str, renders: Renders, why: str) -> dict[str, Score]:
    """Keys of ``RENDER_COLUMNS``: LMD, and PSNR less that of the mean crop; or why there are none."""
    row = next((row for row in renders.rows if row.encoder == name and not row.shuffled), None)
    if row is None or row.status == FAILED:
        reason = why or (row.reason if row else "it was not rendered")
        return dict.fromkeys(RENDER_COLUMNS, Score(None, reason=reason))
    lmd, psnr = (cell(renders, row, column) for column in ("lmd", "psnr"))
    over = lmd.interval if lmd else None
    gain = psnr.to_mean_crop if psnr else None
    missing = Score(None, reason=row.reason or "it was not measured")
    return {
        "render_lmd": score(lmd.value, over.ci_low, over.ci_high) if lmd and over else missing,
        "render_psnr_gain": score(gain.value, gain.ci_low, gain.ci_high) if gain else missing,
    }


def score(value: float, low: float, high: float) -> Score:
    """A number with its interval; an end that is no number is left out."""
    ci_low, ci_high = (None if np.isnan(end) else float(end) for end in (low, high))
    return Score(float(value), ci_low, ci_high)


def answer(rows: Sequence[EncoderRow], person: str) -> RenderAnswer:
    """The rank correlation of pair AUC below the common head and rendered LMD, over encoders and controls."""
    both = [
        (row.scores["pair_auc"].value, row.render["render_lmd"].value)
        for row in rows
        if row.mode == HEAD and "pair_auc" in row.scores and "render_lmd" in row.render
    ]
    known = np.array([pair for pair in both if None not in pair], np.float64).reshape(-1, 2)
    if len(known) < LEAST:
        few = f"a rank correlation wants {LEAST} encoders that are scored and rendered"
        return RenderAnswer(person, len(known), reason=few)
    found = spearman(known[:, 0], known[:, 1])
    value, low, high = (
        None if np.isnan(each) else float(each) for each in (found.value, found.ci_low, found.ci_high)
    )
    reason = "all have the same pair AUC, or the same LMD" if value is None else ""
    return RenderAnswer(person, len(known), value, low, high, reason)
