"""What ``train-encoder`` prints: what differs from the paper, progress, where things are, how to go on."""

import math
import shlex
from pathlib import Path
from typing import Any

from speechlip.commands.terminal import Bars, echo
from speechlip.encoders.checkpoint import checkpoints, open_checkpoint
from speechlip.errors import exit_code
from speechlip.training.check_data import check_data
from speechlip.training.options import PAPER, TrainOptions
from speechlip.training.paper import unlike_paper
from speechlip.training.pase_options import EXCERPTS_CHOSEN
from speechlip.training.processes.ranks import Ranks
from speechlip.training.processes.stopping import Stopped
from speechlip.training.run.checkpoint import options_of_run
from speechlip.training.run.history import NAME, HistoryRow
from speechlip.training.train import TrainedRun, train
from speechlip.wording import counted


def run(
    shards: tuple[str | Path, ...],
    cache: Path | None,
    out: Path | None,
    preset: str,
    resume: bool,
    quiet: bool,
    check: bool,
    tensorboard: bool | None,
    chosen: dict[str, Any],
) -> int:
    """Train, or go on, and print the result; returns the exit code.

    Of torchrun's processes the first one prints.
    """
    first = Ranks.started().first
    quiet = quiet or not first
    given = {name: value for name, value in chosen.items() if value is not None}
    out = out or Path("runs") / given.get("encoder", PAPER.encoder)
    options = options_of_run(out, preset, given, resume)
    if not quiet:
        echo(described(options), err=True)
        if resume:
            last = open_checkpoint(out)
            going_on = f"going on after step {last.facts.step} of {options.steps}, saved in {last.folder}"
            echo(going_on, err=True)
    if check and first:
        memorised = check_data(shards, options, cache=cache)
        if not quiet:
            echo(memorised, err=True)
    bar = TrainingBar(quiet)
    bar.counted = options.batches_of
    try:
        with bar:
            trained = train(
                shards,
                out,
                options,
                resume=resume,
                cache=cache,
                tensorboard=tensorboard,
                progress=bar,
                on_row=bar.row,
            )
    except KeyboardInterrupt as stopped:
        if first:
            echo(how_to_go_on(stopped, shards, cache, out), err=True)
        return exit_code(stopped)
    if not quiet:
        echo(where_things_are(trained))
    return 0


def where_things_are(trained: TrainedRun) -> str:
    """The last line on stdout."""
    of = trained.options.batches_of
    last = row_words(trained.last, of) if trained.last else "nothing was left to do"
    curve = trained.folder / NAME
    return f"{last}; weights in {trained.checkpoint}, curve in {curve}, picture and card beside it"


def how_to_go_on(
    stopped: KeyboardInterrupt, shards: tuple[str | Path, ...], cache: Path | None, out: Path
) -> str:
    """What was saved of a run that was stopped, and the command that goes on with it."""
    kept = ["--cache", str(cache)] if cache else []
    again = shlex.join(["train-encoder", *map(str, shards), *kept, "-o", str(out), "--resume"])
    if isinstance(stopped, Stopped) and stopped.checkpoint:
        return f"{stopped}, which is saved in {stopped.checkpoint}; {again} goes on"
    if saved := checkpoints(out):
        return f"stopped at once; {again} goes on from {saved[-1]}"
    return "stopped before anything was saved; the same command begins again"


def described(options: TrainOptions) -> str:
    """What differs from the paper, in a line; and another where the run ends within the warm-up.

    >>> described(TrainOptions(steps=8, warmup_steps=20)).splitlines()[1]
    '8 steps lie under the warm-up of 20: the learning rate never gets where it should'
    """
    differences = "; ".join(f"{name} {word}" for name, word in unlike_paper(options).items())
    text = f"training {options.encoder}. Not the paper's: {differences}"
    if options.learns_from_phones:
        text = f"training {options.encoder}. No text of its paper could be had; our choice: {chosen(options)}"
    if options.steps >= options.warmup_steps:
        return text
    steps = counted(options.steps, "step")
    return (
        f"{text}\n{steps} lie under the warm-up of {options.warmup_steps}: "
        "the learning rate never gets where it should"
    )


def chosen(options: TrainOptions) -> str:
    """What was chosen, without a word on each.

    >>> chosen(TrainOptions(encoder="pase"))[:30]
    'lip_input mouth, steps 100000,'
    """
    return ", ".join(f"{name} {getattr(options, name)}" for name in EXCERPTS_CHOSEN)


def row_words(row: HistoryRow, of: str = "windows") -> str:
    """A row of the history in a line. of: what batches are of.

    >>> row_words(HistoryRow(5, 0.61234, 1e-3, float("nan"), 123.4, 0.034, 1.0))
    'step 5: loss 0.6123, 123 windows/s, 3% waiting for data'
    """
    auc = "" if math.isnan(row.auc) else f", pair AUC {row.auc:.3f}"
    speed = f"{row.windows_per_s:.0f} {of}/s, {row.data_wait:.0%} waiting for data"
    return f"step {row.step}: loss {row.loss:.4f}{auc}, {speed}"


class TrainingBar(Bars):
    """The steps, with the last row of the history behind them; a line for each row where stderr is a file."""

    words = ""
    counted = "windows"

    def advance(self, amount: float = 1.0, at: str = "") -> None:
        if self.bar is not None:
            self.bar.add(amount, at or self.words)

    def row(self, row: HistoryRow) -> None:
        text = row_words(row, self.counted)
        self.words = text.partition(": ")[2]
        if self.bar is not None:
            self.bar.tell(text)
