"""Output of the face detection network → one box per face: anchors, decoding, weighted suppression.

The constants are those of MediaPipe's short-range face detector (``face_detection_short_range`` in its
``modules/face_detection``).
"""

from dataclasses import dataclass

import numpy as np

INPUT_SIDE = 128
"""px; the network's input is a square."""
GRIDS = ((16, 2), (8, 6))
"""Cells along a side, and anchors in a cell."""
LEAST_SCORE = 0.5
SAME_FACE_IOU = 0.3
"""Boxes that overlap more are of one face."""


@dataclass(frozen=True)
class Detection:
    """One face, in shares of the network's square input.

    box: (4,) float32 ``x0 y0 x1 y1``, eyebrows to chin.
    keypoints: (6, 2) float32: right eye, left eye, nose, mouth, right ear, left ear (of the person).
    score: probability in [0, 1].
    """

    box: np.ndarray
    keypoints: np.ndarray
    score: float


def anchors() -> np.ndarray:
    """(896, 2) float32: the centres that boxes are stated from, ``x y``, in shares of the input.

    >>> anchors()[[0, 1, 2, 512, 895]].tolist()
    [[0.03125, 0.03125], [0.03125, 0.03125], [0.09375, 0.03125], [0.0625, 0.0625], [0.9375, 0.9375]]
    """
    grids = []
    for cells, in_a_cell in GRIDS:
        centres = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(centres, centres, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=-1), in_a_cell, axis=0))
    return np.concatenate(grids)


ANCHORS = anchors()


def decode(regressors: np.ndarray, logits: np.ndarray) -> list[Detection]:
    """Faces, the surest first.

    regressors: (896, 16) float32: centre, width and height of the box and six keypoints, in px of the input,
        places counted from the anchor.
    logits: (896,) float32.
    """
    likely = np.flatnonzero(logits >= 0)  # sigmoid(0) = LEAST_SCORE
    if not likely.size:
        return []
    values = regressors[likely].reshape(-1, 8, 2) / INPUT_SIDE
    centre, size = values[:, 0] + ANCHORS[likely], values[:, 1]
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    keypoints = values[:, 2:] + ANCHORS[likely, None]
    scores = 1 / (1 + np.exp(-logits[likely]))
    return merge(boxes, keypoints, scores)


def merge(boxes: np.ndarray, keypoints: np.ndarray, scores: np.ndarray) -> list[Detection]:
    """Weighted suppression: the surest box takes all that overlap it, and becomes their mean.

    boxes: (N, 4), keypoints: (N, 6, 2), scores: (N,), which are the weights of the mean.
    """
    faces = []
    left = np.argsort(-scores, kind="stable")
    while left.size:
        same = overlap(boxes[left[0]], boxes[left]) > SAME_FACE_IOU
        same[0] = True
        one, weights = left[same], scores[left[same]]
        faces.append(
            Detection(
                np.average(boxes[one], axis=0, weights=weights).astype(np.float32),
                np.average(keypoints[one], axis=0, weights=weights).astype(np.float32),
                float(scores[left[0]]),
            )
        )
        left = left[~same]
    return faces


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N,) intersection over union of a box with each of ``others``, (N, 4) ``x0 y0 x1 y1``.

    >>> overlap(np.array([0, 0, 2, 2]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
    [0.333, 0.0]
    """
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    return shared / (np.prod(box[2:] - box[:2]) + areas - shared)
