"""What ``score-encoder`` prints: the plan, each row as it is made, the table, its notes, and what failed."""

from pathlib import Path
from typing import Any

from speechlip.benchmarking.benchmark import benchmark
from speechlip.benchmarking.evaluation.scores import notes_on
from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.plan import Plan
from speechlip.benchmarking.records import CSV_NAME, FAILED, JSON_NAME, Benchmark
from speechlip.benchmarking.report.noise import NOISE_CSV, NOISE_PNG, has_noise, noise_text
from speechlip.benchmarking.report.rendered import render_text
from speechlip.benchmarking.report.table import NAME_WIDTH, as_text
from speechlip.benchmarking.row_records import EncoderRow
from speechlip.checks import Workers
from speechlip.commands.terminal import Bars, echo, say
from speechlip.errors import SOME_MISSING
from speechlip.wording import counted, rough_time, shown
from speechlip.workers.engines import EngineChoice


def run(
    shards: str | Path,
    cache: Path | None,
    out: Path,
    encoders: tuple[str, ...],
    preset: str,
    render: Path | None,
    workers: Workers,
    engine: EngineChoice,
    quiet: bool,
    command: str,
    chosen: dict[str, Any],
) -> int:
    """Score the encoders and the controls into ``out`` and print the result; returns the exit code."""
    given = {name: value for name, value in chosen.items() if value is not None}
    options = BenchmarkOptions.preset(preset, **given)
    with Bars(quiet) as bars:
        scored = benchmark(
            encoders,
            shards,
            out,
            options,
            render=render,
            workers=workers,
            engine=engine,
            cache=cache,
            command=command,
            progress=bars,
            on_plan=lambda plan: None if quiet else print_plan(plan, options),
            on_row=lambda row: say_row(row, quiet),
        )
    return print_result(scored, out, quiet)


def print_plan(plan: Plan, options: BenchmarkOptions) -> None:
    """Notes on the data, what is there already, and how long the rest may take."""
    for note in plan.notes:
        echo(note, err=True)
    if plan.done:
        echo(f"{plan.done} of {counted(plan.rows, 'row')} there already", err=True)
    if plan.steps:
        echo(
            f"about {rough_time(plan.seconds_left)}, the encoders' own features not counted: "
            f"{plan.steps} steps of {options.batch_size} pairs at {plan.step_s:.2f} s",
            err=True,
        )


def say_row(row: EncoderRow, quiet: bool) -> None:
    """A line for a row that was made; with ``quiet`` only where it failed."""
    label = shown(row.label, NAME_WIDTH)
    if row.status == FAILED:
        say(f"{label}: not scored: {shown(row.reason, 400)}")
    elif not quiet:
        say(f"{label}: pair AUC {row.scores['pair_auc'].value:.3f}, {rough_time(row.seconds)}")


def print_result(scored: Benchmark, out: Path, quiet: bool) -> int:
    """Print the table, its notes and what failed; returns the exit code."""
    failed = [row for row in scored.rows if row.status == FAILED]
    rows = counted(len(scored.rows), "row")
    if not quiet:
        echo(as_text(scored))
        if has_noise(scored):
            echo(f"\n{noise_text(scored)}\n\n{out / NOISE_CSV}, {NOISE_PNG}")
        if scored.render:
            echo(f"\n{render_text(scored)}\n")
        for note in notes_on(scored.rows, len(scored.clips)):
            echo(note)
        echo(f"{rows}, · controls; {out / JSON_NAME}, {CSV_NAME}, benchmark.html")
    if failed:
        names = ", ".join(shown(row.label, NAME_WIDTH) for row in failed)
        echo(f"{len(failed)} of {rows} missing: {names}", err=True)
    return SOME_MISSING if failed else 0
