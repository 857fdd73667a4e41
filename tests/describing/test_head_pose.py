"""Angles of heads whose turn is known: a 3-D face turned by another library, synthetic heads."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from speechlip.describing.head_pose import head_angles, head_movement_per_s, rigid_face
from speechlip.faces.landmarks import MIRROR, RIGID, mean_face
from speechlip.recipes._synthetic.features import Gaze
from speechlip.recipes._synthetic.frame import Pose, render_frame

SHUT = np.zeros(6)


def turned(yaw, pitch, roll, distance_cm=np.inf, change=0.0):
    """(1, 68, 2) px of the reference face turned so; seen from a distance, or by parallel rays."""
    face = rigid_face() - rigid_face().mean(axis=0)
    face += np.random.default_rng(0).normal(0, change, face.shape) if change else 0
    # x right, y down, z away: to the image's right is a turn about −y, up one about −x, clockwise about z
    points = Rotation.from_euler("YXZ", [-yaw, -pitch, roll], degrees=True).apply(face)
    near = 1.0 if np.isinf(distance_cm) else distance_cm / (distance_cm + points[:, 2:])
    landmarks = np.zeros((1, 68, 2), np.float32)
    landmarks[0, list(RIGID)] = 20 * points[:, :2] * near + (320, 240)
    return landmarks


ANGLES = [(0, 0, 0), (30, 0, 0), (0, -20, 0), (0, 0, 45), (-60, 10, -15), (25, -25, 80), (80, 0, 0)]


@pytest.mark.parametrize("angles", ANGLES)
def test_known_turns_are_read_back(angles):
    assert head_angles(turned(*angles))[0] == pytest.approx(angles, abs=0.01)


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (0, -20, 0), (-40, 10, -15)])
def test_a_lens_and_other_faces_change_them_little(angles):
    near_and_other = head_angles(turned(*angles, distance_cm=60, change=0.15))[0]
    assert near_and_other == pytest.approx(angles, abs=6)


def test_signs_are_those_of_the_image():
    nose, lip = RIGID.index(30), RIGID.index(33)
    right, up, lean = (turned(*angles)[0, list(RIGID)] for angles in ((30, 0, 0), (0, 30, 0), (0, 0, 30)))
    straight = turned(0, 0, 0)[0, list(RIGID)]
    assert right[nose, 0] > straight[nose, 0] + 10
    assert up[nose, 1] < straight[nose, 1] - 10
    assert lean[lip, 0] < straight[lip, 0] - 10


def test_mirrored_points_turn_and_lean_the_other_way():
    landmarks = np.tile(mean_face() * 20, (40, 1, 1)) + np.random.default_rng(1).normal(0, 8, (40, 68, 2))
    mirrored = (landmarks * (-1, 1) + (640, 0))[:, MIRROR]
    assert head_angles(mirrored) == pytest.approx(head_angles(landmarks) * (-1, 1, -1), abs=1e-6)


def test_size_and_place_change_nothing():
    landmarks = turned(20, 10, 5)
    assert head_angles(landmarks * 0.3 - 40) == pytest.approx(head_angles(landmarks), abs=1e-3)


def test_drawn_heads(portrait):
    def angles(**pose):
        return head_angles(render_frame(portrait, Pose(**pose), SHUT, Gaze())[1][None])[0]

    straight = angles()
    assert angles(roll=np.radians(10))[2] - straight[2] == pytest.approx(10, abs=0.2)
    yaws = [angles(yaw=yaw)[0] for yaw in (-6, -3, 0, 3, 6)]
    pitches = [angles(pitch=pitch)[1] for pitch in (6, 3, 0, -3, -6)]
    assert min(np.diff(yaws)) > 1 and min(np.diff(pitches)) > 0.5


def test_movement_is_the_way_in_face_widths():
    there = np.arange(5)[:, None, None] * np.array([3.0, 4.0])  # 5 px a frame
    landmarks = mean_face()[None] * 10 + there
    assert head_movement_per_s(landmarks, 100.0, 25) == pytest.approx(5 * 25 / 100)
    assert head_movement_per_s(landmarks[:1], 100.0, 25) == 0.0
