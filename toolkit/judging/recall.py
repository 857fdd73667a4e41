"""Faces of a clip's own frames: found once, and recalled for every file that shows exactly these frames."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.faces.detectors.declared import Detector
from speechlip.faces.detectors.opening import declared, open_detector
from speechlip.faces.tracking.stage import FaceStage
from speechlip.records import Face, Source


@dataclass(frozen=True)
class KnownFaces:
    """What a detector saw in the frames of one clip.

    detector: its name.
    seen: of each frame its faces.
    landmarks: (T, 68, 2) px of the largest face, NaN where there is none; None where the detector gives none.
    """

    detector: str
    seen: Sequence[list[Face]]
    landmarks: np.ndarray | None

    @contextmanager
    def opened(self) -> Iterator[Detector]:
        """A detector that repeats what was seen."""
        yield _Recalling(self)


class _Recalling:
    """``Detector``: of each frame what is known, nothing beyond them."""

    def __init__(self, known: KnownFaces) -> None:
        said = declared(known.detector)
        self.name, self.has_landmarks = known.detector, said.has_landmarks
        self.mouth_in_box = said.mouth_in_box
        self._seen = known.seen

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        return self._seen[index] if index < len(self._seen) else []

    def close(self) -> None:
        return


def find_faces(images: np.ndarray, detector: str) -> KnownFaces:
    """Faces of (T, H, W, 3) uint8 RGB. Raises SourceRefused where the detector cannot be opened for them."""
    with open_detector(detector, Source(Path("frames"), "frames", "")) as opened:
        stage = FaceStage(opened)
        seen = [stage.see(image, index) for index, image in enumerate(images)]
        return KnownFaces(detector, seen, stage.finish().landmarks)
