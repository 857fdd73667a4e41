"""The blendshape network of ``face_landmarker.task``: a mesh → how much each of 52 expressions is there.

It looks at 146 points of the mesh, and neither the size of the face nor where it is matters.
"""

import zipfile
from pathlib import Path

import numpy as np

from speechlip.errors import ModelError
from speechlip.faces.detectors.landmarker.networks import Network

FILE = "face_blendshapes.tflite"
_POINTS = """
0 1 4 5 6 7 8 10 13 14 17 21 33 37 39 40 46 52 53 54 55 58 61 63 65 66 67 70 78 80 81 82 84 87 88 91 93 95
103 105 107 109 127 132 133 136 144 145 146 148 149 150 152 153 154 155 157 158 159 160 161 162 163 168 172
173 176 178 181 185 191 195 197 234 246 249 251 263 267 269 270 276 282 283 284 285 288 291 293 295 296 297
300 308 310 311 312 314 317 318 321 323 324 332 334 336 338 356 361 362 365 373 374 375 377 378 379 380 381
382 384 385 386 387 388 389 390 397 398 400 402 405 409 415 454 466 468 469 470 471 472 473 474 475 476 477
"""
POINTS = np.array(_POINTS.split(), int)
"""Of the mesh, those that the network sees: ``kLandmarksSubsetIdxs`` of MediaPipe's
``face_blendshapes_graph.cc`` (Apache-2.0)."""
_NAMES = """
_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft
eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft
mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight
mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft
mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft
noseSneerRight
"""
NAMES = tuple(_NAMES.split())
"""In the order of the network's output; the first is none of them."""


class BlendshapeNetwork:
    """Coefficients of one face."""

    def __init__(self, content: bytes) -> None:
        self._network = Network(FILE, content, (1, len(POINTS), 2), ((len(NAMES),),))

    def coefficients(self, mesh: np.ndarray) -> np.ndarray:
        """(478, 2) px → (52,) float32 in [0, 1], in the order of ``NAMES``."""
        self._network.input[:] = mesh[POINTS]
        (values,) = self._network.run()
        return values


def open_blendshapes(path: Path) -> BlendshapeNetwork:
    """The network of a ``face_landmarker.task``, which is a zip. Raises ModelError where it holds none."""
    try:
        with zipfile.ZipFile(path) as members:
            content = members.read(FILE)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} holds no {FILE}: {error}") from error
    return BlendshapeNetwork(content)
