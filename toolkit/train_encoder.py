"""What ``train-encoder`` does between the command line and the loop: options, progress, where things are."""

import math
import sys
from pathlib import Path
from typing import Any

import click
import torch
from speechlip.errors import OptionError
from speechlip.training.checkpoint import saved_options
from speechlip.training.config import TrainOptions, make_options, resumed, unlike_paper
from speechlip.training.history import NAME, Row
from speechlip.training.loop import Watcher, train
from tqdm import tqdm

INTERRUPTED = 130


def run(shards: Path, out: Path | None, preset: str, resume: bool, quiet: bool, chosen: dict[str, Any]) -> int:
    """Train, or go on, and say what came of it; returns the exit code."""
    given = {name: value for name, value in chosen.items() if value is not None}
    out = out or Path("runs") / given.get("encoder", "se4lip")
    options = resumed(saved_options(out), given) if resume else make_options(preset, given)
    if not quiet:
        click.echo(described(options), err=True)
    progress = Progress(options, quiet)
    try:
        folder = train(shards, options, out, resume, Watcher(progress.step, progress.row, progress.note))
    except KeyboardInterrupt:
        click.echo(f"stopped; train-encoder {shards} -o {out} --resume goes on from the last checkpoint, if there is one", err=True)
        return INTERRUPTED
    except torch.OutOfMemoryError as error:
        raise OptionError(
            f"out of memory with batches of {options.batch_size}; try --batch-size {max(2, options.batch_size // 2)}"
        ) from error
    finally:
        progress.close()
    if not quiet:
        click.echo(f"{progress.last}; weights in {folder}, curve in {out / NAME}")
    return 0


def described(options: TrainOptions) -> str:
    """What is not the paper's, in a line."""
    differences = "; ".join(f"{name} {word}" for name, word in unlike_paper(options).items())
    return f"training {options.encoder}. Not the paper's: {differences}"


class Progress:
    """A bar on a terminal; elsewhere a line for every look at the validation pairs; nothing with ``--quiet`` but notes."""

    def __init__(self, options: TrainOptions, quiet: bool) -> None:
        self.quiet, self.lines = quiet, not quiet and not sys.stderr.isatty()
        self.last = "nothing was left to do"
        self.bar = tqdm(total=options.steps, desc=options.encoder, unit=" steps", disable=quiet or self.lines, smoothing=0.05)

    def step(self, step: int, loss: float) -> None:
        if not self.bar.n:  # a resumed run begins in the middle
            self.bar.initial = self.bar.n = self.bar.last_print_n = step - 1
        self.bar.update()

    def row(self, row: Row) -> None:
        auc = "" if math.isnan(row.auc) else f", pair AUC {row.auc:.3f}"
        self.last = f"step {row.step}: loss {row.loss:.4f}{auc}, {row.windows_per_s:.0f} windows/s, {row.data_wait:.0%} waiting for data"
        self.bar.set_postfix_str(self.last.partition(": ")[2])
        if self.lines:
            click.echo(self.last, err=True)

    def note(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        self.bar.close()
