"""Parts of a frame that are searched where the whole shows no face."""

import numpy as np

from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.detectors.second_look import SecondLook

EMPTY = np.full((256, 454, 3), 90, np.uint8)


def test_a_faceless_video_is_searched_rarely():
    looked = []
    look = SecondLook(lambda part: looked.append(part.shape) or [])
    for index in range(100):
        assert look.find(EMPTY, index) == []
    assert looked == [(227, 227, 3)] * 6 * 5  # six tiles each in frames 0, 5, 15, 35, 75


def test_a_lost_face_is_looked_for_around_its_last_place_for_12_frames():
    """A face of 20 × 30 px at (200, 100): 90 px around its centre."""
    points = np.tile([[200.0, 100.0], [220.0, 130.0]], (239, 1))
    looked = []
    look = SecondLook(lambda part: looked.append(part.shape) or [Mesh(points - (165, 70), 0.9)])
    look.remember([Mesh(points, 1.0)], 7)
    (again,) = look.find(EMPTY, 19)
    assert np.allclose(again.points, points) and again.presence == 0.9
    assert looked == [(91, 91, 3)]
    look.find(EMPTY, 20)
    assert looked[1] == (227, 227, 3)
