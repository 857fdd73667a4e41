"""The mesh of 478 points of a face, for metrics that 68 points are too few for.

Tracks keep 68 points. Where a metric wants the mesh, all points of every face are kept while faces are looked
for; of a frame's faces the one is taken whose 68 points are those of the track.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from speechlip import assets
from speechlip.faces.detectors.declared import Declaration, declaration
from speechlip.faces.detectors.landmarker.blendshapes import NAMES, open_blendshapes
from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.landmarks import MESH_TO_68
from speechlip.metrics import table
from speechlip.metrics.declared import NotScored
from speechlip.records import Face

POINTS = 478
Meshes = Mapping[int, Sequence[Mesh]]
"""Number of a frame → its faces."""


def wants_mesh(families: Iterable[str]) -> bool:
    """Whether any metric of these families is computed of a mesh."""
    of_mesh = {"mesh", "blendshapes"}
    return any(of_mesh & {*metric.needs} for family in families for metric in table.metrics_of(family))


class MeshKeeper:
    """``Detector`` that keeps the meshes of what another one finds: ``kept``, points float32."""

    def __init__(self, opened: Any) -> None:
        """opened: a ``MeshDetector``."""
        said: Declaration = declaration(opened)
        self.name, self.has_landmarks, self.mouth_in_box = opened.name, said.has_landmarks, said.mouth_in_box
        self._opened = opened
        self.kept: dict[int, list[Mesh]] = {}

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        meshes: list[Mesh] = self._opened.meshes(image, index)
        self.kept[index] = [replace(mesh, points=mesh.points.astype(np.float32)) for mesh in meshes]
        return [mesh.face() for mesh in self.kept[index]]

    def close(self) -> None:
        self._opened.close()


def mesh_of_track(kept: Meshes | None, landmarks: np.ndarray, detector: str) -> np.ndarray:
    """(T, 478, 2) float32 px, NaN where ``landmarks``, (T, 68, 2) px of the same file, have none.

    kept: None where the detector gives none. detector: what found the landmarks.
    Raises NotScored, ``no mesh``, where no mesh belongs to the landmarks.
    """
    if kept is None:
        raise NotScored(
            "no mesh", f"the landmarks are of {detector}, and only landmarker gives a mesh of {POINTS} points"
        )
    found = np.full((len(landmarks), POINTS, 2), np.nan, np.float32)
    for index in np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2))).tolist():
        mesh = next((mesh for mesh in kept.get(index, ()) if same(mesh, landmarks[index])), None)
        if mesh is None:
            raise NotScored("no mesh", f"the landmarks of frame {index} are not the detector's")
        found[index] = mesh.points
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
