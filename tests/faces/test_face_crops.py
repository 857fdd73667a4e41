"""The crop preset face-256: where LatentSync's own three points bring a face, stillness, the place of the
mouth.
"""

import numpy as np
import pytest
from test_crops import boxes_only, moving_head, opened, track_of

from speechlip.faces.crops import MOUTH_PRESETS, PRESETS, crop_size, plan_crop, transform
from speechlip.faces.cutting import cut
from speechlip.faces.detectors.declared import EYEBROWS_TO_CHIN
from speechlip.faces.landmarks import MOUTH, mean_face
from speechlip.format import CROP_SIZE, CROP_SIZES

TEMPLATE = 2.8 * np.array([[17, 20], [58, 20], [37.5, 40]])
"""LatentSync, latentsync/utils/affine_transform.py: where the middles of the brows and of the nose come to
lie in 210×280 px, which are then stretched to a square."""


def three_points(landmarks):
    """(68, 2) → (3, 2): middles of left brow, right brow and nose."""
    return np.stack([landmarks[17:22].mean(0), landmarks[22:27].mean(0), landmarks[[29, 30, 31, 35]].mean(0)])


def latentsync(landmarks):
    """(2, 3), image → 210×280 px, as transformation_from_points solves it."""
    points = three_points(landmarks)
    middle, goal = points.mean(0), TEMPLATE.mean(0)
    one, two = points - middle, TEMPLATE - goal
    u, _, vt = np.linalg.svd((one / one.std()).T @ (two / two.std()))
    turn = two.std() / one.std() * (u @ vt).T
    return np.column_stack([turn, goal - turn @ middle])


def test_the_middle_192_columns_are_latentsyncs_face():
    """Unstretched: its 280 rows are the 256, its 210 columns are 192 of them."""
    head = moving_head()
    plan = plan_crop(track_of(head), "face-256")
    for landmarks, affine in zip(head[5:-5], plan.affines[5:-5], strict=True):
        theirs = latentsync(landmarks)
        theirs = theirs * 256 / 280 + [[0, 0, 32], [0, 0, 0]]
        corners = np.array([[0, 0, 1], [640, 0, 1], [0, 480, 1], [640, 480, 1]]) @ theirs.T
        ours = np.array([[0, 0, 1], [640, 0, 1], [0, 480, 1], [640, 480, 1]]) @ affine.T
        assert np.abs(ours - corners).max() < 3  # in a frame of 640 px, of which the crop shows 250
        face = landmarks @ affine[:, :2].T + affine[:, 2]
        assert np.abs(face - (landmarks @ theirs[:, :2].T + theirs[:, 2])).max() < 1


def test_a_jaw_moves_in_the_crop_and_not_the_crop():
    still = np.repeat(mean_face()[None] * 12 + 300, 100, axis=0)
    talking = opened(still, 30 * (1 - np.cos(2 * np.pi * 4 * np.arange(100) / 25)) / 2)
    assert np.array_equal(
        plan_crop(track_of(talking), "face-256").affines, plan_crop(track_of(still), "face-256").affines
    )


def test_jitter_of_points_is_not_jitter_of_the_crop():
    """Landmarks that tremble by half a pixel, 23 of them rigid: their mean by a tenth."""
    rng = np.random.default_rng(0)
    still = np.repeat(mean_face()[None] * 12 + 300, 100, axis=0)
    plan = plan_crop(track_of(still + rng.normal(0, 0.5, still.shape)), "face-256")
    steady = transform(plan.affines, still.astype(np.float32))
    assert np.diff(steady, axis=0).std() < 0.3


def test_the_mouth_is_where_the_preset_says():
    """In the middle of its part, which is 1.9 of its widths, as a lips crop is."""
    plan = plan_crop(track_of(moving_head()), "face-256")
    part = plan.mouth
    middle = (part.x + part.side / 2, part.y + part.side / 2)
    assert np.abs(plan.landmarks.mean(axis=1) - middle).max() < 1
    widths = np.ptp(plan.landmarks[..., 0], axis=1)
    assert np.allclose(part.side / widths, 1.9, rtol=0.03)
    assert plan.size == 256 and part.x + part.side < 256 and part.y + part.side < 256


def test_from_a_box_alone_the_mouth_is_in_the_same_place():
    boxes = np.repeat([[100.0, 80, 260, 240]], 30, axis=0)
    plan = plan_crop(boxes_only(boxes), "face-256")
    place = np.array([100 + 160 * EYEBROWS_TO_CHIN.x, 80 + 160 * EYEBROWS_TO_CHIN.y, 1])
    expected = plan.mouth.x + plan.mouth.side / 2, plan.mouth.y + plan.mouth.side / 2
    assert np.allclose(plan.affines @ place, expected, atol=0.01)
    mouth_width = 160 * EYEBROWS_TO_CHIN.width * plan.affines[0, 0, 0]
    assert mouth_width == pytest.approx(plan.mouth.side / 1.9, rel=1e-4)


def test_beyond_the_frame_its_border_is_repeated():
    """A face in the lower right corner: what lies outside has the colours of the last row and column."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    landmarks = np.repeat(mean_face()[None] * 12 + (280, 200), 3, axis=0)
    plan = plan_crop(track_of(landmarks), "face-256")
    crop = cut(image, plan.affines[1], plan.size)
    assert crop.shape == (256, 256, 3)
    right, below = np.ceil(plan.affines[1] @ [320, 240, 1]).astype(int) + 1
    assert 0 < right < 250 and 0 < below < 250
    assert (crop[: below - 3, right:] == crop[: below - 3, right : right + 1]).all()
    assert (crop[below:, : right - 3] == crop[below : below + 1, : right - 3]).all()


def test_sizes_are_declared():
    assert {preset.size for preset in PRESETS.values()} == {*CROP_SIZES}
    assert MOUTH_PRESETS == ("lips", "lower-face", "auto-avsr")
    assert [crop_size(name) for name in ("face-256", "lips", "mine-2")] == [256, CROP_SIZE, CROP_SIZE]
    landmarks = mean_face()[None] * 12 + 300
    for name, preset in PRESETS.items():
        plan = plan_crop(track_of(landmarks), name)
        assert (plan.size, plan.mouth) == (preset.size, preset.mouth)
        x, y, side = plan.mouth
        assert (landmarks[:, MOUTH] @ plan.affines[0, :, :2].T + plan.affines[0, :, 2] >= (x, y)).all()
        assert plan.landmarks.max(axis=(0, 1))[0] <= x + side
