"""Synthetic faces with exact landmarks."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from speechlip.records import Source


@lru_cache
def synthetic_portrait(person: int, size: int):
    from speechlip.recipes._synthetic.identity import identity
    from speechlip.recipes._synthetic.portrait import portrait

    return portrait(identity(0, person), [0, person], size)


def render_face(person: int = 0, opening: float = 0.3, size: int = 256, **pose):
    """One synthetic face: (size, size, 3) uint8 and its exact landmarks (68, 2)."""
    from speechlip.recipes._synthetic.features import Gaze
    from speechlip.recipes._synthetic.frame import Pose, render_frame

    return render_frame(
        synthetic_portrait(person, size), Pose(**pose), np.array([opening, 0, 0, 0, 0, 0.0]), Gaze()
    )


def landscape_with(
    image: np.ndarray, side: int, shape: tuple[int, int], corner: tuple[int, int]
) -> np.ndarray:
    """A large image, softly structured, with ``image`` brought to ``side`` px in it."""
    import cv2

    y, x = np.mgrid[: shape[0], : shape[1]]
    canvas = np.stack(
        [120 + 40 * np.sin(x / 60 + c) + 30 * np.cos(y / 45 - c) for c in (0, 1, 2)], axis=-1
    ).astype(np.uint8)
    canvas[corner[1] : corner[1] + side, corner[0] : corner[0] + side] = cv2.resize(
        image, (side, side), interpolation=cv2.INTER_AREA
    )
    return canvas


@pytest.fixture
def face():
    return render_face


@pytest.fixture
def source():
    return Source(Path("video.mp4"), "video.mp4", "somebody")


@pytest.fixture
def put_into_landscape():
    return landscape_with
