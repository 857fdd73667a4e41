"""MediaPipe's Face Landmarker (Tasks API): 478 points of up to four faces, mapped to the 68-point convention.

``num_faces`` is 4 on purpose, also where one face is wanted: with 1 the task smooths its points with a causal
filter, which on real clips delayed the mouth by 0.2 frames and took up to 13 % of its movement
(docs/decisions/mediapipe-num-faces.md).
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from speechlip import assets
from speechlip.errors import ModelError
from speechlip.faces.detectors.declared import MAX_FACES
from speechlip.faces.landmarks import MESH_TO_68
from speechlip.libraries import Library, load, missing_library
from speechlip.records import Face, Source
from speechlip.timing import FPS, exact_div

FRAME_MS = exact_div(1000, FPS)
INSTEAD = "choose --detector cascade"
LOOK_EVERY, LOOK_SELDOM = 5, 40
"""Frames between two searches of the tiles while no face is in sight: 0.2 s at first, doubled each time up to
1.6 s."""
FOLLOW, FORGET_FRAMES = 3.0, 12
"""A face that the first look misses is looked for in a region of three face sizes around its last place, for
so many frames."""
SMALLEST_TILE = 200
"""px; in a smaller tile only faces would be new that are too small for lips (under 20 px)."""


class MediapipeLandmarker:
    """Faces with landmarks.

    ``score`` is 1.0: the task publishes no confidence, only that the face passed its threshold of 0.5.

    First look: the whole frame, in video mode. Its detector sees the frame at 128 px and misses faces under
    about a tenth of it. Second look, where the first finds nothing: the surroundings of the last face, else
    overlapping square tiles of the frame.
    """

    name = "mediapipe"
    has_landmarks = True
    models = ("face_landmarker",)
    library = Library("mediapipe", package="mediapipe")

    def __init__(self, source: Source) -> None:
        self._vision = load("mediapipe.tasks.python.vision", INSTEAD)
        self._mediapipe = load("mediapipe", INSTEAD)
        self._whole = self._open("VIDEO")
        self._part: Any = None
        self._last: Face | None = None
        self._last_index, self._next_search, self._pause = 0, 0, LOOK_EVERY

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        found = self._whole.detect_for_video(self._image(image), index * FRAME_MS)
        faces = (
            to_faces(found, image.shape, (0, 0)) or self._follow(image, index) or self._search(image, index)
        )
        if faces:
            self._last, self._last_index = max(faces, key=area), index
            self._next_search, self._pause = index + LOOK_EVERY, LOOK_EVERY
        return faces

    def _follow(self, image: np.ndarray, index: int) -> list[Face]:
        if self._last is None or index - self._last_index > FORGET_FRAMES:
            return []
        return self._look_at(image, around(self._last.box, image.shape))

    def _search(self, image: np.ndarray, index: int) -> list[Face]:
        """Faces of the first tile that has one, seen again with what surrounds them: the tile may cut
        them."""
        if index < self._next_search:
            return []
        self._next_search, self._pause = index + self._pause, min(2 * self._pause, LOOK_SELDOM)
        for tile in tiles(image.shape):
            if faces := self._look_at(image, tile):
                return self._look_at(image, around(max(faces, key=area).box, image.shape)) or faces
        return []

    def _look_at(self, image: np.ndarray, region: tuple[int, int, int, int]) -> list[Face]:
        if self._part is None:
            self._part = self._open("IMAGE")
        x0, y0, x1, y1 = region
        part = image[y0:y1, x0:x1]
        return to_faces(self._part.detect(self._image(part)), part.shape, (x0, y0))

    def _image(self, image: np.ndarray) -> Any:
        # mp.Image reads rows without gaps: a strided view would be sheared, without an error
        return self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        )

    def _open(self, mode: str) -> Any:
        base = self._mediapipe.tasks.BaseOptions(model_asset_path=str(assets.path("face_landmarker")))
        options = self._vision.FaceLandmarkerOptions(
            base_options=base, running_mode=self._vision.RunningMode[mode], num_faces=MAX_FACES
        )
        try:
            with quiet_stderr():
                landmarker = self._vision.FaceLandmarker.create_from_options(options)
                self._warm_up(landmarker, mode)
        except OSError as error:
            raise missing_library("mediapipe", error, INSTEAD) from error
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"mediapipe cannot use {assets.path('face_landmarker')}: {error}") from error
        return landmarker

    def _warm_up(self, landmarker: Any, mode: str) -> None:
        blank = self._image(np.zeros((64, 64, 3), np.uint8))
        if mode == "VIDEO":
            landmarker.detect_for_video(blank, -FRAME_MS)
        else:
            landmarker.detect(blank)

    def close(self) -> None:
        with quiet_stderr():
            self._whole.close()
            if self._part is not None:
                self._part.close()


def to_faces(found: Any, shape: tuple[int, ...], corner: tuple[int, int]) -> list[Face]:
    """MediaPipe's normalised points → faces in px. The box holds the whole mesh, hairline to chin."""
    faces = []
    for points in found.face_landmarks:
        mesh = np.array([(point.x, point.y) for point in points], np.float32) * (shape[1], shape[0]) + corner
        mesh = mesh.astype(np.float32)
        faces.append(Face(np.concatenate([mesh.min(axis=0), mesh.max(axis=0)]), 1.0, mesh[MESH_TO_68]))
    return faces


def area(face: Face) -> float:
    return float((face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))


def tiles(shape: tuple[int, ...]) -> Iterator[tuple[int, int, int, int]]:
    """Square regions of half, then of a quarter of the frame's longer side; neighbours overlap by half.

    In a tile of half the longer side a face may be half as large as in the whole frame and still be found: 5
    % of it, then 2.5 %. No tile is under 200 px.

    >>> list(tiles((256, 454, 3)))[:3]
    [(0, 0, 227, 227), (113, 0, 340, 227), (227, 0, 454, 227)]
    >>> list(tiles((256, 454, 3)))[3:]
    [(0, 29, 227, 256), (113, 29, 340, 256), (227, 29, 454, 256)]
    """
    height, width = shape[:2]
    for parts in (2, 4):
        side = max(height, width) // parts
        if side < SMALLEST_TILE:
            return
        for y in starts(height, side):
            for x in starts(width, side):
                yield x, y, min(x + side, width), min(y + side, height)


def starts(length: int, side: int) -> list[int]:
    """Evenly spaced starts of stretches of ``side`` that cover ``length`` and overlap by half or more.

    >>> starts(454, 227), starts(200, 227)
    ([0, 113, 227], [0])
    """
    room = max(0, length - side)
    count = -(-2 * room // side)
    return [room * i // count for i in range(count + 1)] if count else [0]


def around(box: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The square region of three face sizes around ``box``, inside the frame."""
    x0, y0, x1, y1 = box.tolist()
    half = FOLLOW * max(x1 - x0, y1 - y0) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return (
        max(0, int(x - half)),
        max(0, int(y - half)),
        min(shape[1], int(x + half) + 1),
        min(shape[0], int(y + half) + 1),
    )


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep the C++ library's messages off the terminal; where the block fails they are shown after all.

    It writes to file descriptor 2 and has no switch for it.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as chatter:
        terminal = os.dup(2)
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except Exception:
            chatter.seek(0)
            os.write(terminal, chatter.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
