"""The mesh of 478 points that MediaPipe's landmark network places on a face."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from speechlip.faces.landmarks import MESH_TO_68
from speechlip.records import Face


@dataclass(frozen=True)
class Mesh:
    """One face in one image.

    points: (478, 2) float64 px.
    presence: probability in [0, 1] that these points are on a face.
    depth: (478,) px, away from the camera, in the scale of ``points``; None where nobody asked for it.
    """

    points: np.ndarray
    presence: float
    depth: np.ndarray | None = None

    @cached_property
    def box(self) -> np.ndarray:
        """(4,) float32 ``x0 y0 x1 y1`` px: holds the whole mesh, hairline to chin."""
        return np.concatenate(corners(self.points)).astype(np.float32)

    @property
    def area(self) -> float:
        """Of the box, px²."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))

    def moved(self, x: int, y: int) -> "Mesh":
        """The same face in an image of which that one is the part whose corner is at (x, y)."""
        return replace(self, points=self.points + np.array([x, y]))

    def face(self) -> Face:
        """In the 68-point convention."""
        return Face(self.box, self.presence, self.points[MESH_TO_68].astype(np.float32))


def corners(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) → (2,) least and (2,) greatest x and y.

    numpy goes along a column four times as fast where it lies in one piece.
    """
    columns = np.ascontiguousarray(points.T)
    return columns.min(axis=1), columns.max(axis=1)
