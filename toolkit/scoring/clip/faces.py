"""The faces of both files of a clip, from a detector or from the landmark files beside them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.files.names import is_file
from speechlip.metrics.declared import NotScored
from speechlip.records import LANDMARKS_ENDING, Source
from speechlip.scoring.clip.meshes import Meshes
from speechlip.scoring.clip.outcome import Outcome


@dataclass(frozen=True)
class Seen:
    """The faces of one file.

    tracks: of all its frames.
    corrected: sentences on what reading the file altered.
    meshes: of every frame; None where no metric wants them or the detector gives none.
    """

    tracks: FaceTracks
    corrected: tuple[str, ...] = ()
    meshes: Meshes | None = None


NOT_LOOKED_FOR: Outcome[Seen] = Outcome()


@dataclass(frozen=True)
class ClipFaces:
    """Faces of a clip's two files."""

    render: Outcome[Seen] = NOT_LOOKED_FOR
    reference: Outcome[Seen] = NOT_LOOKED_FOR

    @property
    def of_render(self) -> FaceTracks | None:
        return self.render.result.tracks if self.render.result else None

    @property
    def of_reference(self) -> FaceTracks | None:
        return self.reference.result.tracks if self.reference.result else None


def check_one_size(faces: FaceTracks, what: str) -> None:
    """Raise NotScored where images have more than one size: ``what`` is measured in pixels of one size."""
    sizes = [size for size in dict.fromkeys(faces.sizes) if size is not None]
    if len(sizes) > 1:
        told = " → ".join(f"{width}×{height}" for width, height in sizes)
        raise NotScored(
            "picture size changes",
            f"{told} within the file: {what} is measured in pixels of one size; cut the file there",
        )


def why_no_face(faces: FaceTracks, name: str) -> NotScored:
    """Why no face of a file is followed. name: of the file."""
    if faces.small:
        return NotScored("face too small", f"{name} shows faces, all too small to be followed")
    return NotScored("no face", f"no face was found in {faces.n_frames} frames of {name}")


def as_source(path: Path) -> Source:
    """The record a detector is opened with, its sidecar landmarks beside the video if there are any."""
    sidecar = sidecar_of(path)
    return Source(path, path.name, "", landmarks_path=sidecar if is_file(sidecar) else None)


def sidecar_of(path: Path) -> Path:
    return path.with_name(path.stem + LANDMARKS_ENDING)


def sidecar_landmarks(path: Path, frames: int) -> np.ndarray:
    """(frames, 68, 2) px from the file beside the video, NaN where it has no face. Raises SourceRefused where
    it is missing or bad.
    """
    points = np.full((frames, 68, 2), np.nan, np.float32)
    nothing = np.zeros((0, 0, 3), np.uint8)
    with open_detector("sidecar", as_source(path)) as detector:
        for index in range(frames):
            for face in detector.detect(nothing, index):
                points[index] = face.landmarks
    return points
