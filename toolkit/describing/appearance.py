"""How sharp and how bright faces are, measured while the frames of a video go by.

Goal: numbers that compare faces of any size, at little cost.

Conventions: the face box is scaled to 256 px of width, whatever it has in the frame. Sharpness is the
variance of the Laplacian (Pech-Pacheco 2000) of its luma (BT.601, 0–255) there; brightness is the mean luma.
A face less wide than that is enlarged and so less sharp, which it is. Every fifth frame is measured. BRISQUE
is that of the same luma, where a fit of the user's is given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.errors import SpeechLipError
from speechlip.faces.tracking.tracks import iou
from speechlip.libraries import load
from speechlip.records import Face

FACE_WIDTH_PX = 256
"""Width at which faces are compared."""
STRIDE_FRAMES = 5
"""Of so many frames one is measured: within a clip the two differ little from frame to frame."""
SAME_FACE_IOU = 0.3
"""Overlap of a face with the box of its track, at least."""


@dataclass(frozen=True)
class Appearance:
    """One face in one frame.

    box: (4,) float32, x0 y0 x1 y1 px.
    sharpness: variance of the Laplacian, 0 to 65025.
    brightness: mean luma, 0 to 255.
    brisque: by the user's fit; None: none is given, or nothing can be said of this face.
    """

    box: np.ndarray
    sharpness: float
    brightness: float
    brisque: float | None = None


Rate = Callable[[np.ndarray], float]
"""Luma of a face, (H, 256) uint8, → BRISQUE."""


class Appearances:
    """Shown every frame of a video with ``see``; then asked for the faces of a track. rate: where wanted."""

    def __init__(self, rate: Rate | None = None) -> None:
        self._rate = rate
        self._frames: dict[int, list[Appearance]] = {}

    def see(self, index: int, image: np.ndarray | None, faces: Sequence[Face]) -> None:
        """Measure the faces of a frame, where it is one to measure. image: (H, W, 3) uint8 RGB, or None."""
        if image is None or index % STRIDE_FRAMES:
            return
        seen = [measured(image, face.box, self._rate) for face in faces]
        self._frames[index] = [each for each in seen if each]

    def of(self, start_frame: int, boxes: np.ndarray) -> list[Appearance]:
        """What was measured of one face, in its frames from ``start_frame`` on. boxes: (N, 4) px."""
        first = -(-start_frame // STRIDE_FRAMES) * STRIDE_FRAMES
        frames = range(first, start_frame + len(boxes), STRIDE_FRAMES)
        nearest = [_nearest(self._frames.get(index, []), boxes[index - start_frame]) for index in frames]
        return [each for each in nearest if each]


def measured(image: np.ndarray, box: np.ndarray, rate: Rate | None = None) -> Appearance | None:
    """Sharpness and brightness of a face; None where its box leaves nothing of the image.

    image: (H, W, 3) uint8 RGB.
    box: (4,) px.
    rate: gives BRISQUE, too.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = np.clip(np.round(box), 0, (width, height, width, height)).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    cv2 = load("cv2")
    luma = cv2.cvtColor(np.ascontiguousarray(image[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    scale = FACE_WIDTH_PX / float(box[2] - box[0])
    size = max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale))
    luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    sharpness = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))[1].item() ** 2
    return Appearance(box, sharpness, float(cv2.mean(luma)[0]), None if rate is None else _rated(rate, luma))


def _rated(rate: Rate, luma: np.ndarray) -> float | None:
    """BRISQUE; None of a face that is too small or flat for it."""
    try:
        return rate(luma)
    except SpeechLipError:
        return None


def _nearest(faces: Sequence[Appearance], box: np.ndarray) -> Appearance | None:
    """The face that overlaps a box best, and enough."""
    best = max(faces, key=lambda face: iou(face.box, box), default=None)
    return best if best and iou(best.box, box) >= SAME_FACE_IOU else None
