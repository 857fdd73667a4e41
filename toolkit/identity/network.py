"""A face as 128 numbers by dlib's ResNet: near each other for one person, far apart for two.

Source: dlib_face_recognition_resnet_model_v1 (Davis King; CC0), the file of the package
face_recognition_models. That package cannot be imported where setuptools is new or missing, so its file is
read where it lies. Its 68-point file, whose licence forbids commercial use, is never read: the face is turned
upright by the points that a detector of ours found.
"""

import importlib.util
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import ModelError, install
from speechlip.files.stamps import sha256_of
from speechlip.libraries import Library, load

EXTRA = "identity"
DLIB = Library("dlib", package="dlib-bin", extra=EXTRA)
WEIGHTS = Library("face_recognition_models", package="face_recognition_models", extra=EXTRA)
FILE = "models/dlib_face_recognition_resnet_model_v1.dat"
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
CHIP_PX = 150
"""Side of the upright face that the network looks at."""
CHIP_PADDING = 0.25
"""What it was trained with: so much around the face, in widths of it."""
AROUND = 1.0
"""So many widths of the 68 points around them are cut out of the frame before the face is turned."""


def packages_here() -> dict[str, str]:
    """Package → version, of those that faces are compared with; dlib may come as either of two."""
    found = {}
    for name in (DLIB.package, DLIB.module, WEIGHTS.package):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def refuse_missing() -> None:
    """Raises ModelError where the extra is not installed; nothing is imported."""
    DLIB.refuse_missing()
    WEIGHTS.refuse_missing()


@cache
def weights_file() -> Path:
    """The file of the package, its hash checked. Raises ModelError where it is missing or another."""
    refuse_missing()
    spec = importlib.util.find_spec(WEIGHTS.module)
    folders = (spec and spec.submodule_search_locations) or []
    path = next((file for folder in folders if (file := Path(folder) / FILE).is_file()), None)
    if path is None:
        raise ModelError(f"{FILE} is not in the package {WEIGHTS.module}: {install(EXTRA)}")
    if (found := sha256_of(path)) != SHA256:
        raise ModelError(f"{path} is another file than is wanted: SHA-256 {found}, wanted {SHA256}")
    return path


@cache
def network() -> Any:
    """dlib's network, opened once a process. Raises ModelError."""
    return load("dlib").face_recognition_model_v1(str(weights_file()))


def embedding(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face in an image as (128,) float32; faces of one person lie within about 0.6 of each other.

    image: (H, W, 3) uint8 RGB.
    landmarks: (68, 2) px.

    Raises ModelError where the extra is not installed.
    """
    return np.array(network().compute_face_descriptor(upright(image, landmarks)), np.float32)


def upright(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face turned upright, (150, 150, 3) uint8, by nose, eyes and upper lip; black beyond the image."""
    dlib = load("dlib")
    height, width = image.shape[:2]
    reach = AROUND * np.ptp(landmarks, axis=0).max()
    x0, y0 = np.clip(landmarks.min(axis=0) - reach, 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(landmarks.max(axis=0) + reach, (x0 + 1, y0 + 1), (width, height)).astype(int)
    part = np.array(image[y0:y1, x0:x1])
    points = [dlib.point(x, y) for x, y in np.round(landmarks - (x0, y0)).astype(int).tolist()]
    box = dlib.rectangle(0, 0, part.shape[1], part.shape[0])
    face = dlib.full_object_detection(box, dlib.points(points))
    chip: np.ndarray = dlib.get_face_chip(part, face, size=CHIP_PX, padding=CHIP_PADDING)
    return chip
