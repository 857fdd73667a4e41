"""Another clip's head that turns in depth: what of its motion is read, and what is said of the rest."""

import numpy as np
import pytest
import small_person
from scipy.spatial.transform import Rotation

from speechlip.describing.head_pose import rigid_face
from speechlip.faces.landmarks import MOUTH, RIGID, mean_face
from speechlip.progress import SILENT
from speechlip.rendering.canonical import canonical_face
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.pose import TURN_LIMIT, Motion, head_motion, motion_of, turns_left_out
from zoo import write_clip

CORNERS = [48, 54]
LIPS_CM, CORNERS_CM = -5.0, -3.9
"""Depth of lips and corners of the mouth, as of MediaPipe's canonical face model."""
SIZE_PX = 10
"""Of a centimetre."""
MOUTH_PX = SIZE_PX * np.linalg.norm(np.diff(mean_face()[CORNERS], axis=0))


def head():
    """(68, 3) cm: MediaPipe's face; the jaw's depth is not needed."""
    points = np.column_stack([mean_face(), np.zeros(68)])
    points[list(RIGID)] = rigid_face()
    points[MOUTH, 2] = LIPS_CM
    points[CORNERS, 2] = CORNERS_CM
    return points


def seen(yaw, pitch, roll, size, place):
    """(N, 68, 2) px of a head that is turned, is so large and stands so; each (N,), the place complex."""
    turns = Rotation.from_euler("YXZ", np.stack([-yaw, -pitch, roll], axis=1), degrees=True)
    points = np.stack([turn.apply(head())[:, :2] for turn in turns])
    return SIZE_PX * size[:, None, None] * points + np.stack([place.real, place.imag], axis=1)[:, None]


@pytest.mark.parametrize(
    ("yaw", "pitch", "size", "lean", "place"),
    [
        (10, 0, 0.01, 1.2, 0.04),
        (20, 0, 0.04, 2.5, 0.08),
        (0, 20, 0.07, 0.1, 0.11),
        (0, -20, 0.02, 0.1, 0.11),
        (-20, 10, 0.06, 4.0, 0.08),
        (30, 0, 0.08, 4.0, 0.14),
        (55, 0, 0.24, 7.5, 0.36),
    ],
)
def test_what_a_turn_does_to_place_size_and_roll(yaw, pitch, size, lean, place):
    """The errors that docs/rendering.md states."""
    one = np.ones(2)
    points = seen(*np.array([[0, yaw], [0, pitch], [0, 0]]), one, (300 + 200j) * one)
    canonical = canonical_face(points[:1])
    read = motion_of(canonical.affines(canonical.pose_of(points)))
    middle = points[1, MOUTH].mean(axis=0) @ [1, 1j]
    off = abs(read.turn[1]) / abs(read.turn[0]) - 1, np.degrees(np.angle(read.turn[1]))
    assert size / 2 < abs(off[0]) < size and abs(off[1]) < lean
    assert abs(read.place[1] - middle) / MOUTH_PX < place


def test_a_driving_clip_that_turns_within_reach_gives_its_motion(tmp_path):
    """Place, size and roll of a head that also turns by 15°, within the stated errors."""
    time = np.arange(75) / 25
    place = 320 + 240j + 30 * np.sin(2 * time) + 10j * np.cos(3 * time)
    size, roll, swing = 1 + 0.1 * np.sin(time), 8 * np.sin(1.5 * time), np.sin(4 * np.pi / 3 * time)
    turning, still = (
        clip_motion(tmp_path, seen(share * swing, 0 * time, roll, size, place)) for share in (15, 0)
    )
    assert still.farthest == pytest.approx((0, 0), abs=0.1)
    assert turning.farthest == pytest.approx((15, 0), abs=1) and not turns_left_out("may.mp4", turning)
    assert np.abs(np.abs(still.turn) / np.abs(still.turn).mean() - size / size.mean()).max() < 0.01
    assert np.abs(np.abs(turning.turn) / np.abs(still.turn) - 1).max() < 0.03
    assert np.degrees(np.abs(np.angle(turning.turn / still.turn))).max() < 2.5
    mouth = seen(15 * swing, 0 * time, roll, size, place)[:, MOUTH].mean(axis=1) @ [1, 1j]
    assert np.abs(turning.place - mouth).max() / MOUTH_PX < 0.11


def clip_motion(folder, points):
    path = folder / "other.mp4"
    write_clip(path, np.zeros((len(points), 64, 64, 3), np.uint8), None)
    small_person.write_sidecar(path, points.astype(np.float32))
    return head_motion(path, RenderOptions(detector="sidecar"), "sidecar", SILENT)


def test_turns_out_of_reach_are_said():
    still = np.ones(5, complex)
    (sentence,) = turns_left_out("far.mp4", Motion(still, still, (34.2, 9.0)))
    assert "the head of far.mp4 turns by up to 34° and nods by up to 9°: turns in depth are not" in sentence
    assert f"beyond {TURN_LIMIT}° they show as a smaller head that leans (by 7 % and 4°" in sentence
    assert turns_left_out("nods.mp4", Motion(still, still, (3.0, 25.0)))
    assert not turns_left_out("near.mp4", Motion(still, still, (TURN_LIMIT, 0)))
