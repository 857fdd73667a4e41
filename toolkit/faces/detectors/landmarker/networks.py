"""The two networks of ``face_landmarker.task``, run by LiteRT on one thread."""

import math
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import ModelError
from speechlip.faces.detectors.landmarker import boxes
from speechlip.faces.detectors.landmarker.boxes import Detection
from speechlip.faces.detectors.landmarker.regions import Region
from speechlip.faces.detectors.landmarker.rows import prelu_in_rows
from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.detectors.quiet import quiet_stderr
from speechlip.libraries import load

CROP_SIDE = 256
"""px; input of the landmark network."""
LARGEST_LOGIT = 100.0
N_POINTS = 478
"""Of the mesh, each with its depth."""
LANDMARK_SHAPES = (1, CROP_SIDE, CROP_SIDE, 3), ((1, 1, 1, 3 * N_POINTS), (1, 1, 1, 1))
"""What it takes and gives."""
DETECTOR, LANDMARKS = "face_detector.tflite", "face_landmarks_detector.tflite"


class Network:
    """A TFLite model: one array in, several out.

    Raises ModelError where it cannot be read, or its arrays are not of the shapes that are wanted.
    """

    def __init__(
        self, name: str, content: bytes, takes: tuple[int, ...], gives: tuple[tuple[int, ...], ...]
    ) -> None:
        try:
            with quiet_stderr():  # it announces its delegate
                self._interpreter = load("ai_edge_litert.interpreter").Interpreter(
                    model_content=content, num_threads=1
                )
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"LiteRT cannot read {name}: {error}") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        shapes = {tuple(each["shape"].tolist()): each["index"] for each in outputs}
        if [tuple(each["shape"].tolist()) for each in inputs] != [takes] or not set(gives) <= set(shapes):
            raise ModelError(
                f"{name} is another network than the one that was wanted: it takes "
                f"{[each['shape'].tolist() for each in inputs]} and gives {sorted(map(list, shapes))}, "
                f"wanted: takes {[list(takes)]}, gives {sorted(map(list, gives))}"
            )
        self._input = self._interpreter.tensor(inputs[0]["index"])
        self._outputs = [shapes[shape] for shape in gives]

    @property
    def input(self) -> np.ndarray:
        """The network's own input array, to be written into; no name may keep it while ``run`` runs."""
        return self._input()[0]

    def run(self) -> list[np.ndarray]:
        """Its outputs, in the order of ``gives``."""
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


class FaceDetector:
    """Faces of a whole image, scaled into a square of 128 px.

    Those under about a tenth of its longer side are missed.
    """

    def __init__(self, cv2: Any, content: bytes) -> None:
        side, n = boxes.INPUT_SIDE, len(boxes.ANCHORS)
        self._cv2 = cv2
        self._network = Network(DETECTOR, content, (1, side, side, 3), ((1, n, 16), (1, n, 1)))
        self._square = np.empty((side, side, 3), np.uint8)

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Faces of an (H, W, 3) uint8 RGB image, which stands in the middle of the square, on black."""
        height, width = image.shape[:2]
        long_side = max(height, width)
        middle = Region(width / 2, height / 2, long_side, 0.0).matrix(boxes.INPUT_SIDE)
        warp(self._cv2, image, middle, self._square, self._cv2.BORDER_CONSTANT)
        given = self._network.input
        np.multiply(self._square, np.float32(1 / 127.5), out=given)
        given -= 1
        del given
        regressors, logits = self._network.run()
        return boxes.decode(regressors[0], logits[0, :, 0])


class LandmarkNetwork:
    """The mesh of one face in a region of an image."""

    def __init__(self, cv2: Any, content: bytes) -> None:
        self._cv2 = cv2
        self._network = Network(LANDMARKS, landmark_model(content), *LANDMARK_SHAPES)

    def crop(self, image: np.ndarray, region: Region) -> np.ndarray:
        """(256, 256, 3) uint8: what the network sees of an (H, W, 3) uint8 image; its border is repeated."""
        crop = np.empty((CROP_SIDE, CROP_SIDE, 3), np.uint8)
        warp(self._cv2, image, region.matrix(CROP_SIDE), crop, self._cv2.BORDER_REPLICATE)
        return crop

    def mesh(self, crop: np.ndarray, region: Region) -> Mesh:
        """The face in ``region`` of the image that ``crop`` was taken from, in px of that image."""
        np.multiply(crop, np.float32(1 / 255), out=self._network.input)
        points, logit = self._network.run()
        matrix = region.matrix(CROP_SIDE)
        points = points.reshape(N_POINTS, 3)
        placed = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        presence = 1 / (1 + math.exp(-max(logit.item(), -LARGEST_LOGIT)))
        return Mesh(placed, presence, points[:, 2] * (region.side / CROP_SIDE))


@lru_cache(maxsize=1)
def landmark_model(content: bytes) -> bytes:
    """The landmark network as it runs fastest (``rows``). Raises ModelError where it is another one."""
    Network(LANDMARKS, content, *LANDMARK_SHAPES)
    return prelu_in_rows(content)


def warp(cv2: Any, image: np.ndarray, matrix: np.ndarray, out: np.ndarray, border: int) -> None:
    """Fill ``out`` from ``image``, bilinearly; ``matrix``: px of ``out`` → px of the image."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(image, matrix, out.shape[1::-1], dst=out, flags=flags, borderMode=border)


def open_networks(path: Path) -> tuple[FaceDetector, LandmarkNetwork]:
    """Both networks of a ``face_landmarker.task``, which is a zip; it is read in memory.

    Raises ModelError where it is no such file.
    """
    cv2 = load("cv2")
    try:
        with zipfile.ZipFile(path) as members:
            detector, landmarks = members.read(DETECTOR), members.read(LANDMARKS)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} holds no {DETECTOR} and {LANDMARKS}: {error}") from error
    return FaceDetector(cv2, detector), LandmarkNetwork(cv2, landmarks)
