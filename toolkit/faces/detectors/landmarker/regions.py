"""The turned square that the landmark network looks at: from a detection, or from the points of a face."""

import math
from dataclasses import dataclass

import numpy as np

from speechlip.faces.detectors.landmarker.boxes import SAME_FACE_IOU, Detection
from speechlip.faces.detectors.mesh import corners

REACH = 1.5
"""Side of the square in longer sides of the face."""
OUTER_EYE_CORNERS = (33, 263)
"""Points of the mesh, left and right in the image."""
OUTER_EYE_CORNERS_OF_68 = (36, 45)
FOREHEAD = 0.217
"""Of the canonical face: hairline to brows in heights of brows to chin."""


@dataclass(frozen=True)
class Region:
    """A square around a face.

    x, y: centre, px of the image.
    side: px.
    turn: radians, from the image's x axis to the line of the eyes; positive: clockwise, as y points down.
    """

    x: float
    y: float
    side: float
    turn: float

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) float64: px of the square scaled to ``size`` px → px of the image."""
        scale = self.side / size
        cosine, sine = scale * math.cos(self.turn), scale * math.sin(self.turn)
        half = size / 2
        return np.array(
            [
                [cosine, -sine, self.x - half * (cosine - sine)],
                [sine, cosine, self.y - half * (sine + cosine)],
            ]
        )

    def same_face(self, other: "Region") -> bool:
        """Whether the faces in the two squares overlap by an IoU of more than 0.3, their turn left aside."""
        reach = (self.side + other.side) / 2 / REACH
        small = min(self.side, other.side) / REACH
        width = min(small, reach - abs(self.x - other.x))
        height = min(small, reach - abs(self.y - other.y))
        if width <= 0 or height <= 0:
            return False
        shared = width * height
        areas = (self.side**2 + other.side**2) / REACH**2
        return shared > SAME_FACE_IOU * (areas - shared)


def of_detection(detection: Detection, shape: tuple[int, ...]) -> Region:
    """The region of a face that the detector saw in an image of ``shape`` (H, W, …).

    The image was the middle of the detector's square input.
    """
    long_side = max(shape[:2])
    corner = (np.array(shape[1::-1]) - long_side) / 2
    x0, y0, x1, y1 = (detection.box * long_side + np.tile(corner, 2)).tolist()
    eyes = (detection.keypoints[1] - detection.keypoints[0]).tolist()
    return Region((x0 + x1) / 2, (y0 + y1) / 2, REACH * max(x1 - x0, y1 - y0), math.atan2(eyes[1], eyes[0]))


def of_landmarks(landmarks: np.ndarray) -> Region:
    """The region of a face of which the 68 points are known: (68, 2) px, brows to chin."""
    return of_points(landmarks.astype(np.float64), OUTER_EYE_CORNERS_OF_68, FOREHEAD)


def of_points(points: np.ndarray, eyes: tuple[int, int] = OUTER_EYE_CORNERS, above: float = 0.0) -> Region:
    """The region of a face whose mesh is known: (478, 2) px.

    eyes: numbers of the outer eye corners.
    above: what lies above the points, as a share of their height.
    """
    left, right = points[eyes[0]].tolist(), points[eyes[1]].tolist()
    turn = math.atan2(right[1] - left[1], right[0] - left[0])
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    low, high = corners(points @ axes)
    low[1] -= above * (high[1] - low[1])
    x, y = (axes @ ((low + high) / 2)).tolist()
    return Region(x, y, REACH * float((high - low).max()), turn)
