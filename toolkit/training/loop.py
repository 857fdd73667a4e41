"""The training loop, on one screen."""

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

import torch

from speechlip.encoders.checkpoint import last_checkpoint
from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.format import LIP_ROWS_SHOWN
from speechlip.progress import Progress
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import Shards, ShardSet, open_shards
from speechlip.training.objectives.objective import Objective, recorded_terms, shown, weighted
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import TrainOptions
from speechlip.training.processes.accelerator import compiled, full_speed, on_device
from speechlip.training.processes.ranks import Ranks
from speechlip.training.processes.stopping import Stopped, asked_to_stop
from speechlip.training.run import checkpoint, history
from speechlip.training.run.checkpoint import TrainingData, TrainState
from speechlip.training.run.history import HistoryRow, OnRow
from speechlip.training.run.row_totals import STUCK_ADVICE, RowTotals
from speechlip.training.step.finite import LossQueue
from speechlip.training.streams import SharedStreams, collected_positions, open_streams
from speechlip.training.validation import Validation

FITTED_CLIPS = 256
"""Clips of which mean and deviation of the spectrum are taken: about half an hour of speech, 130 MB while it
lasts.
"""


def training_loop(
    folders: Sequence[Path],
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
    splits = [open_shards(folder, "train") for folder in folders]
    data, objective = checkpoint.training_data(*splits), objective_of(options)
    state, loader, validation = open_run(
        splits, run, options, objective, data if resume else None, progress, ranks, device
    )
    pair = compiled(state.pair, device, progress.say) if options.compile else state.pair
    learner = ranks.averaging(objective.learner(pair, state.criterion))
    losses = LossQueue(late=1 if device.type == "cuda" else 0)

    def save() -> None:
        positions = collected_positions(ranks, loader)
        if ranks.first:
            checkpoint.save(run, state, options, data, positions)

    totals, saved, row = RowTotals(ranks), state.step, None
    if state.step < options.steps:
        progress.begin(options.encoder, options.steps, "steps", done=state.step)
    with asked_to_stop(ranks) as stop:
        left = islice(loader, max(0, options.steps - state.step))
        for batch in stop.until_lost(on_device(left, device)):
            waited_s = totals.since_step_s()
            step = state.step = state.step + 1
            for group in state.optimizer.param_groups:
                group["lr"] = options.learning_rate(step)
            terms = learner(objective.changed(batch, step, ranks.rank))
            loss = weighted(terms, objective.weights)
            known = list(losses.add(step, shown(loss, terms), batch))
            state.optimizer.zero_grad()
            loss.backward()
            state.optimizer.step()
            totals.add_step(options.batch_size, waited_s)

            last, stopping = step == options.steps, stop.now(step)
            validates = step % options.validate_every == 0 or last
            saves = step % options.checkpoint_every == 0 or last or stopping
            for values in [*known, *(losses.rest() if validates or saves else ())]:
                totals.add_losses(values)
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
    splits: Sequence[ShardSet],
    run: Path,
    options: TrainOptions,
    objective: Objective,
    resumed: TrainingData | None,
    progress: Progress,
    ranks: Ranks,
    device: torch.device,
) -> tuple[TrainState, SharedStreams, Validation | None]:
    """State, pairs to come, and on rank 0 validation pairs: of the last checkpoint, or new.

    splits: train splits; validation pairs are those of the first one's folder.
    resumed: the training data, which must be those of the run that goes on; None for a new run.
    """
    state = begin_state(objective, options, device)
    positions = checkpoint.restore(run, state, options, resumed) if resumed else None
    n_streams, pinned = len(positions) if positions else None, device.type == "cuda"
    loader = open_streams(splits, options, objective, state.pair, ranks, pinned, n_streams)
    validation, note = None, ""
    if ranks.first:
        validation, note = objective.validation(splits[0], state.pair, progress)
    notes = objective.notes(state.pair, state.criterion, splits)
    for text in filter(None, [*loader.notes, note, *notes]):
        progress.say(text)
    if positions:
        loader.load_states(positions)
    else:
        fit_spectrum(state.pair, splits, options.seed)
    if ranks.first:
        history.begin(run, state.step, recorded_terms(objective))
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


def begin_state(objective: Objective, options: TrainOptions, device: torch.device) -> TrainState:
    """A new pair, loss and Adam; the seed decides their weights."""
    torch.manual_seed(options.seed)
    pair, criterion = objective.networks()
    pair, criterion = pair.to(device).train(), criterion.to(device)
    return TrainState(
        pair,
        criterion,
        torch.optim.Adam([*pair.parameters(), *criterion.parameters()], options.lr, fused=True),
    )


def fit_spectrum(pair: EncoderPair, folders: Sequence[Shards], seed: int) -> None:
    """Give the speech encoder mean and deviation of the train splits' speech, where it takes them."""
    spectrum = getattr(pair.speech, "spectrum", None)
    if spectrum is not None and hasattr(spectrum, "fit"):
        field = pair.reads.field
        readers = [
            ClipReader(shards, "train", fields=(field,), seed=seed, rank=0, world_size=1)
            for shards in folders
        ]
        of_each = max(1, FITTED_CLIPS // len(readers))
        clips = chain.from_iterable(islice(reader, of_each) for reader in readers)
        spectrum.fit(
            torch.cat([torch.from_numpy(getattr(clip, field)) for clip in clips])[None].to(
                next(pair.parameters()).device
            )
        )
