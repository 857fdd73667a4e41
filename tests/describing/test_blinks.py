"""Blinks of drawn eyes that blink a known number of times."""

import numpy as np
import pytest

from speechlip.describing.blinks import count_blinks, eye_opening
from speechlip.faces.landmarks import mean_face
from speechlip.recipes._synthetic.features import Gaze
from speechlip.recipes._synthetic.frame import Pose, render_frame

BLINK = (0.7, 0.2, 0.0, 0.4, 0.8)
"""How far eyes are open in the frames of a blink."""


def eyes(n_frames, blinks_at):
    openings = np.ones(n_frames)
    for first in blinks_at:
        part = BLINK[: n_frames - first]
        openings[first : first + len(part)] = part
    return openings


@pytest.mark.parametrize("blinks_at", [(), (20,), (5, 30, 62), (0, 10, 20, 30, 40, 50, 60, 70)])
def test_blinks_of_a_drawn_head(portrait, blinks_at):
    drawn = {open_: render_frame(portrait, Pose(), np.zeros(6), Gaze(open_))[1] for open_ in {1.0, *BLINK}}
    opening = eye_opening(np.stack([drawn[open_] for open_ in eyes(75, blinks_at)]))
    assert count_blinks(opening) == len(blinks_at)


def test_a_lowered_head_and_narrow_eyes_are_no_blinks():
    slowly = 0.3 - 0.15 * np.sin(np.linspace(0, np.pi, 250))
    assert count_blinks(slowly) == 0
    assert count_blinks(0.3 * slowly * eyes(250, (40, 120))) == 2


def test_a_long_look_down_is_none_and_a_cut_blink_is_one():
    assert count_blinks(np.concatenate([np.full(60, 0.3), np.full(13, 0.05), np.full(60, 0.3)])) == 0
    assert count_blinks(np.concatenate([np.full(60, 0.3), [0.1, 0.05]])) == 1
    assert count_blinks(np.array([0.3])) == 0


def test_the_ratio_is_height_by_width():
    face = mean_face()[None]
    x, y = face[0, 36:42].T
    by_hand = (np.hypot(x[1] - x[5], y[1] - y[5]) + np.hypot(x[2] - x[4], y[2] - y[4])) / 2
    assert eye_opening(face)[0] == pytest.approx(by_hand / np.hypot(x[0] - x[3], y[0] - y[3]), abs=1e-9)
    assert eye_opening(10 * face + 5) == pytest.approx(eye_opening(face))
    assert np.isfinite(eye_opening(np.zeros((1, 68, 2)))).all()
