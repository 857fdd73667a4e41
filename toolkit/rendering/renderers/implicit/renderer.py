"""The renderer ``implicit``: train on a person's crops, keep the weights, say the test frames."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechlip.device import choose_device
from speechlip.errors import OptionError
from speechlip.metrics.image.lpips import load_lpips
from speechlip.metrics.image.psnr import psnr
from speechlip.progress import Progress
from speechlip.rendering.implicit_options import ImplicitOptions
from speechlip.rendering.kept import digest
from speechlip.rendering.material import Material
from speechlip.rendering.pose import back_and_forth
from speechlip.rendering.principal import evenly
from speechlip.rendering.renderers.declared import Heard
from speechlip.rendering.renderers.implicit.blend import BlendLesson, blended
from speechlip.rendering.renderers.implicit.judges import SyncExpert, expert_facts
from speechlip.rendering.renderers.implicit.learning import learn
from speechlip.rendering.renderers.implicit.lips import Crops, LipLesson, say
from speechlip.training.processes.accelerator import CPU_FULL

LIPS, BLEND = "lips.pt", "blend.pt"
LOOKED_AT = 64
"""Training frames whose PSNR is stated."""


class ImplicitRenderer:
    """Speech2Lip's implicit model.

    options: with LPIPS settled: its weight is 0 where AlexNet's weights are not there.
    """

    name, oracle = "implicit", "implicit-oracle"

    def __init__(self, options: ImplicitOptions, device: str) -> None:
        self.options, self.device = options, choose_device(device)
        self.expert_sha256 = expert_facts(options.sync_expert).sha256 if options.sync_expert else ""

    def stated(self) -> dict[str, Any]:
        """Name, options, and which sync expert."""
        facts = self.options.facts()
        if self.options.sync_expert:
            facts["sync_expert"] = f"{Path(self.options.sync_expert).name} ({self.expert_sha256[:12]})"
        return {"renderer": self.name, **facts}

    def facts(self) -> dict[str, Any]:
        """The same: crops depend on every option."""
        return self.stated()

    def hear(
        self, features: np.ndarray, material: Material, first: int, kept: Path, progress: Progress
    ) -> Heard:
        """Train, or go on from what is kept, then say the frames. A full memory raises OptionError."""
        with memory_advised(self.options):
            return self._hear(features, material, first, kept, progress)

    def best(self, material: Material, kept: Path, progress: Progress) -> np.ndarray:
        """The network, trained to hear the 48 components of the true crops, all divided by one number."""
        codes = material.codes
        features = codes / max(float(codes[material.train, :1].std()), 1e-6)  # small components stay small
        return self.hear(features, material, material.first, kept, progress).right

    def _hear(
        self, features: np.ndarray, material: Material, first: int, kept: Path, progress: Progress
    ) -> Heard:
        options = self.options
        data = Crops(
            torch.from_numpy(features.astype(np.float32)).to(self.device),
            torch.from_numpy(material.crops[: material.first]).to(self.device),
            material.train,
            material.first,
        )
        made_from = self._made_from(features[: len(material.crops)], material)
        lesson = LipLesson(data, options, self._lpips(), self._expert(material))
        learn(lesson, kept / LIPS, made_from, progress)
        network = lesson.network.eval()
        heard, looked = np.arange(first, len(features)), evenly(material.train, LOOKED_AT)
        shown, half = back_and_forth(material.first, len(material.crops), len(heard)), len(heard) // 2
        right = say(network, data, heard, shown, options.precision)
        again = say(network, data, looked, looked, options.precision)
        shuffled = np.roll(right, half, axis=0)
        if options.time:
            shuffled = say(network, data, np.roll(heard, half), shown, options.precision)
        if options.blend:
            blend = BlendLesson(data, network, options)
            learn(blend, kept / BLEND, digest({"lips": made_from, "steps": blend.steps}), progress)
            right, shuffled = (
                blended(blend.network, crops, material.crops[shown], self.device)
                for crops in (right, shuffled)
            )
            again = blended(blend.network, again, material.crops[looked], self.device)
        values = [psnr(one, other) for one, other in zip(again, material.crops[looked], strict=True)]
        return Heard(right, shuffled, train_psnr=float(np.mean(values)))

    def _made_from(self, features: np.ndarray, material: Material) -> str:
        """A name for everything that the lip network's weights depend on."""
        learned = hashlib.sha256(features.tobytes())
        learned.update(material.crops[material.train].tobytes())
        learned.update(material.train.tobytes())
        named = asdict(self.options) | {"steps": self.options.all_steps, "lpips": self.options.lpips}
        named["sync_expert"] = self.expert_sha256
        named.pop("blend")
        return digest({"learned": learned.hexdigest(), **named})

    def _lpips(self) -> torch.nn.Module | None:
        return load_lpips().to(self.device).requires_grad_(False) if self.options.lpips else None

    def _expert(self, material: Material) -> SyncExpert | None:
        if not self.options.sync_expert or not self.options.sync_weight:
            return None
        return SyncExpert(self.options.sync_expert, material.person.audio, self.device)


@contextmanager
def memory_advised(options: ImplicitOptions) -> Iterator[None]:
    """Turn a full memory, of GPU or machine, into an OptionError that names what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not (isinstance(error, (torch.OutOfMemoryError, MemoryError)) or CPU_FULL in str(error)):
            raise
        smaller = [
            *(["--size lite"] if options.size != "lite" else []),
            *(["--precision bf16"] if options.precision != "bf16" else []),
            *(["--lpips-weight 0"] if options.lpips else []),
            *(["no --sync-expert"] if options.sync_expert else []),
            *(["no --blend"] if options.blend else []),
            "--device cpu",
        ]
        raise OptionError(f"out of memory while rendering; take {' or '.join(smaller)}") from error
