"""What exporting passes on: the encoder, the options, one task, and the row that says what became of it."""

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
    """What can be exported: an encoder of sound of any length. name, dim, clock: as of a ``SpeechEncoder``."""

    name: str
    dim: int
    clock: FeatureClock

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
        """For the JSON; a reach over all of the sound is null there."""
        clock = {
            name: value if isfinite(value) else None for name, value in asdict(self.encoder.clock).items()
        }
        return {"name": self.encoder.name, "weights": self.weights, "dim": self.encoder.dim, **clock}


@dataclass(frozen=True)
class ExportOptions:
    """renderers: whose files are written. train_share: of the frames, from the first on, that mean and deviation are taken from.

    scale: that of an earlier export instead; scale_sha256: of the JSON it was read from.
    """

    renderers: tuple[str, ...]
    train_share: Fraction = Fraction(10, 11)
    scale: Scale | None = None
    scale_sha256: str = ""
    max_picture_px: int = MAX_PICTURE_PX


@dataclass(frozen=True)
class Task:
    """One video. name: its path relative to the videos' folder. folder: where its files go."""

    name: str
    path: Path
    folder: Path


@dataclass(frozen=True)
class Row:
    """One line of the ledger. status: exported, kept (it was there already) or failed, then with stage, reason and detail."""

    source: str
    status: str
    frames: int = 0
    stage: str = ""
    reason: str = ""
    detail: str = ""
