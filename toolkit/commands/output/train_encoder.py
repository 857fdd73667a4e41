"""What ``train-encoder`` does between the command line and the loop: options, progress, where things are."""

import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speechlip.commands.terminal import Bar, echo, say
from speechlip.encoders.checkpoint import checkpoints, open_checkpoint
from speechlip.errors import SpeechLipError, exit_code
from speechlip.training.card import write_card
from speechlip.training.check_data import check_data
from speechlip.training.checkpoint import refuse_others, saved_options
from speechlip.training.config import TrainOptions, make_options, other_end, resumed, unlike_paper
from speechlip.training.curves import draw_training
from speechlip.training.history import NAME, Row
from speechlip.training.loop import Watcher, train
from speechlip.training.ranks import Ranks
from speechlip.training.stopping import Stopped
from speechlip.training.tensorboard import MISSING as TENSORBOARD_MISSING
from speechlip.training.tensorboard import Scalars
from speechlip.training.tensorboard import installed as tensorboard_installed
from speechlip.wording import counted


def run(
    shards: Path,
    out: Path | None,
    preset: str,
    resume: bool,
    quiet: bool,
    check: bool,
    tensorboard: bool | None,
    chosen: dict[str, Any],
) -> int:
    """Train, or go on, and say what came of it; returns the exit code. Of the processes that torchrun started, the first one speaks."""
    first = Ranks.started().first
    quiet = quiet or not first
    given = {name: value for name, value in chosen.items() if value is not None}
    out = out or Path("runs") / given.get("encoder", "se4lip")
    if first and not resume and out.is_dir():
        refuse_others(out)
    saved = saved_options(out) if resume else None
    options = resumed(saved, given) if saved else make_options(preset, given)
    if not quiet:
        echo(described(options), err=True)
        if saved:
            last = open_checkpoint(out)
            echo(
                f"going on after step {last.facts.step} of {options.steps}, saved in {last.folder}", err=True
            )
    if first and saved and (changed := other_end(saved, options)):
        echo(changed, err=True)
    if check and first:
        memorised = check_data(shards, options)
        if not quiet:
            echo(memorised, err=True)
    progress = Progress(options, quiet)
    scalars = open_scalars(out, resume, tensorboard, progress.note) if first else None
    try:
        folder = train(
            shards, options, out, resume, Watcher(progress.step, told(progress, scalars), progress.note)
        )
    except KeyboardInterrupt as stopped:
        if first:
            echo(how_to_go_on(stopped, shards, out), err=True)
        return exit_code(stopped)
    finally:
        progress.close()
        if scalars:
            scalars.close()
    if first:
        show(out, options, progress.note)
    if not quiet:
        echo(f"{progress.last}; weights in {folder}, curve in {out / NAME}, picture and card beside it")
    return 0


def how_to_go_on(stopped: KeyboardInterrupt, shards: Path, out: Path) -> str:
    """What was saved of a run that was stopped, and the command that goes on with it."""
    again = shlex.join(["train-encoder", str(shards), "-o", str(out), "--resume"])
    if isinstance(stopped, Stopped) and stopped.checkpoint:
        return f"{stopped}, which is saved in {stopped.checkpoint}; {again} goes on"
    if found := checkpoints(out):
        return f"stopped at once; {again} goes on from {found[-1]}"
    return "stopped before anything was saved; the same command begins again"


def open_scalars(out: Path, resume: bool, wanted: bool | None, note: Callable[[str], None]) -> Scalars | None:
    """What writes TensorBoard's scalars: by default where TensorBoard is installed; a note where it was asked for and is not."""
    if wanted is False or not tensorboard_installed():
        if wanted:
            note(TENSORBOARD_MISSING)
        return None
    return Scalars(out, open_checkpoint(out).facts.step if resume else 0)


def told(progress: "Progress", scalars: Scalars | None) -> Callable[[Row], None]:
    """Everyone who is told of a row of the history."""

    def row(row: Row) -> None:
        progress.row(row)
        if scalars:
            scalars.row(row)

    return row


def show(out: Path, options: TrainOptions, note: Callable[[str], None]) -> None:
    """Draw the run and write its card. The run is whole without them, so what hinders them is a note."""
    try:
        draw_training(out, options)
        write_card(out)
    except SpeechLipError as error:
        note(f"the weights are saved; picture or card is not as it should be: {error}")


def described(options: TrainOptions) -> str:
    """What is not the paper's, in a line; and another where the run ends before the learning rate is where it should be.

    >>> described(TrainOptions(steps=8, warmup_steps=20)).splitlines()[1]
    '8 steps lie under the warm-up of 20: the learning rate never gets where it should'
    """
    differences = "; ".join(f"{name} {word}" for name, word in unlike_paper(options).items())
    short = f"\n{counted(options.steps, 'step')} lie under the warm-up of {options.warmup_steps}: the learning rate never gets where it should"
    return f"training {options.encoder}. Not the paper's: {differences}{short if options.steps < options.warmup_steps else ''}"


class Progress:
    """How far; where stderr is a file also a line for every look at the validation pairs. Nothing with ``--quiet`` but notes."""

    def __init__(self, options: TrainOptions, quiet: bool) -> None:
        self.options, self.quiet = options, quiet
        self.last, self.words = "nothing was left to do", ""
        self.bar: Bar | None = None

    def step(self, step: int, loss: float) -> None:
        if self.bar is None:  # a resumed run begins in the middle
            self.bar = Bar(self.options.steps, self.options.encoder, "steps", step - 1, self.quiet)
        self.bar.reach(step, self.words)

    def row(self, row: Row) -> None:
        auc = "" if math.isnan(row.auc) else f", pair AUC {row.auc:.3f}"
        self.last = f"step {row.step}: loss {row.loss:.4f}{auc}, {row.windows_per_s:.0f} windows/s, {row.data_wait:.0%} waiting for data"
        self.words = self.last.partition(": ")[2]
        if self.bar is not None:
            self.bar.tell(self.last)

    def note(self, text: str) -> None:
        say(text)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
