"""A head that moves in a known way: its canonical crop stands still, and comes back to where it was."""

import numpy as np
import pytest

from speechlip.faces.cutting import cut
from speechlip.faces.landmarks import mean_face
from speechlip.faces.pose import as_complex, as_points
from speechlip.libraries import load
from speechlip.rendering.canonical import canonical_face, smooth_affines
from speechlip.rendering.paste import feathered_mask, paste

FRAMES = 60


@pytest.fixture(scope="module")
def moves():
    """A slow swing of place, size and roll: anchors and turns of the mean face, (60,) complex each."""
    time = np.arange(FRAMES) / FRAMES
    anchor = 150 + 25 * np.sin(2 * np.pi * time) + 1j * (110 + 12 * np.cos(2 * np.pi * time))
    return anchor, 9 * np.exp(0.1 * np.sin(2 * np.pi * time) + 0.2j * np.cos(2 * np.pi * time))


@pytest.fixture(scope="module")
def landmarks(moves):
    """A face that is not the mean one, its mouth opening and closing, moved: (60, 68, 2) px."""
    anchor, turn = moves
    face = as_complex(mean_face()) * 1.1 + 0.3j
    faces = np.tile(face, (FRAMES, 1))
    faces[:, 55:60] += 0.8j * (1 + np.sin(np.arange(FRAMES)))[:, None]
    return as_points(anchor[:, None] + turn[:, None] * faces)


def affines_of(landmarks, train=40):
    return smooth_affines(landmarks, canonical_face(landmarks[:train]), np.zeros(len(landmarks), int))


def test_known_pose_changes_are_recovered(moves, landmarks):
    affines = affines_of(landmarks)
    turn = affines[:, 0, 0] + 1j * affines[:, 1, 0]
    wanted = 1 / moves[1]
    relative = turn / turn[0] / (wanted / wanted[0])
    assert np.abs(np.log(relative)).max() < 0.01  # size within 1 %, roll within 0.6°
    nose = as_complex(landmarks[:, 30].astype(float))
    place = turn * nose + affines[:, 0, 2] + 1j * affines[:, 1, 2]
    assert np.abs(place - place.mean()).max() < 0.7  # px of the crop: what smoothing takes of 25 px in 2.4 s


def test_an_open_mouth_does_not_move_the_crop(landmarks):
    shut = landmarks.copy()
    shut[:, 55:60] -= (landmarks[:, 55:60] - landmarks[:, 48:49]) * 0.3
    canonical = canonical_face(landmarks)
    tracks = np.zeros(FRAMES, int)
    assert np.array_equal(
        smooth_affines(landmarks, canonical, tracks), smooth_affines(shut, canonical, tracks)
    )


def test_each_track_is_smoothed_on_its_own(landmarks):
    tracks = np.repeat([0, -1, 1], 20)
    jumped = landmarks.copy()
    jumped[40:] += 80
    canonical = canonical_face(landmarks[:20])
    both = smooth_affines(jumped, canonical, tracks)
    alone = smooth_affines(jumped[40:], canonical, np.zeros(20, int))
    assert np.isnan(both[20:40]).all()
    assert np.allclose(both[40:], alone)


def test_there_and_back_is_within_a_stated_error(landmarks):
    """Smooth texture, as skin: a crop that is cut and pasted where it was errs by a level or two."""
    blurred = load("cv2").GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8), (0, 0), 3
    )
    for affine in affines_of(landmarks)[::15]:
        back = paste(blurred, cut(blurred, affine), affine)
        off = np.abs(back.astype(int) - blurred)
        assert off.mean() < 0.1 and off.max() <= 3


def test_what_is_outside_the_crop_keeps_its_bytes(landmarks):
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    affine = affines_of(landmarks)[0]
    changed = (paste(image, np.zeros((96, 96, 3), np.uint8), affine) != image).any(axis=2)
    ys, xs = np.nonzero(changed)
    there = np.stack([xs + 0.5, ys + 0.5], 1) @ affine[:, :2].T + affine[:, 2]
    assert len(ys) and there.min() > -1 and there.max() < 97


def test_the_crop_may_leave_the_frame(landmarks):
    image = np.zeros((240, 320, 3), np.uint8)
    affine = affines_of(landmarks)[0].copy()
    affine[:, 2] += 90
    assert paste(image, np.full((96, 96, 3), 200, np.uint8), affine).shape == image.shape


def test_the_mask_is_whole_in_the_middle_and_nothing_at_the_edge():
    mask = feathered_mask(96, 8)
    assert mask[8:-8, 8:-8].min() == 1 and mask[0].max() < 0.02 and np.array_equal(mask, mask[::-1].T)
