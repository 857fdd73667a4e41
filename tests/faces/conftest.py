"""Drawn faces with exact landmarks, and tracks made of numbers."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from speechlip.records import Source


@lru_cache
def drawn_portrait(person: int, size: int):
    from speechlip.recipes._synthetic.identity import identity
    from speechlip.recipes._synthetic.portrait import portrait

    return portrait(identity(0, person), [0, person], size)


def draw_face(person: int = 0, opening: float = 0.3, size: int = 256, **pose):
    """One drawn face: (size, size, 3) uint8 and its exact landmarks (68, 2)."""
    from speechlip.recipes._synthetic.features import Gaze
    from speechlip.recipes._synthetic.frame import Pose, draw_frame

    return draw_frame(
        drawn_portrait(person, size), Pose(**pose), np.array([opening, 0, 0, 0, 0, 0.0]), Gaze()
    )


@pytest.fixture
def face():
    return draw_face


@pytest.fixture
def source():
    return Source(Path("video.mp4"), "video.mp4", "somebody")
