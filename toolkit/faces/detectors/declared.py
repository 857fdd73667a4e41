"""What a detector is, and what it declares of itself in its own class.

A detector is called once per 25-fps frame, in order. It gives the faces of that frame in pixels of the
displayed
frame, in continuous coordinates: the pixel in column j and row i covers [j, j + 1) × [i, i + 1).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from speechlip.assets import Asset
from speechlip.faces.detectors.mesh import Mesh
from speechlip.libraries import Library
from speechlip.records import Face, MouthPlace, Source

EYEBROWS_TO_CHIN = MouthPlace(0.474, 0.756, 0.282)
"""Of square boxes from the eyebrows to the chin, as cascades give them, measured against MediaPipe's
landmarks by benchmarks/mouth_in_box.py; errors in docs/decisions/mouth-place-in-a-box.md."""

MAX_FACES = 4
"""As many faces of a frame the built-in detectors look for."""


class Detector(Protocol):
    """A face detector, opened for one video.

    name: as in ``--detector``.
    has_landmarks: whether its faces carry the 68 points, which crop preset ``auto-avsr`` needs.

    A class may also declare ``models``, ``library``, ``mouth_in_box`` and ``has_mesh`` (``Declaration``).
    """

    name: str
    has_landmarks: bool

    def __init__(self, source: Source) -> None: ...

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        """Faces in ``image``, (H, W, 3) uint8 RGB, which is frame ``index``; indices only rise."""

    def close(self) -> None:
        """Give back what the detector holds."""


class MeshDetector(Detector, Protocol):
    """A detector that declares ``has_mesh``."""

    def meshes(self, image: np.ndarray, index: int) -> list[Mesh]:
        """The faces of ``detect``, called in its place, with all 478 points."""


@dataclass(frozen=True)
class Declaration:
    """What a detector class says of itself; each field is a class attribute of that name.

    has_landmarks: whether its faces carry the 68 points.
    models: the model files it reads: names of ``speechlip.assets``, or an ``Asset`` for a file of its own.
    library: what it is made with; its version is recorded.
    mouth_in_box: where the mouth is in its boxes, for ``lips`` crops of faces without landmarks.
    has_mesh: whether it is a ``MeshDetector``.
    """

    has_landmarks: bool
    models: tuple[str | Asset, ...] = ()
    library: Library | None = None
    mouth_in_box: MouthPlace = EYEBROWS_TO_CHIN
    has_mesh: bool = False


def declaration(kind: Any) -> Declaration:
    """The declaration of a detector class; what it leaves out has the defaults of ``Declaration``."""
    return Declaration(
        bool(kind.has_landmarks),
        tuple(getattr(kind, "models", ())),
        getattr(kind, "library", None),
        getattr(kind, "mouth_in_box", EYEBROWS_TO_CHIN),
        bool(getattr(kind, "has_mesh", False)),
    )
