"""``speechlip.train``: one run of training, from shards to weights, history, picture and card."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from speechlip.checks import check_kind, check_out
from speechlip.device import choose_device
from speechlip.encoders.checkpoint import open_checkpoint
from speechlip.errors import OptionError, SpeechLipError, WriteError
from speechlip.progress import SILENT, Progress, ignore
from speechlip.remote.mirror import shards_at
from speechlip.shards.read.positions import reader_deaths_said
from speechlip.training.loop import training_loop
from speechlip.training.options import PAPER, TrainOptions
from speechlip.training.processes.accelerator import smaller_batch_advised
from speechlip.training.processes.ranks import Ranks, joined
from speechlip.training.resuming import other_end, resumed
from speechlip.training.run.card import write_card
from speechlip.training.run.checkpoint import hold_run, saved_options
from speechlip.training.run.history import HistoryRow, OnRow
from speechlip.training.run.picture import draw_training
from speechlip.training.run.tensorboard import open_scalars


@dataclass(frozen=True)
class TrainedRun:
    """A finished run of training; ``load_run(run.folder)`` gives its encoders."""

    folder: Path
    """Of the run."""
    checkpoint: Path
    """``step-NNNNNNNN`` in it: weights, ``checkpoint.json``, and what is needed to go on."""
    step: int
    """The last one."""
    options: TrainOptions
    last: HistoryRow | None
    """The last row of the history; None where no step was left to do."""


def train(
    shards: str | Path | Sequence[str | Path],
    run: str | Path,
    options: TrainOptions | None = None,
    *,
    resume: bool = False,
    cache: str | Path | None = None,
    tensorboard: bool | None = False,
    progress: Progress = SILENT,
    on_row: OnRow = ignore,
) -> TrainedRun:
    """Train a speech encoder and a lip encoder on the train split of ``shards``, into the folder ``run``.

    shards: a prepared folder, ``hf://user/name`` or ``https://…``; or several, blended as ``options.weights``
        says, and validated on the pairs of the first
    options: None for the paper's, or with ``resume`` for those of the run
    resume: go on from the last checkpoint; only the options in ``training.options.RESUMABLE`` may differ
    cache: folder that keeps whole shards of ``hf://`` and ``https://``
    tensorboard: whether to write scalars; None for where TensorBoard is installed
    on_row: called with every row of ``history.csv``

    Under torchrun every process calls it; rank 0 writes and reports progress. SIGINT or SIGTERM end the run
    after a step, saved: it raises Stopped, a KeyboardInterrupt. Raises OptionError and ShardError for what
    cannot be trained, also for a batch that no memory holds; ModelError for a damaged checkpoint;
    TrainingStopped for a loss that is not finite; RankLost or WorkerError where another process of the run
    has ended.
    """
    if options is not None:
        check_kind("options", options, TrainOptions)
    folders, run, ranks = folders_at(shards, cache), check_out(run, "run"), Ranks.started()
    progress, on_row = (progress, on_row) if ranks.first else (SILENT, ignore)
    saved = saved_options(run) if resume else None
    if saved:
        options = resumed(saved, asdict(options or saved))
        if changed := other_end(saved, options):
            progress.say(changed)
    options = options or PAPER
    device = choose_device(options.device, ranks.local)
    with (
        reader_deaths_said(),
        joined(ranks, device),
        hold_run(run, resume) if ranks.first else nullcontext(),
        smaller_batch_advised(options.batch_size, ranks, options.excerpt_frames),
        with_scalars(run, resume, tensorboard if ranks.first else False, progress, on_row) as on_each_row,
    ):
        last = training_loop(folders, run, options, resume, progress, on_each_row, ranks, device)
    if ranks.first:
        illustrate(run, options, progress)
    checkpoint = open_checkpoint(run)
    return TrainedRun(run, checkpoint.folder, checkpoint.facts.step, options, last)


def folders_at(shards: str | Path | Sequence[str | Path], cache: str | Path | None) -> list[Path]:
    """The folders of one name or several. Raises what ``shards_at`` raises, and OptionError for none."""
    names = [shards] if isinstance(shards, str | Path) else list(shards)
    if not names:
        raise OptionError("no shards were given; give a prepared folder, or several to blend")
    return [shards_at(name, cache) for name in names]


@contextmanager
def with_scalars(
    run: Path, resume: bool, tensorboard: bool | None, progress: Progress, on_row: OnRow
) -> Iterator[OnRow]:
    """``on_row``, which also writes TensorBoard's scalars where these are wanted."""
    after_step = open_checkpoint(run).facts.step if resume else 0
    scalars = open_scalars(run, after_step, tensorboard, progress)
    if scalars is None:
        yield on_row
        return

    def both(row: HistoryRow) -> None:
        on_row(row)
        scalars.row(row)

    try:
        yield both
    finally:
        scalars.close()


def illustrate(run: Path, options: TrainOptions, progress: Progress) -> None:
    """Draw the run and write its card. The run is whole without them, so an error is only said.

    Raises WriteError.
    """
    try:
        draw_training(run, options)
        write_card(run)
    except WriteError:
        raise
    except SpeechLipError as error:
        progress.say(f"the weights are saved; picture or card is not as it should be: {error}")
