"""The mesh of 478 points of a face that was followed already, for metrics that 68 points are too few for.

Tracks keep 68 points. The detector is asked anew, in a second reading of the file, and of the faces of a
frame the one is taken whose 68 points are those of the track: the same frames in the same order give the same
points.
"""

from contextlib import closing
from pathlib import Path

import numpy as np

from speechlip import assets
from speechlip.faces.detectors.landmarker.blendshapes import NAMES, open_blendshapes
from speechlip.faces.detectors.landmarker.detector import LandmarkerDetector
from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.landmarks import MESH_TO_68
from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.records import Source

POINTS = 478


def meshes_of(path: Path, info: MediaInfo, landmarks: np.ndarray, detector: str) -> np.ndarray:
    """(T, 478, 2) float32 px, NaN where ``landmarks``, (T, 68, 2) px of the same file, have none.

    Raises NotScored, ``no mesh``, where another detector than landmarker found the landmarks; SourceRefused.
    """
    if detector != LandmarkerDetector.name:
        raise NotScored(
            "no mesh", f"the landmarks are of {detector}, and only landmarker gives a mesh of {POINTS} points"
        )
    found = np.full((len(landmarks), POINTS, 2), np.nan, np.float32)
    opened = LandmarkerDetector(Source(path, path.name, ""))
    with closing(opened), closing(read_frames(path, info, audio=False)) as reading:
        for frame in reading:
            image = frame.rgb()
            if image is None or frame.index >= len(found):
                continue
            for mesh in opened.meshes(image, frame.index):
                if same(mesh, landmarks[frame.index]):
                    found[frame.index] = mesh.points
    seen = np.isfinite(landmarks).all(axis=(1, 2))
    if not np.isfinite(found[seen]).all():
        raise NotScored("no mesh", "the landmarks are not those that landmarker finds in the file")
    return found


def same(mesh: Mesh, landmarks: np.ndarray) -> bool:
    """Whether these are the face's 68 points."""
    return bool(np.array_equal(mesh.points[MESH_TO_68].astype(np.float32), landmarks))


def blendshapes_of(meshes: np.ndarray) -> np.ndarray:
    """(T, 478, 2) px → (T, 52) coefficients, NaN in frames without a face. Raises ModelError."""
    network = open_blendshapes(assets.path("face_landmarker"))
    values = np.full((len(meshes), len(NAMES)), np.nan, np.float32)
    for index in np.flatnonzero(np.isfinite(meshes).all(axis=(1, 2))):
        values[index] = network.coefficients(meshes[index])
    return values
