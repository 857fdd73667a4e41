"""Faces of a clip's own frames: found once, and recalled for every file that shows exactly these frames."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.faces.detectors.declared import Detector
from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.detectors.opening import declared, open_detector
from speechlip.faces.tracking.stage import FaceStage
from speechlip.records import Face, Source
from speechlip.scoring.clip.meshes import Meshes, MeshKeeper


@dataclass(frozen=True)
class KnownFaces:
    """What a detector saw in the frames of one clip.

    detector: its name.
    seen: of each frame its faces.
    landmarks: (T, 68, 2) px of the largest face, NaN where there is none; None where the detector gives none.
    meshes: of each frame those of its faces; None where they were not kept.
    """

    detector: str
    seen: Sequence[list[Face]]
    landmarks: np.ndarray | None
    meshes: Meshes | None = None

    @contextmanager
    def opened(self) -> Iterator[Detector]:
        """A detector that repeats what was seen."""
        yield _Recalling(self)


class _Recalling:
    """``Detector``: of each frame what is known, nothing beyond them."""

    def __init__(self, known: KnownFaces) -> None:
        said = declared(known.detector)
        self.name, self.has_landmarks = known.detector, said.has_landmarks
        self.mouth_in_box, self.has_mesh = said.mouth_in_box, known.meshes is not None
        self._known = known

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        """What was seen in frame ``index``."""
        return self._known.seen[index] if index < len(self._known.seen) else []

    def meshes(self, image: np.ndarray, index: int) -> list[Mesh]:
        """The faces of ``detect`` with all 478 points."""
        return [*(self._known.meshes or {}).get(index, ())]

    def close(self) -> None:
        """Nothing was opened."""


def find_faces(images: np.ndarray, detector: str, with_mesh: bool = False) -> KnownFaces:
    """Faces of (T, H, W, 3) uint8 RGB. Raises SourceRefused where the detector cannot be opened for them.

    with_mesh: whether meshes are kept, where the detector gives some.
    """
    with open_detector(detector, Source(Path("frames"), "frames", "")) as opened:
        keeper = MeshKeeper(opened) if with_mesh and declared(detector).has_mesh else None
        stage = FaceStage(keeper or opened)
        seen = [stage.see(image, index) for index, image in enumerate(images)]
        return KnownFaces(detector, seen, stage.finish().landmarks, keeper.kept if keeper else None)
