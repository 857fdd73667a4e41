"""LMD against the formula by hand, the measured numbers of docs/protocols.md, and missing faces."""

import numpy as np
import pytest

from speechlip.metrics.lmd import landmark_score, lmd_per_frame


def faces(frames: int = 30, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(100, 400, size=(frames, 68, 2))


def test_formula_by_hand():
    render, reference = faces(4), faces(4, seed=1)
    total = 0.0
    for t in range(4):
        mouths = [image[t, 48:68] for image in (render, reference)]
        p, g = (mouth - mouth.sum(axis=0) / 20 for mouth in mouths)
        total += sum(((p[k, 0] - g[k, 0]) ** 2 + (p[k, 1] - g[k, 1]) ** 2) ** 0.5 for k in range(20)) / 20
    eyes = np.median([np.hypot(*(face[45] - face[36])) for face in reference])
    score = landmark_score(render, reference)
    assert score.lmd == pytest.approx(total / 4)
    assert score.lmd_iod == pytest.approx(total / 4 / eyes)
    assert score.lmd_atvgnet == pytest.approx(20 * total / 4)


def test_measured_numbers_of_the_three_conventions():
    """2 px of jitter and a shift of 3 px: 2.42 centred, 48.3 summed (and 3.67 without centring), measured on
    one sample; here on many frames."""
    reference = faces(4000)
    render = reference + np.random.default_rng(5).normal(0, 2, reference.shape) + [3, 0]
    score = landmark_score(render, reference)
    assert score.lmd == pytest.approx(
        2 * np.sqrt(np.pi / 2 * 19 / 20), rel=0.003
    )  # Rayleigh mean; centring takes 1/20 of the variance
    assert (score.lmd, score.lmd_atvgnet) == (pytest.approx(2.42, rel=0.02), pytest.approx(48.3, rel=0.02))
    uncentred = np.linalg.norm((render - reference)[:, 48:68], axis=2).mean()
    assert uncentred == pytest.approx(3.67, rel=0.03) and uncentred > 1.4 * score.lmd


def test_a_shift_of_the_head_costs_nothing_and_size_scales():
    render, reference = faces(), faces(seed=1)
    score = landmark_score(render, reference)
    moved = render + np.random.default_rng(2).uniform(-50, 50, size=(30, 1, 2))
    assert landmark_score(moved, reference).lmd == pytest.approx(score.lmd)
    double = landmark_score(2 * render, 2 * reference)
    assert double.lmd == pytest.approx(2 * score.lmd) and double.lmd_iod == pytest.approx(score.lmd_iod)


def test_missing_frames_are_left_out_and_counted():
    render, reference = faces(), faces(seed=1)
    kept = np.setdiff1d(np.arange(30), [2, 7, 8, 20])
    whole = landmark_score(render[kept], reference[kept])
    render[[2, 7]], reference[[7, 8]], reference[20, 50] = np.nan, np.nan, np.nan
    score = landmark_score(render, reference)
    assert (score.frames_compared, score.frames_missing) == (26, 4)
    assert score.lmd == pytest.approx(whole.lmd)
    assert np.flatnonzero(np.isnan(score.per_frame)).tolist() == [2, 7, 8, 20]


@pytest.mark.parametrize("frames", [0, 5])
def test_no_face_at_all_is_missing_and_not_zero(frames):
    score = landmark_score(np.full((frames, 68, 2), np.nan), faces(frames))
    assert np.isnan([score.lmd, score.lmd_iod, score.lmd_atvgnet]).all()
    assert (score.frames_compared, score.frames_missing) == (0, frames)


def test_mouth_only_landmarks_give_all_but_eye_distances():
    render, reference = faces(), faces(seed=1)
    score = landmark_score(render[:, 48:], reference[:, 48:])
    assert score.lmd == landmark_score(render, reference).lmd and np.isnan(score.lmd_iod)


@pytest.mark.parametrize("shape", [(29, 68, 2), (30, 20, 2), (30, 5, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(30, 68, 2\)"):
        lmd_per_frame(np.zeros(shape), faces())
