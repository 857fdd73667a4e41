"""A training run on disk: what is there is whole, and a run that was stopped goes on as if it had not been.

``step-NNNNNNNN/`` holds ``model.safetensors`` (weights), ``trainer.pt`` (optimiser, random state, position in
the shards; nothing in it is run) and ``checkpoint.json`` (options, shards, what differs from the paper). It
is written under a name of its own and renamed.
"""

import hashlib
import io
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from speechlip.encoders.checkpoint import (
    FACTS,
    WEIGHTS,
    CheckpointFacts,
    TrainShards,
    checkpoints,
    load_weights,
    open_checkpoint,
    read_weights,
)
from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.errors import ModelError, OptionError, ShardError
from speechlip.faces.crops import MOUTH_PRESETS
from speechlip.files import locks
from speechlip.files.locks import LOCK
from speechlip.files.strict_json import as_json
from speechlip.files.weights import read_saved
from speechlip.files.writing import make_folder, sync_folder, whole_file, write_text
from speechlip.format import LIP_ROWS_SHOWN, MANIFEST
from speechlip.shards.read.shardset import ShardSet, folder_of, manifest_of
from speechlip.training.options import TrainOptions
from speechlip.training.paper import unlike_paper
from speechlip.training.processes.ranks import Ranks
from speechlip.training.resuming import resumed
from speechlip.training.run import cosines, history
from speechlip.version import VERSION

TRAINER = "trainer.pt"
SPECTROGRAMS = ("stft.npy", "mel.npy")
LEFT_EARLY = (LOCK, history.NAME, cosines.NAME, "tensorboard")
"""What a run writes before its first checkpoint."""


@dataclass
class TrainState:
    """Everything that a step changes, beside the position in the shards."""

    pair: EncoderPair
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    ends: tuple[int, ...] = ()
    """The last steps that the run was to have before it was given others, where its learning rate depends on
    that.
    """

    def weights(self) -> dict[str, torch.Tensor]:
        """pair.… and criterion.…, contiguous and on the CPU."""
        parts = {"pair": self.pair, "criterion": self.criterion}
        return {
            f"{part}.{name}": value.cpu().contiguous()
            for part, module in parts.items()
            for name, value in module.state_dict().items()
        }


@dataclass(frozen=True)
class TrainingData:
    """The train split of some shards, as a checkpoint names it."""

    shards: TrainShards
    crop: str
    """Preset of the lip crops."""
    declared: dict[str, Any]
    """As ``CheckpointFacts.data``, for the card."""


def training_data(*splits: ShardSet) -> TrainingData:
    """The facts of the train splits of one folder or several.

    Raises what ``split_data`` raises, and OptionError where the folders differ in crop or spectrogram.
    """
    each = [split_data(split) for split in splits]
    if len(each) == 1:
        return each[0]
    for name, values in (
        ("crop", {data.crop for data in each}),
        ("spectrogram", {name for split in splits for name in split.fields or () if name in SPECTROGRAMS}),
    ):
        if len(values) > 1:
            raise OptionError(f"folders of different {name} cannot be blended: {', '.join(sorted(values))}")
    shards = TrainShards(
        joined_digest(data.shards.manifest_sha256 for data in each),
        joined_digest(data.shards.digest for data in each),
    )
    return TrainingData(shards, each[0].crop, blended_facts([data.declared for data in each]))


def joined_digest(digests: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def blended_facts(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the card tells of several folders: sums, and all names and licences."""
    facts = dict(each[0])
    for name in ("clips", "frames", "seconds", "speakers"):
        if all(isinstance(own.get(name), int | float) for own in each):
            facts[name] = round(sum(own[name] for own in each), 2)
    for name in ("title", "citation", "access"):
        facts[name] = "; ".join(dict.fromkeys(own[name] for own in each if own.get(name)))
    facts["licences"] = list(dict.fromkeys(licence for own in each for licence in own["licences"]))
    return facts


def split_data(train: ShardSet) -> TrainingData:
    """The facts of one train split.

    Raises ShardError where its lips are cut in a way that the lip network is not made for, OptionError for a
    bare list of shards.
    """
    shards, manifest = folder_of(train), manifest_of(train)
    crop = manifest.crop
    if crop not in MOUTH_PRESETS:
        raise ShardError(
            f"the lips of {shards} are cut by preset {crop!r}; the lip network reads rows {LIP_ROWS_SHOWN}, "
            "where "
            f"{', '.join(MOUTH_PRESETS)} have the mouth: prepare the videos with one of these"
        )
    about = as_json(manifest.about) or {}
    # the licence of the recipe; the videos have their own
    declared = {name: value for name, value in about.items() if name != "licence"}
    declared |= {"licences": manifest.stated_licences} | as_json(manifest.splits["train"])
    manifest_sha256 = hashlib.sha256((shards / MANIFEST).read_bytes()).hexdigest()
    return TrainingData(TrainShards(manifest_sha256, train.digest), crop, declared)


def save(
    run: Path, state: TrainState, options: TrainOptions, data: TrainingData, positions: list[Any]
) -> Path:
    """Write the checkpoint of this step and remove the ones before.

    positions: in the shards, of each process. Raises WriteError where it cannot be written; then the last one
    stays, and nothing is left of this one.
    """
    folder = run / f"step-{state.step:08d}"
    for left in run.glob("step-*.part"):
        shutil.rmtree(left, ignore_errors=True)
    part = make_folder(folder.with_suffix(".part"))
    try:
        _fill(part, state, options, data, positions)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)
    sync_folder(run)
    for older in run.glob("step-*"):
        if older != folder:
            shutil.rmtree(older)
    return folder


def _fill(
    part: Path, state: TrainState, options: TrainOptions, data: TrainingData, positions: list[Any]
) -> None:
    from safetensors.torch import save as to_bytes

    content = to_bytes(state.weights())
    with whole_file(part / WEIGHTS) as file:
        file.write(content)
    trainer = io.BytesIO()  # torch's own writer would hide what the disk says
    torch.save(
        {"optimizer": state.optimizer.state_dict(), "random": torch.get_rng_state(), "positions": positions},
        trainer,
    )
    with whole_file(part / TRAINER) as file:
        file.write(trainer.getbuffer())
    facts = CheckpointFacts(
        step=state.step,
        options=asdict(options),
        rectified=state.pair.rectified,
        sha256=hashlib.sha256(content).hexdigest(),
        shards=data.shards,
        crop=data.crop,
        data=data.declared,
        unlike_paper=unlike_paper(options, state.ends),
        ends=state.ends,
        speechlip=VERSION,
        torch=torch.__version__,
    )
    write_text(part / FACTS, facts.dump())


def options_of_run(run: Path, preset: str, given: Mapping[str, Any], resume: bool) -> TrainOptions:
    """The options with which a run begins, a preset and what was given, or with which it goes on.

    Raises OptionError for options that cannot be, or would make it another run, and for a folder that a new
    run cannot have; ModelError for a damaged checkpoint. Of torchrun's processes only the first looks at the
    folder.
    """
    if resume:
        return resumed(saved_options(run), given)
    if Ranks.started().first and run.is_dir():
        refuse_others(run)
    return TrainOptions.preset(preset, **given)


def saved_options(run: Path) -> TrainOptions:
    """The options of a run's last checkpoint.

    Raises ModelError where there is none, or its options are not this release's.
    """
    checkpoint = open_checkpoint(run)
    try:
        return TrainOptions(**checkpoint.facts.options)
    except (TypeError, KeyError, OptionError) as error:
        raise ModelError(
            f"{checkpoint.folder / FACTS} holds other options than this speechlip has ({error}); use the "
            "release that wrote it"
        ) from error


def restore(run: Path, state: TrainState, options: TrainOptions, data: TrainingData) -> list[dict[str, Any]]:
    """Bring ``state`` to the run's last checkpoint; returns the position of each of its streams.

    options: those with which it goes on. Raises ShardError where the shards are not those that the run began
    with, ModelError for a checkpoint that is damaged or holds code.
    """
    checkpoint = open_checkpoint(run)
    folder, facts = checkpoint.folder, checkpoint.facts
    if facts.shards != data.shards:
        raise ShardError(
            f"the shards are not those that {run} was trained on so far (manifest.json differs); give "
            "those, or begin another run"
        )
    tensors = read_weights(checkpoint)
    load_weights(state.pair, tensors, "pair.", folder)
    load_weights(state.criterion, tensors, "criterion.", folder)
    trainer = read_saved(folder / TRAINER, "restore it, or train again")
    try:
        state.optimizer.load_state_dict(trainer["optimizer"])
        torch.set_rng_state(trainer["random"])
        positions = list(trainer["positions"])
        state.step, state.ends = facts.step, ends_of(facts, options)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        raise ModelError(
            f"{folder / TRAINER} is not what a checkpoint of this run holds ({error!r}); restore it, or "
            "train again"
        ) from error
    return positions


def ends_of(facts: CheckpointFacts, options: TrainOptions) -> tuple[int, ...]:
    """``TrainState.ends`` of a run that goes on with ``options``."""
    before, steps = facts.ends, facts.options["steps"]
    return (*before, steps) if options.schedule != "constant" and steps != options.steps else before


@contextmanager
def hold_run(run: Path, resume: bool) -> Iterator[None]:
    """Hold a run's folder for this process.

    What a run left that ended before its first checkpoint is removed. Raises OptionError where another
    process holds it, or where it holds a checkpoint or anything else and is not to be gone on with.
    """
    with locks.only_run(run):
        if not resume:
            refuse_others(run)
            for path in run.iterdir():
                if path.name != LOCK:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield


def refuse_others(run: Path) -> None:
    """Raise OptionError for a folder that holds a checkpoint, or files of something else.

    What a run leaves that ended before its first checkpoint does not count.
    """
    if checkpoints(run):
        raise OptionError(f"{run} is not empty; go on with it by --resume, or choose another -o")
    others = sorted(
        path.name for path in run.iterdir() if path.name not in LEFT_EARLY and path.suffix != ".part"
    )
    if others:
        raise OptionError(
            f"{run} holds no checkpoint but {', '.join(others[:3])}; move that away, or choose another -o"
        )
