"""What ``score-encoder`` does between the command line and the benchmark: options, progress, the table, where things are."""

import os
from pathlib import Path
from typing import Any

from speechlip.benchmarking.options import BenchmarkOptions, make_options
from speechlip.benchmarking.records import CSV_NAME, FAILED, JSON_NAME, Benchmark, EncoderRow
from speechlip.benchmarking.report.card import write_card
from speechlip.benchmarking.report.page import write_report
from speechlip.benchmarking.report.table import NAME_WIDTH, as_text
from speechlip.benchmarking.run import BenchmarkJob, Plan, run_benchmark
from speechlip.benchmarking.scores import notes_on
from speechlip.commands.terminal import Bar, echo, say
from speechlip.device import choose_device
from speechlip.errors import SOME_MISSING
from speechlip.wording import counted, rough_time, shown
from speechlip.workers.pool import Replaced


def run(
    shards: Path,
    out: Path,
    encoders: tuple[str, ...],
    preset: str,
    workers: int | None,
    quiet: bool,
    command: str,
    chosen: dict[str, Any],
) -> int:
    """Score the encoders and the controls into ``out`` and say what came of it; returns the exit code. workers: None for as many as suits."""
    options = make_options(preset, {name: value for name, value in chosen.items() if value is not None})
    workers = workers or (1 if choose_device(options.device).type == "cuda" else os.cpu_count() or 1)
    progress = Progress(options, quiet)
    try:
        benchmark = run_benchmark(BenchmarkJob(shards, out, encoders, options, workers, command), progress)
    finally:
        progress.close()
    write_report(out)
    write_card(out)
    return told(benchmark, out, quiet)


def told(benchmark: Benchmark, out: Path, quiet: bool) -> int:
    """Print the table, its notes and what failed; returns the exit code."""
    failed = [row for row in benchmark.rows if row.status == FAILED]
    if not quiet:
        echo(as_text(benchmark))
        for note in notes_on(benchmark.rows, len(benchmark.clips)):
            echo(note)
        echo(
            f"{counted(len(benchmark.rows), 'row')}, · controls; {out / JSON_NAME}, {CSV_NAME}, benchmark.html"
        )
    if failed:
        names = ", ".join(shown(row.label, NAME_WIDTH) for row in failed)
        echo(f"{len(failed)} of {counted(len(benchmark.rows), 'row')} missing: {names}", err=True)
    return SOME_MISSING if failed else 0


class Progress:
    """How far the training steps are, and a line for every row; with ``--quiet`` nothing but what failed."""

    def __init__(self, options: BenchmarkOptions, quiet: bool) -> None:
        self.options, self.quiet = options, quiet
        self.bar: Bar | None = None

    def planned(self, plan: Plan) -> None:
        """Say what is to be known of the data, what is there already, and how long the rest may take."""
        if self.quiet:
            return
        for note in plan.notes:
            echo(note, err=True)
        if plan.done:
            echo(f"{plan.done} of {counted(plan.rows, 'row')} there already", err=True)
        if plan.steps:
            echo(
                f"about {rough_time(plan.seconds_left)}, the encoders' own features not counted: {plan.steps} steps of {self.options.batch_size} "
                f"pairs at {plan.step_s:.2f} s",
                err=True,
            )
        self.bar = Bar(plan.steps, "training", "steps")

    def advanced(self, doing: str, steps: float) -> None:
        if self.bar is not None:
            self.bar.add(steps, shown(doing, 60))

    def replaced(self, event: Replaced) -> None:
        say(str(event))

    def scored(self, row: EncoderRow) -> None:
        if row.status == FAILED:
            say(f"{shown(row.label, NAME_WIDTH)}: not scored: {shown(row.reason, 400)}")
        elif not self.quiet:
            say(
                f"{shown(row.label, NAME_WIDTH)}: pair AUC {row.scores['pair_auc'].value:.3f}, {rough_time(row.seconds)}"
            )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
