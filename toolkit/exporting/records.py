"""What exporting passes on: the encoder, the plan for every video, a task, a row of the ledger."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from speechlip.encoders.features.protocol import FeatureClock
from speechlip.exporting.scale import Scale
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.timing import FPS

EXPORTED, KEPT, FAILED = "exported", "kept", "failed"


@runtime_checkable
class WaveformEncoder(Protocol):
    """What can be exported: an encoder of audio of any length."""

    name: str
    dim: int
    clock: FeatureClock
    """``name``, ``dim``, ``clock``: as of a ``SpeechEncoder``."""

    def encode_waveform(self, samples: np.ndarray) -> np.ndarray:
        """(N,) int16 at 16 kHz → (T, D) float32 at ``clock``."""


@dataclass(frozen=True)
class Exporter:
    """An encoder, its label in file names, and the SHA-256 of its weights ("" where it does not say)."""

    encoder: WaveformEncoder
    label: str
    weights: str = ""

    @property
    def steps(self) -> int:
        """W: features a frame."""
        return max(1, round(self.encoder.clock.rate_hz / FPS))

    def described(self) -> dict[str, Any]:
        """For the JSON; a reach over all of the audio is null there."""
        clock = {
            name: value if isfinite(value) else None for name, value in asdict(self.encoder.clock).items()
        }
        return {"name": self.encoder.name, "weights": self.weights, "dim": self.encoder.dim, **clock}


@dataclass(frozen=True)
class ExportPlan:
    """What every video is exported with."""

    renderers: tuple[str, ...]
    """Whose files are written."""
    train_share: Fraction | float = Fraction(10, 11)
    """Of the frames, from the first on, that mean and deviation are taken from."""
    scale: Scale | None = None
    """That of an earlier export, which is taken instead."""
    scale_sha256: str = ""
    """Of the JSON that the scale was read from."""
    max_picture_px: int = MAX_PICTURE_PX


@dataclass(frozen=True)
class Task:
    """One video."""

    name: str
    """Its path relative to the videos' folder."""
    path: Path
    folder: Path
    """Where its files go."""


@dataclass(frozen=True)
class ExportRow:
    """One video, as a line of the ledger."""

    source: str
    """Its path relative to the videos' folder."""
    status: str
    """exported, kept (it was there already) or failed, then with the fields below."""
    frames: int = 0
    stage: str = ""
    reason: str = ""
    detail: str = ""

    @property
    def why(self) -> str:
        """Stage, reason and detail of a video that failed, in a line."""
        return f"{self.stage}: {self.reason}" + (f" ({self.detail})" if self.detail else "")
