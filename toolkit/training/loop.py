"""The training loop, on one screen."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from speechlip.encoders.checkpoint import last_checkpoint
from speechlip.encoders.networks.lips import LITERAL_WARNING
from speechlip.encoders.networks.pair import SpeechLipPair, build_pair
from speechlip.shards.pairs.loader import PairLoader, pair_loader
from speechlip.shards.pairs.rules import PairRules
from speechlip.shards.pairs.speech_windows import SpeechWindows
from speechlip.shards.read.positions import reader_deaths_said
from speechlip.shards.read.reader import ClipReader
from speechlip.training import checkpoint, history
from speechlip.training.augment import augment
from speechlip.training.checkpoint import TrainingData, TrainState
from speechlip.training.config import TrainOptions
from speechlip.training.device import choose_device, compiled, full_speed, on_device, smaller_batch_advised
from speechlip.training.finite import LossWatch
from speechlip.training.history import Row
from speechlip.training.losses import Criterion, rectifies
from speechlip.training.meter import STUCK_ADVICE, Meter
from speechlip.training.objective import Objective
from speechlip.training.ranks import Ranks, joined
from speechlip.training.stopping import Stopped, asked_to_stop
from speechlip.training.validation import Validation, open_validation

FITTED_CLIPS = 256
"""Clips of which mean and deviation of the spectrum are taken: about half an hour of speech, 130 MB while it lasts."""


@dataclass(frozen=True)
class Watcher:
    """Who is told: ``step(step, loss)`` after every step, ``row(row)`` after every look at the validation pairs, ``note(text)`` of anything odd."""

    step: Callable[[int, float], None] = lambda step, loss: None
    row: Callable[[Row], None] = lambda row: None
    note: Callable[[str], None] = lambda text: None


def train(
    shards: Path, options: TrainOptions, run: Path, resume: bool = False, watcher: Watcher = Watcher()
) -> Path:
    """Train a pair of encoders on the train split of ``shards`` and leave them in ``run``; returns the last checkpoint's folder.

    Under torchrun every process calls it; rank 0 writes and tells its watcher. SIGINT or SIGTERM ends it after a step, saved: it raises Stopped,
    a KeyboardInterrupt. Raises OptionError and ShardError for what cannot be trained, also for a batch that no memory holds; TrainingStopped
    where the loss is no number any more, RankLost where another process has ended, WorkerError where one that reads has.
    """
    ranks = Ranks.started()
    device, first = choose_device(options.device, ranks), ranks.first
    with (
        reader_deaths_said(),
        joined(ranks, device),
        checkpoint.only_run(run, resume) if first else nullcontext(),
        smaller_batch_advised(options.batch_size, ranks),
    ):
        return _train(shards, options, run, resume, watcher if first else Watcher(), ranks, device)


def _train(
    shards: Path,
    options: TrainOptions,
    run: Path,
    resume: bool,
    watcher: Watcher,
    ranks: Ranks,
    device: torch.device,
) -> Path:
    full_speed(device)
    data = checkpoint.training_data(shards)
    state, loader, exam = begun(shards, options, run, data if resume else None, watcher, ranks, device)
    pair = compiled(state.pair, device, watcher.note) if options.compile else state.pair
    learner = ranks.averaging(Objective(pair, state.criterion, options.precision == "bf16"))
    losses = LossWatch(late=1 if device.type == "cuda" else 0)

    def save() -> None:
        positions = ranks.collected(loader.state_dict())
        if ranks.first:
            checkpoint.save(run, state, options, data, positions)

    meter, saved = Meter(ranks), state.step
    with asked_to_stop(ranks) as stop:
        for batch in stop.until_lost(on_device(endless(loader, options.steps - state.step), device)):
            waited_s = meter.waited()
            step = state.step = state.step + 1
            for group in state.optimizer.param_groups:
                group["lr"] = options.learning_rate(step)
            loss = learner(augment(batch, options.augmentations, options.seed, step, ranks.rank))
            seen = list(losses.see(step, loss, batch))
            state.optimizer.zero_grad()
            loss.backward()
            state.optimizer.step()
            meter.stepped(options.batch_size, waited_s)

            last, stopping = step == options.steps, stop.now(step)
            looks, saves = (
                step % options.validate_every == 0 or last,
                step % options.checkpoint_every == 0 or last or stopping,
            )
            for known in [*seen, *(losses.rest() if looks or saves else ())]:
                meter.lost(known[1])
                watcher.step(*known)
            if looks:
                look(state, exam, meter, options, run, watcher)
            if saves:
                save()
                saved = step
            meter.resume()
            if stopping:
                break
    if saved < state.step:
        save()
    ranks.wait()
    if state.step < options.steps:
        raise Stopped(stop.signal, state.step, last_checkpoint(run) if state.step else None)
    return last_checkpoint(run)


def begun(
    shards: Path,
    options: TrainOptions,
    run: Path,
    resumed: TrainingData | None,
    watcher: Watcher,
    ranks: Ranks,
    device: torch.device,
) -> tuple[TrainState, PairLoader, Validation | None]:
    """What steps change, the pairs to come, and on rank 0 the exam: as at the run's last checkpoint, or new.

    resumed: the shards' facts, which must be those of the run that goes on; None for a new run.
    """
    rules = PairRules(gap_frames=options.min_neg_gap)
    state = begin_state(options, rules, device)
    reads = state.pair.reads
    loader = open_loader(shards, options, rules, reads, ranks, pin_memory=device.type == "cuda")
    exam, note = open_validation(shards, options.validation_pairs, reads=reads) if ranks.first else (None, "")
    for text in filter(
        None, [*loader.notes, note, LITERAL_WARNING if options.lip_input == "literal" else ""]
    ):
        watcher.note(text)
    if resumed:
        loader.load_state_dict(checkpoint.restore(run, state, options, resumed, ranks))
    else:
        fit_spectrum(state.pair, shards, options.seed)
    if ranks.first:
        history.begin(run, state.step)
    return state, loader, exam


def look(
    state: TrainState,
    exam: Validation | None,
    meter: Meter,
    options: TrainOptions,
    run: Path,
    watcher: Watcher,
) -> None:
    """A row of the history: the loss since the one before, and on rank 0 the AUC of the fixed pairs."""
    auc = exam.look(state.pair, run, state.step) if exam else float("nan")
    row = meter.row(state.step, options.learning_rate(state.step), auc)
    if meter.ranks.first:
        history.append(run, row)
    watcher.row(row)
    if meter.looks_stuck(options, row):
        watcher.note(STUCK_ADVICE.format(plateau=row.loss))


def open_loader(
    shards: Path,
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


def fit_spectrum(pair: SpeechLipPair, shards: Path, seed: int) -> None:
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
