"""A checkpoint of a training run as files: ``checkpoint.json``, typed, and ``model.safetensors``.

A run folder (docs/training.md) holds ``step-NNNNNNNN/`` with both; the last step counts. Neither file can
hold code. ``trainer.pt`` beside them is read by training alone.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechlip.errors import ModelError
from speechlip.files.weights import fill, read_tensors
from speechlip.format import FACTS, WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

FORMAT = 1
REQUIRED = {
    "step": int,
    "sha256": str,
    "crop": str,
    "options": dict,
    "shards": dict,
    "data": dict,
    "rectified": bool,
}
OPTIONAL = {"unlike_paper": dict, "ends": list, "speechlip": str, "torch": str}
"""Fields that checkpoints of earlier releases lack."""
NETWORK_OPTIONS = ("encoder", "lip_input", "feature", "pool", "size", "alignment")


@dataclass(frozen=True)
class TrainShards:
    """Which shards a run learns from."""

    manifest_sha256: str = ""
    """Of ``manifest.json``."""
    digest: str = ""
    """Of the train split alone."""


@dataclass(frozen=True)
class CheckpointFacts:
    """``checkpoint.json``: what a checkpoint says of itself."""

    step: int
    """Steps of training so far."""
    options: dict[str, Any]
    """``training.options.TrainOptions`` as a dict."""
    rectified: bool
    """Whether both embeddings end in a ReLU."""
    sha256: str
    """Of the weights."""
    shards: TrainShards
    crop: str
    """Preset of the lip crops."""
    data: dict[str, Any]
    """Of the train split: title, access and more as the manifest declares it, licences, clips, speakers,
    seconds.
    """
    unlike_paper: dict[str, str] = field(default_factory=dict)
    """Option → how it differs from the paper's."""
    ends: tuple[int, ...] = ()
    """Last steps that the run was to have before it was given others, where its learning rate depends on
    that.
    """
    speechlip: str = ""
    """Version that wrote it."""
    torch: str = ""
    """Version that wrote it."""

    @property
    def network(self) -> dict[str, str]:
        """encoder, lip_input, feature and more: what the networks are built by; "" for a default."""
        return {name: self.options.get(name, "") for name in NETWORK_OPTIONS}

    @classmethod
    def load(cls, path: Path) -> "CheckpointFacts":
        """Read the file.

        Raises ModelError where it is not JSON, of another format, or a field is missing or garbled.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            raise ModelError(
                f"{path} cannot be read ({str(error) or type(error).__name__}); restore it, or train again"
            ) from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ModelError(
                f"{path.parent} is no checkpoint of format {FORMAT}, which this speechlip reads; "
                "train again, or use the release that wrote it"
            )
        if wrong := garbled(content):
            raise ModelError(f"{path} lacks or garbles {', '.join(wrong)}; restore it, or train again")
        shards = {name: content["shards"].get(name, "") for name in asdict(TrainShards())}
        known = {name: content[name] for name in (*REQUIRED, *OPTIONAL) if name in content}
        return cls(**known | {"shards": TrainShards(**shards), "ends": tuple(content.get("ends", ()))})

    def dump(self) -> str:
        """The text of the file."""
        first = {"format": FORMAT, "speechlip": self.speechlip, "torch": self.torch, "step": self.step}
        order = ("options", "unlike_paper", "ends", "rectified", "sha256", "shards", "crop", "data")
        content = asdict(self)
        return json.dumps(first | {name: content[name] for name in order}, indent=1) + "\n"


def garbled(content: dict[str, Any]) -> list[str]:
    """Names of fields that are missing or of another type than they must be."""
    wrong = [name for name, kind in REQUIRED.items() if type(content.get(name)) is not kind]
    wrong += [name for name, kind in OPTIONAL.items() if type(content.get(name, kind())) is not kind]
    for outer, inner in (("options", NETWORK_OPTIONS), ("shards", tuple(asdict(TrainShards())))):
        if outer not in wrong:
            values = {name: content[outer].get(name, "") for name in inner}
            wrong += [f"{outer}.{name}" for name, value in values.items() if not isinstance(value, str)]
    return wrong or ["step"] * (content["step"] < 0)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder, ``step-NNNNNNNN``, and what its ``checkpoint.json`` says."""

    folder: Path
    facts: CheckpointFacts


def open_checkpoint(run: Path) -> Checkpoint:
    """The newest whole checkpoint of a run. Raises ModelError where there is none, or it is garbled."""
    folder = last_checkpoint(run)
    return Checkpoint(folder, CheckpointFacts.load(folder / FACTS))


def checkpoints(run: Path) -> list[Path]:
    """The whole checkpoint folders of a run, the newest last.

    One that was being written when a run was killed is left out.
    """
    return sorted(path for path in run.glob("step-*") if (path / FACTS).is_file() and path.suffix != ".part")


def last_checkpoint(run: Path) -> Path:
    """The newest whole checkpoint folder of a run. Raises ModelError where there is none."""
    folders = checkpoints(run)
    if not folders:
        raise ModelError(
            f"{run} holds no checkpoint; give a run of train-encoder that has saved one "
            "(one that has not: begin it again without --resume)"
        )
    return folders[-1]


def read_weights(checkpoint: Checkpoint) -> "dict[str, Tensor]":
    """All tensors of ``model.safetensors``. Raises ModelError where it is not the file that was saved."""
    path, restore = checkpoint.folder / WEIGHTS, "restore it, or train again"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}); {restore}") from error
    if hashlib.sha256(data).hexdigest() != checkpoint.facts.sha256:
        raise ModelError(f"{path} is not the file that {FACTS} beside it names (SHA-256); {restore}")
    return read_tensors(path, restore, data)


def load_weights(module: "Module", tensors: "dict[str, Tensor]", prefix: str, folder: Path) -> None:
    """Give ``module`` the tensors whose names begin with ``prefix``.

    Raises ModelError where they are those of another network, or not finite.
    """
    import torch

    own = {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    fill(module, own, folder, "train again, or use the release that wrote them")
    broken = [name for name, tensor in module.state_dict().items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise ModelError(
            f"the weights in {folder} are not all finite ({broken[0]}, {len(broken)} in all); "
            "restore them, or train again"
        )
