"""The training loop, on one screen."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from speechlip.encoders.checkpoint import last_checkpoint
from speechlip.encoders.networks.lips import LITERAL_WARNING
from speechlip.encoders.networks.pair import SpeechLipPair, build_pair
from speechlip.format import LIP_ROWS_SHOWN
from speechlip.progress import Progress
from speechlip.shards.pairs.loader import PairLoader, pair_loader
from speechlip.shards.pairs.rules import PairRules
from speechlip.shards.pairs.speech_windows import SpeechWindows
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import Shards, ShardSet, folder_of, open_shards
from speechlip.training.options import TrainOptions
from speechlip.training.processes.accelerator import compiled, full_speed, on_device
from speechlip.training.processes.ranks import Ranks
from speechlip.training.processes.stopping import Stopped, asked_to_stop
from speechlip.training.run import checkpoint, history
from speechlip.training.run.checkpoint import TrainingData, TrainState
from speechlip.training.run.history import HistoryRow, OnRow
from speechlip.training.run.row_totals import STUCK_ADVICE, RowTotals
from speechlip.training.step.augment import augment
from speechlip.training.step.finite import LossQueue
from speechlip.training.step.losses import Criterion, rectifies
from speechlip.training.step.objective import Objective
from speechlip.training.validation import Validation, open_validation

FITTED_CLIPS = 256
"""Clips of which mean and deviation of the spectrum are taken: about half an hour of speech, 130 MB while it
lasts.
"""


def training_loop(
    shards: Path,
    run: Path,
    options: TrainOptions,
    resume: bool,
    progress: Progress,
    on_row: OnRow,
    ranks: Ranks,
    device: torch.device,
) -> HistoryRow | None:
    """Train until the last step, saved; returns the last row of the history, None without a step.

    Raises Stopped, a KeyboardInterrupt, where SIGINT or SIGTERM ended it early; what was learned is saved.
    """
    full_speed(device)
    train_split = open_shards(shards, "train")
    data = checkpoint.training_data(train_split)
    state, loader, validation = open_run(
        train_split, run, options, data if resume else None, progress, ranks, device
    )
    pair = compiled(state.pair, device, progress.say) if options.compile else state.pair
    learner = ranks.averaging(Objective(pair, state.criterion, options.precision == "bf16"))
    losses = LossQueue(late=1 if device.type == "cuda" else 0)

    def save() -> None:
        positions = ranks.collected(loader.state_dict())
        if ranks.first:
            checkpoint.save(run, state, options, data, positions)

    totals, saved, row = RowTotals(ranks), state.step, None
    if state.step < options.steps:
        progress.begin(options.encoder, options.steps, "steps", done=state.step)
    with asked_to_stop(ranks) as stop:
        for batch in stop.until_lost(on_device(endless(loader, options.steps - state.step), device)):
            waited_s = totals.since_step_s()
            step = state.step = state.step + 1
            for group in state.optimizer.param_groups:
                group["lr"] = options.learning_rate(step)
            loss = learner(augment(batch, options.augmentations, options.seed, step, ranks.rank))
            known = list(losses.add(step, loss, batch))
            state.optimizer.zero_grad()
            loss.backward()
            state.optimizer.step()
            totals.add_step(options.batch_size, waited_s)

            last, stopping = step == options.steps, stop.now(step)
            validates = step % options.validate_every == 0 or last
            saves = step % options.checkpoint_every == 0 or last or stopping
            for value in [*known, *(losses.rest() if validates or saves else ())]:
                totals.add_loss(value)
                progress.advance()
            if validates:
                row = validate(state, validation, totals, options, run, progress, on_row)
            if saves:
                save()
                saved = step
            totals.resume()
            if stopping:
                break
    if saved < state.step:
        save()
    ranks.wait()
    if state.step < options.steps:
        raise Stopped(stop.signal, state.step, last_checkpoint(run) if state.step else None)
    return row


def open_run(
    train_split: ShardSet,
    run: Path,
    options: TrainOptions,
    resumed: TrainingData | None,
    progress: Progress,
    ranks: Ranks,
    device: torch.device,
) -> tuple[TrainState, PairLoader, Validation | None]:
    """State, pairs to come, and on rank 0 validation pairs: of the last checkpoint, or new.

    resumed: the training data, which must be those of the run that goes on; None for a new run.
    """
    rules = PairRules(gap_frames=options.min_neg_gap)
    state = begin_state(options, rules, device)
    reads = state.pair.reads
    loader = open_loader(train_split, options, rules, reads, ranks, pin_memory=device.type == "cuda")
    shards = folder_of(train_split)
    validation, note = (
        open_validation(shards, options.validation_pairs, reads=reads) if ranks.first else (None, "")
    )
    for text in filter(
        None, [*loader.notes, note, LITERAL_WARNING if options.lip_input == "literal" else ""]
    ):
        progress.say(text)
    if resumed:
        loader.load_state_dict(checkpoint.restore(run, state, options, resumed, ranks))
    else:
        fit_spectrum(state.pair, train_split, options.seed)
    if ranks.first:
        history.begin(run, state.step)
    return state, loader, validation


def validate(
    state: TrainState,
    validation: Validation | None,
    totals: RowTotals,
    options: TrainOptions,
    run: Path,
    progress: Progress,
    on_row: OnRow,
) -> HistoryRow:
    """A row of the history: the loss since the one before, and on rank 0 the AUC of the validation pairs."""
    auc = validation.pair_auc(state.pair, run, state.step) if validation else float("nan")
    row = totals.row(state.step, options.learning_rate(state.step), auc)
    if totals.ranks.first:
        history.append(run, row)
    on_row(row)
    if totals.looks_stuck(options, row):
        progress.say(STUCK_ADVICE.format(plateau=row.loss, rows=LIP_ROWS_SHOWN))
    return row


def open_loader(
    shards: Shards,
    options: TrainOptions,
    rules: PairRules,
    reads: SpeechWindows,
    ranks: Ranks,
    pin_memory: bool,
) -> PairLoader:
    """Batches of the train split: this process's share of them, as the options say."""
    return pair_loader(
        shards,
        "train",
        batch_size=ranks.share(options.batch_size),
        mix=options.mix,
        rules=rules,
        windows_per_clip=options.windows_per_clip,
        workers=options.workers,
        seed=options.seed,
        rank=ranks.rank,
        world_size=ranks.count,
        pin_memory=pin_memory,
        reads=reads,
    )


def begin_state(options: TrainOptions, rules: PairRules, device: torch.device) -> TrainState:
    """A new pair, loss and Adam; the seed decides their weights."""
    torch.manual_seed(options.seed)
    pair = (
        build_pair(options.encoder, options.lip_input, rectifies(options.loss), options.feature, options.pool)
        .to(device)
        .train()
    )
    criterion = Criterion(options.loss, rules).to(device)
    return TrainState(
        pair,
        criterion,
        torch.optim.Adam([*pair.parameters(), *criterion.parameters()], options.lr, fused=True),
    )


def fit_spectrum(pair: SpeechLipPair, shards: Shards, seed: int) -> None:
    """Give the speech encoder mean and deviation of the train split's speech, where it takes them."""
    spectrum = getattr(pair.speech, "spectrum", None)
    if spectrum is not None and hasattr(spectrum, "fit"):
        field = pair.reads.field
        clips = islice(
            ClipReader(shards, "train", fields=(field,), seed=seed, rank=0, world_size=1), FITTED_CLIPS
        )
        spectrum.fit(
            torch.cat([torch.from_numpy(getattr(clip, field)) for clip in clips])[None].to(
                next(pair.parameters()).device
            )
        )


def endless(loader: PairLoader, steps: int) -> Iterator[dict[str, Any]]:
    """So many batches, epoch after epoch."""

    def epochs() -> Iterator[dict[str, Any]]:
        while True:
            yield from loader

    return islice(epochs(), max(0, steps))
