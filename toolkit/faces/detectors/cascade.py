"""scikit-image's LBP frontal-face cascade: boxes only, no download; used where no model file is at hand.

Searching a whole frame costs 20–50 ms, so it is done only where no face is in sight, and once a second for
newcomers. In between each face is looked for where it was, in a region scaled so that the face is 48 px wide.
That costs 1.4 ms and places the face more evenly.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from speechlip.faces.detectors.declared import EYEBROWS_TO_CHIN, MAX_FACES
from speechlip.libraries import Library, load
from speechlip.records import Face, Source
from speechlip.timing import FPS

LONG_SIDE = 320
SMALLEST = 40
"""First look: frames scaled to 320 px, faces of 40 px and more there. Measured: found so in 93–100 % of the
frames of 30 talking clips."""
SECOND_LONG_SIDE, SECOND_SMALLEST, SECOND_LARGEST = 640, 24, 80
"""Second look, where the first finds nothing: frames scaled to 640 px, faces from the cascade's own window of
24 px to 80 px there."""
FACE_SIDE, REACH = 48, 1.8
"""Following: the face is scaled to 48 px, the region is 1.8 faces wide."""
NEW_WINDOWS, FEWEST_WINDOWS, SURE_WINDOWS = 6, 3, 25
"""Windows that must agree on a new face, and on a followed one (a pattern on a wall has 3 to 5); how many
give score 1."""
FORGET_FRAMES = 12
NEWCOMERS_EVERY = FPS
LOOK_EVERY, LOOK_SELDOM = 5, 20
"""Frames between searches while no face is in sight: 0.2 s at first, doubled each time up to 0.8 s."""


@dataclass(frozen=True)
class Place:
    """A square face.

    x, y: centre in px of the frame.
    side: px.
    windows: how many windows of the cascade agreed on it.
    index: frame in which they did.
    """

    x: float
    y: float
    side: float
    windows: int
    index: int

    def face(self) -> Face:
        half = self.side / 2
        box = np.array([self.x - half, self.y - half, self.x + half, self.y + half], np.float32)
        return Face(box, min(1.0, self.windows / SURE_WINDOWS))

    def covers(self, other: "Place") -> bool:
        """Whether more than half of the smaller of the two squares is shared, so that both are one face."""
        reach = (self.side + other.side) / 2
        small = min(self.side, other.side)
        width, height = reach - abs(self.x - other.x), reach - abs(self.y - other.y)
        return min(width, height) > 0 and min(width, small) * min(height, small) > small**2 / 2


class CascadeDetector:
    """Frontal faces as square boxes, eyebrows to chin.

    ``score`` is the share of 25 windows of the cascade that agree, at most 1.
    """

    name = "cascade"
    has_landmarks = False
    library = Library("skimage", package="scikit-image")
    mouth_in_box = EYEBROWS_TO_CHIN

    def __init__(self, source: Source) -> None:
        self._cv2 = load("cv2")
        filename = load("skimage.data").lbp_frontal_face_cascade_filename()
        self._cascade = load("skimage.feature").Cascade(filename)
        self._places: list[Place] = []
        self._next_search, self._pause = 0, LOOK_EVERY

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        followed = [self._near(image, place, index) or place for place in self._places]
        self._places = [place for place in followed if index - place.index <= FORGET_FRAMES]
        if index >= self._next_search:
            self._search(image, index)
        return [place.face() for place in self._places if place.index == index]

    def close(self) -> None:
        pass

    def _search(self, image: np.ndarray, index: int) -> None:
        """Look for faces that are not followed yet, and settle when to look again."""
        found = self._whole(
            image, index, LONG_SIDE, min_size=(SMALLEST,) * 2, max_size=(LONG_SIDE,) * 2, step_ratio=1.0
        )
        if not found and not self._places:
            sizes = {"min_size": (SECOND_SMALLEST,) * 2, "max_size": (SECOND_LARGEST,) * 2}
            found = self._whole(image, index, SECOND_LONG_SIDE, step_ratio=1.5, **sizes)
        for candidate in sorted(found, key=lambda place: -place.side):
            place = self._near(image, candidate, index)
            if (
                place
                and place.windows >= NEW_WINDOWS
                and not any(place.covers(known) for known in self._places)
            ):
                self._places = [*self._places, place][:MAX_FACES]
        if self._places:
            self._next_search, self._pause = index + NEWCOMERS_EVERY, LOOK_EVERY
        else:
            self._next_search, self._pause = index + self._pause, min(2 * self._pause, LOOK_SELDOM)

    def _whole(self, image: np.ndarray, index: int, long_side: int, **search: Any) -> list[Place]:
        scale = min(1.0, long_side / max(image.shape[:2]))
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        gray = self._gray(self._cv2.resize(image, size, interpolation=self._cv2.INTER_AREA))
        found = self._cascade.detect_multi_scale(gray, scale_factor=1.1, min_neighbor_number=4, **search)
        boxes = np.array([(hit["c"], hit["r"], hit["width"]) for hit in found]).reshape(-1, 3) / scale
        return [Place(x + side / 2, y + side / 2, side, 0, index) for x, y, side in boxes.tolist()]

    def _near(self, image: np.ndarray, place: Place, index: int) -> Place | None:
        """The face that was at ``place``, found again: the mean of all windows that agree with their
        median."""
        gray, corner, scale = self._region(image, place)
        windows = self._cascade.detect_multi_scale(
            gray,
            scale_factor=1.08,
            step_ratio=1.0,
            min_size=(round(0.8 * FACE_SIDE),) * 2,
            max_size=(round(1.3 * FACE_SIDE),) * 2,
            min_neighbor_number=0,
            intersection_score_threshold=1.0,
        )
        if len(windows) < FEWEST_WINDOWS:
            return None
        hits = np.array(
            [(hit["c"] + hit["width"] / 2, hit["r"] + hit["height"] / 2, hit["width"]) for hit in windows]
        )
        middle = np.median(hits, axis=0)
        agreeing = hits[np.abs(hits[:, :2] - middle[:2]).max(axis=1) < 0.3 * middle[2]]
        if len(agreeing) < FEWEST_WINDOWS:
            return None
        x, y, width = agreeing.mean(axis=0)
        return Place(corner[0] + x / scale, corner[1] + y / scale, width / scale, len(agreeing), index)

    def _region(self, image: np.ndarray, place: Place) -> tuple[np.ndarray, tuple[int, int], float]:
        """The square around ``place`` in grey, its upper left corner in px of the frame, and its scale.

        It is scaled so that the face is 48 px wide. Outside the frame its border is repeated.
        """
        cv2 = self._cv2
        reach = max(1, round(REACH * place.side))
        x0, y0 = round(place.x - reach / 2), round(place.y - reach / 2)
        height, width = image.shape[:2]
        left, top = min(max(0, x0), width - 1), min(max(0, y0), height - 1)
        right, bottom = max(left + 1, min(x0 + reach, width)), max(top + 1, min(y0 + reach, height))
        part = image[top:bottom, left:right]
        padding = (
            max(0, top - y0),
            max(0, y0 + reach - bottom),
            max(0, left - x0),
            max(0, x0 + reach - right),
        )
        if any(padding):
            part = cv2.copyMakeBorder(part, *padding, cv2.BORDER_REPLICATE)
        side = round(FACE_SIDE * REACH)
        smaller = cv2.INTER_AREA if side < reach else cv2.INTER_LINEAR
        return self._gray(cv2.resize(part, (side, side), interpolation=smaller)), (x0, y0), side / reach

    def _gray(self, image: np.ndarray) -> np.ndarray:
        return self._cv2.cvtColor(image, self._cv2.COLOR_RGB2GRAY)
