"""Poses against scikit-image's similarity, smoothing against SciPy's Gaussian."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from skimage.transform import SimilarityTransform

from speechlip.faces.landmarks import MIRROR, RIGID, mean_face
from speechlip.faces.pose import as_complex, fit_pose, smooth


def test_mean_face_is_symmetric_and_upright():
    face = mean_face()
    assert np.allclose(face[MIRROR] * (-1, 1), face)
    assert (
        face[8, 1] > face[57, 1] > face[51, 1] > face[33, 1] > face[39, 1] > face[19, 1]
    )  # chin, lips, nose, eyes, brows
    assert (np.sort(MIRROR) == np.arange(68)).all() and (MIRROR[MIRROR] == np.arange(68)).all()


def test_pose_is_the_least_squares_similarity():
    noise = np.random.default_rng(0).normal(0, 2, (68, 2))
    moved = SimilarityTransform(scale=7, rotation=0.3, translation=(200, 150))(mean_face()) + noise
    rigid = list(RIGID)
    expected = SimilarityTransform.from_estimate(mean_face()[rigid], moved[rigid])
    pose = fit_pose(moved[None].astype(np.float32))
    assert abs(pose.turn[0]) == pytest.approx(expected.scale, rel=1e-4)
    assert np.angle(pose.turn[0]) == pytest.approx(expected.rotation, abs=1e-4)
    assert as_complex(expected.translation) == pytest.approx(pose.anchor[0], abs=1e-2)


def test_to_face_and_to_image_are_inverse():
    points = mean_face()[None] * 5 + (80, 90)
    pose = fit_pose(points)
    assert np.allclose(pose.to_image(pose.to_face(as_complex(points))), as_complex(points))
    assert np.allclose(pose.to_face(as_complex(points)), as_complex(mean_face()))


def test_smooth_is_a_gaussian_inside():
    noise = np.random.default_rng(1).normal(size=(200, 3))
    ours, theirs = smooth(noise, 2.0), gaussian_filter1d(noise, 2.0, axis=0, truncate=3.0)
    assert np.allclose(ours[10:-10], theirs[10:-10], atol=1e-9)


def test_smooth_has_no_lag_and_keeps_lines_to_the_end():
    t = np.arange(101)
    calm = smooth(np.exp(-(((t - 50) / 4.0) ** 2)), 2.0)
    assert np.argmax(calm) == 50 and np.allclose(calm, calm[::-1])
    assert np.allclose(smooth(3.0 * t - 5, 4.0), 3.0 * t - 5)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_smooth_of_short_series(n):
    line = np.arange(n, dtype=np.float32) * (1 + 2j)
    assert np.allclose(smooth(line, 5.0), line) and smooth(line, 5.0).shape == (n,)


def test_smoothed_pose_follows_through_the_full_circle():
    turns = np.exp(1j * np.linspace(0, 6 * np.pi, 90))
    points = turns[:, None] * as_complex(mean_face()) * 10
    pose = fit_pose(np.stack([points.real, points.imag], -1))
    calm = pose.smoothed(1.0, 1.0)
    assert np.allclose(np.abs(calm.turn), 10, rtol=1e-6) and np.allclose(calm.turn / pose.turn, 1, atol=1e-6)
