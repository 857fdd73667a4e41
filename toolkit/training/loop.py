"""The training loop, on one screen."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from speechlip.encoders.lips import LITERAL_WARNING
from speechlip.encoders.pair import SpeechLipPair, build_pair
from speechlip.errors import OptionError, SpeechLipError
from speechlip.shards.pair_loader import PairLoader, pair_loader
from speechlip.shards.pairs import PairRules
from speechlip.shards.reader import ClipReader

from . import checkpoint, history
from .checkpoint import TrainState
from .config import TrainOptions
from .exam import open_exam
from .history import Row
from .losses import Criterion, rectifies, stuck

FITTED_CLIPS = 256
"""Clips of which mean and deviation of the spectrum are taken: about half an hour of speech, 130 MB while it lasts."""
STUCK_STEPS, STUCK_AUC = 500, 0.55
STUCK_ADVICE = (
    "the loss has not left {plateau:.2f}, where nothing is told apart. Wav2Lip's runs on real data stay there for 150 000 steps; what helped others, "
    "in this order: --loss nce with a batch of 64 or more, a larger batch, another --lr. Look at the lip crops too: the mouth must lie in rows "
    "24–71, and sound that is late or early in the videos leaves nothing to learn"
)


class TrainingStopped(SpeechLipError):
    """Training met numbers that it cannot go on from."""


@dataclass(frozen=True)
class Watcher:
    """Who is told: ``step(step, loss)`` after every step, ``row(row)`` after every look at the validation pairs, ``note(text)`` of anything odd."""

    step: Callable[[int, float], None] = lambda step, loss: None
    row: Callable[[Row], None] = lambda row: None
    note: Callable[[str], None] = lambda text: None


def train(shards: Path, options: TrainOptions, run: Path, resume: bool = False, watcher: Watcher = Watcher()) -> Path:
    """Train a pair of encoders on the train split of ``shards`` and leave them in ``run``; returns the last checkpoint's folder.

    Raises OptionError and ShardError for what cannot be trained, TrainingStopped where the loss is no number any more.
    """
    with checkpoint.only_run(run, resume):
        return _train(shards, options, run, resume, watcher)


def _train(shards: Path, options: TrainOptions, run: Path, resume: bool, watcher: Watcher) -> Path:
    device = choose_device(options.device)
    rules, facts = PairRules(), checkpoint.shard_facts(shards)
    loader = open_loader(shards, options, rules, pin_memory=device.type == "cuda")
    exam, note = open_exam(shards, options.validation_pairs)
    for text in filter(None, [*loader.notes, note, LITERAL_WARNING if options.lip_input == "literal" else ""]):
        watcher.note(text)
    state = begin_state(options, rules, device)
    if resume:
        loader.load_state_dict(checkpoint.restore(run, state, facts))
    else:
        fit_spectrum(state.pair, shards, options.seed)
    history.begin(run, state.step)

    meter, saved = Meter(), None
    for batch in endless(loader, options.steps - state.step):
        waited_s = meter.waited()
        step = state.step = state.step + 1
        for group in state.optimizer.param_groups:
            group["lr"] = options.learning_rate(step)
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            lips, speech = state.pair(batch["lips"].to(device, non_blocking=True), batch["spectrogram"].to(device, non_blocking=True))
        loss = state.criterion(lips, speech, batch)
        if not torch.isfinite(loss):
            raise TrainingStopped(why_not_finite(step, loss.item(), batch))
        state.optimizer.zero_grad()
        loss.backward()
        state.optimizer.step()
        meter.stepped(loss.item(), len(batch["keys"]), waited_s)
        watcher.step(step, loss.item())

        last = step == options.steps
        if step % options.validate_every == 0 or last:
            row = meter.row(step, options.learning_rate(step), exam.auc(state.pair) if exam else float("nan"))
            history.append(run, row)
            watcher.row(row)
            if meter.looks_stuck(options, row):
                watcher.note(STUCK_ADVICE.format(plateau=row.loss))
        if step % options.checkpoint_every == 0 or last:
            saved = checkpoint.save(run, state, options, facts, loader.state_dict())
        meter.resume()
    return saved or checkpoint.last_checkpoint(run)


def choose_device(name: str) -> torch.device:
    """``auto``: the GPU where there is one. Raises OptionError for a GPU that is not there."""
    if name == "cuda" and not torch.cuda.is_available():
        raise OptionError("device 'cuda' was asked for and this torch sees no GPU; take --device auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def open_loader(shards: Path, options: TrainOptions, rules: PairRules, pin_memory: bool) -> PairLoader:
    return pair_loader(
        shards,
        "train",
        batch_size=options.batch_size,
        mix=options.mix,
        rules=rules,
        windows_per_clip=options.windows_per_clip,
        workers=options.workers,
        seed=options.seed,
        pin_memory=pin_memory,
    )


def begin_state(options: TrainOptions, rules: PairRules, device: torch.device) -> TrainState:
    """A new pair, loss and Adam; the seed decides their weights."""
    torch.manual_seed(options.seed)
    pair = build_pair(options.encoder, options.lip_input, rectifies(options.loss)).to(device).train()
    criterion = Criterion(options.loss, rules).to(device)
    return TrainState(pair, criterion, torch.optim.Adam([*pair.parameters(), *criterion.parameters()], options.lr))


def fit_spectrum(pair: SpeechLipPair, shards: Path, seed: int) -> None:
    """Give the speech encoder mean and deviation of the train split's speech, where it takes them."""
    spectrum = getattr(pair.speech, "spectrum", None)
    if spectrum is not None and hasattr(spectrum, "fit"):
        clips = islice(ClipReader(shards, "train", fields=("spectrogram",), seed=seed, rank=0, world_size=1), FITTED_CLIPS)
        spectrum.fit(torch.cat([torch.from_numpy(clip.spectrogram) for clip in clips])[None].to(next(pair.parameters()).device))


def endless(loader: PairLoader, steps: int) -> Iterator[dict[str, Any]]:
    """So many batches, epoch after epoch."""

    def epochs() -> Iterator[dict[str, Any]]:
        while True:
            yield from loader

    return islice(epochs(), max(0, steps))


def why_not_finite(step: int, loss: float, batch: Mapping[str, Any]) -> str:
    """Which pairs to look at: those whose speech holds numbers that are not finite, else all of the batch."""
    broken = ~torch.isfinite(batch["spectrogram"]).all(dim=2).all(dim=1)
    keys = [keys for keys, bad in zip(batch["keys"], broken.tolist(), strict=True) if bad]
    if keys:
        return f"step {step}: the loss is {loss}, because the speech of these pairs is not finite; run verify-shards: {_listed(keys)}"
    return f"step {step}: the loss is {loss}; lower --lr, or take fp32. The batch (lips, speech): {_listed(batch['keys'])}"


def _listed(keys: list[tuple[str, str]]) -> str:
    return ", ".join(sorted({lips if lips == speech else f"{lips} with {speech}" for lips, speech in keys}))


class Meter:
    """Time and loss since the last row of the history."""

    def __init__(self) -> None:
        self.began = self.mark = time.perf_counter()
        self.earlier: list[float] = []
        self.told = False
        self._clear()

    def waited(self) -> float:
        """Seconds since the last step was over."""
        return time.perf_counter() - self.mark

    def stepped(self, loss: float, windows: int, waited_s: float) -> None:
        self.losses.append(loss)
        self.windows += windows
        self.waited_s += waited_s
        self.spent_s += self.waited()

    def resume(self) -> None:
        """Take up the clock again after work that is no training: validation, saving."""
        self.mark = time.perf_counter()

    def row(self, step: int, lr: float, auc: float) -> Row:
        loss, elapsed_s = sum(self.losses) / len(self.losses), time.perf_counter() - self.began
        row = Row(step, loss, lr, auc, self.windows / self.spent_s, self.waited_s / self.spent_s, elapsed_s)
        self.earlier.append(loss)
        self._clear()
        return row

    def looks_stuck(self, options: TrainOptions, row: Row) -> bool:
        """Once, when the losses of the last rows lie on the plateau and the AUC says the same."""
        rows = self.earlier[-max(1, STUCK_STEPS // options.validate_every) :]
        if self.told or row.step < STUCK_STEPS or row.auc > STUCK_AUC or not stuck(rows, options.loss, options.batch_size):
            return False
        self.told = True
        return True

    def _clear(self) -> None:
        self.losses: list[float] = []
        self.windows, self.waited_s, self.spent_s = 0, 0.0, 0.0
