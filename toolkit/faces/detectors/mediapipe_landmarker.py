"""MediaPipe's Face Landmarker (Tasks API): 478 points of up to four faces, mapped to the 68-point convention.

``num_faces`` is 4 on purpose, also where one face is wanted: with 1 the task smooths its points with a causal
filter, which on real clips delayed the mouth by 0.2 frames and took up to 13 % of its movement
(docs/decisions/mediapipe-num-faces.md).
"""

from typing import Any

import numpy as np

from speechlip import assets
from speechlip.errors import ModelError
from speechlip.faces.detectors.declared import MAX_FACES
from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.detectors.quiet import quiet_stderr
from speechlip.faces.detectors.second_look import SecondLook
from speechlip.libraries import Library, load, missing_library
from speechlip.records import Face, Source
from speechlip.timing import FPS, exact_div

FRAME_MS = exact_div(1000, FPS)
INSTEAD = "choose --detector cascade"


class MediapipeLandmarker:
    """Faces with landmarks.

    ``score`` is 1.0: the task publishes no confidence, only that the face passed its threshold of 0.5.

    First look: the whole frame, in video mode. Second look, where the first finds nothing: parts of it, in
    image mode (``SecondLook``).
    """

    name = "mediapipe"
    has_landmarks = True
    models = ("face_landmarker",)
    library = Library("mediapipe", package="mediapipe", extra="mediapipe")

    def __init__(self, source: Source) -> None:
        self.library.refuse_missing()
        self._vision = load("mediapipe.tasks.python.vision", INSTEAD)
        self._mediapipe = load("mediapipe", INSTEAD)
        self._whole = self._open("VIDEO")
        self._part: Any = None
        self._second_look = SecondLook(self._look)

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        found = self._whole.detect_for_video(self._image(image), index * FRAME_MS)
        meshes = to_meshes(found, image.shape) or self._second_look.find(image, index)
        self._second_look.remember(meshes, index)
        return [mesh.face() for mesh in meshes]

    def _look(self, image: np.ndarray) -> list[Mesh]:
        if self._part is None:
            self._part = self._open("IMAGE")
        return to_meshes(self._part.detect(self._image(image)), image.shape)

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


def to_meshes(found: Any, shape: tuple[int, ...]) -> list[Mesh]:
    """MediaPipe's normalised points → px."""
    return [
        Mesh(np.array([(point.x, point.y) for point in points], np.float32) * (shape[1], shape[0]), 1.0)
        for points in found.face_landmarks
    ]
