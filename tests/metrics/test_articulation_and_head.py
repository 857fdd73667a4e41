"""Articulation, pose, blinks and brows by hand, on faces whose movement is known."""

import numpy as np
import pytest

from speechlip.describing.head_pose import rigid_face
from speechlip.faces.landmarks import RIGID, mean_face
from speechlip.metrics.articulation.lips_closed import lips_closed
from speechlip.metrics.articulation.lips_rounded import lips_rounded
from speechlip.metrics.articulation.teeth_on_lip import teeth_on_lip
from speechlip.metrics.declared import NotScored
from speechlip.metrics.head.blinks_per_minute import blinks_per_minute
from speechlip.metrics.head.brow_dynamics import brow_dynamics
from speechlip.metrics.head.head_motion import head_motion
from speechlip.metrics.head.pose_error import pose_error
from speechlip.records import Phone

EYES_CM = np.linalg.norm(mean_face()[45] - mean_face()[36])


def still(frames):
    return np.repeat(10 * mean_face()[None] + 200, frames, axis=0)


def mouths(opening, width=None):
    """Faces with these openings, and widths, in eye distances."""
    points = still(len(opening))
    points[:, 66] = points[:, 62]
    points[:, 66, 1] += 10 * EYES_CM * np.asarray(opening)
    if width is not None:
        points[:, 48, 0], points[:, 54, 0] = 200, 200 + 10 * EYES_CM * np.asarray(width)
        points[:, 48, 1] = points[:, 54, 1]
    return points


def said(*phones):
    """Phones of 80 ms, one every 0.4 s from 0.2 s on."""
    return [Phone(0.2 + 0.4 * place, 0.28 + 0.4 * place, phone) for place, phone in enumerate(phones)]


def at(frames, *places):
    return np.isin(np.arange(frames), places)


def test_lips_that_close_in_three_of_four():
    """Frames 5 and 6 hold the first phone, 15 and 16 the second …; the second closes a frame too late, the
    third a frame too early, which counts, the fourth two frames too late."""
    opening = np.where(at(50, 5, 17, 24, 38), 0.02, 0.1)
    assert lips_closed(mouths(opening), said("P", "B1", "m", "M")) == 0.75
    assert lips_closed(mouths(opening), said("P", "B", "M", "AA", "SIL")) == 1.0


def test_a_slit_is_enough_for_teeth():
    opening = np.where(at(50, 5, 15), 0.045, 0.1)
    assert teeth_on_lip(mouths(opening), said("F", "V", "F")) == pytest.approx(2 / 3)
    assert lips_closed(mouths(opening), said("P", "P", "P")) == 0


def test_rounded_is_narrower_than_usual():
    width = np.where(at(50, 5, 15), 0.45, np.where(at(50, 25), 0.49, 0.5))
    assert lips_rounded(mouths(np.full(50, 0.1), width), said("W", "UW1", "W")) == pytest.approx(2 / 3)


def test_segments_without_a_face_count_nowhere():
    points = mouths(np.where(at(50, 5, 15, 25), 0.02, 0.1))
    points[33:39] = np.nan
    assert lips_closed(points, said("P", "B", "M", "P")) == 1.0
    with pytest.raises(NotScored, match="too few phones: 2 segments of P B M with a face, 3 are wanted"):
        lips_closed(points, said("P", "B", "T", "P"))
    with pytest.raises(NotScored, match="no face"):
        lips_rounded(np.full((50, 68, 2), np.nan), said("W", "W", "W"))


def turned(angles_deg):
    """(T, 68, 2) px of a face turned by yaw, seen from far away; points that are not rigid stay."""
    points = still(len(angles_deg))
    for frame, yaw in enumerate(np.radians(angles_deg)):
        x, y, z = rigid_face().T
        points[frame, list(RIGID)] = np.column_stack([x * np.cos(yaw) - z * np.sin(yaw), y]) * 10 + 200
    return points


def test_pose_by_turns_that_are_known():
    """A head turned by 9° has an error of 3° on average of three angles; missing faces are left out."""
    real, render = turned(np.zeros(30)), turned(np.full(30, 9.0))
    render[3] = np.nan
    assert pose_error(render, real) == pytest.approx(3.0, abs=1e-3)
    assert pose_error(real, real) == 0
    assert head_motion(turned(np.tile([-6.0, 6.0], 20))) == pytest.approx(2.0, abs=1e-3)
    with pytest.raises(NotScored, match="too short: 24 frames with both faces, 25 are wanted"):
        pose_error(render[:25], real[:25])
    with pytest.raises(NotScored, match="too short: 10 frames with a face"):
        head_motion(real[:10])


def test_blinks_a_minute():
    """Two blinks of 4 frames in 300 frames, 12 s: 10 a minute; a stretch of 20 frames counts nowhere."""
    points = still(350)
    for lid, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        for start in (50, 200, 335):
            points[start : start + 4, lid] = points[start : start + 4, lower]
    points[300:330] = np.nan
    assert blinks_per_minute(points) == pytest.approx(10.0)
    assert blinks_per_minute(still(25)) == 0
    with pytest.raises(NotScored, match="too short"):
        blinks_per_minute(np.full((100, 68, 2), np.nan))


def test_brows_by_hand():
    """Both brows go up and down by 1 px a frame; eyes are as far apart as the reference face's."""
    points = still(60)
    between = np.linalg.norm(points[0, 36:42].mean(axis=0) - points[0, 42:48].mean(axis=0))
    points[::2, 17:27] += (points[0, 17:22].mean(axis=0) - points[0, 36:42].mean(axis=0)) * [0, 1] / 20
    left = np.stack([points[:2, 17:22].mean(axis=1), points[:2, 36:42].mean(axis=1)])
    wanted = abs(np.diff(np.linalg.norm(left[0] - left[1], axis=1))[0]) / between
    assert wanted > 0.005 and brow_dynamics(points) == pytest.approx(wanted)
    assert brow_dynamics(still(30)) == pytest.approx(0)


def test_a_face_that_comes_nearer_does_not_raise_its_brows():
    points = still(60)
    points *= np.linspace(1, 3, 60)[:, None, None]
    assert brow_dynamics(points) == pytest.approx(0, abs=1e-9)


def test_heads_on_either_side_of_upside_down_are_near_each_other():
    """Rolls of 179° and −179° differ by 2°, yaw and pitch not at all."""
    render, real = (rolled(degrees, 30) for degrees in (179, -179))
    assert pose_error(render, real) == pytest.approx(2 / 3, abs=1e-3)
    assert head_motion(np.concatenate([render, real])) == pytest.approx(1 / 3, abs=1e-3)


def rolled(degrees, frames):
    turn = np.radians(degrees)
    return still(frames) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
