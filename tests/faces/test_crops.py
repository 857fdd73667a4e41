"""Crops: where the mouth comes to lie, how the cut samples, and auto_avsr's recipe done again with other
tools.
"""

import numpy as np
import pytest
from skimage.transform import SimilarityTransform, warp

from speechlip.errors import OptionError
from speechlip.faces.crops import AVSR_FACE_SCALE, AVSR_STABLE, plan_crop, similarities, transform
from speechlip.faces.cutting import cut, cut_region, region, shrinkage
from speechlip.faces.detectors.declared import EYEBROWS_TO_CHIN
from speechlip.faces.landmarks import MOUTH, mean_face
from speechlip.format import CROP_SIZE
from speechlip.records import FaceTrack

MIDDLE = CROP_SIZE / 2


def track_of(landmarks: np.ndarray) -> FaceTrack:
    landmarks = landmarks.astype(np.float32)
    n = len(landmarks)
    boxes = np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1)
    return FaceTrack(0, boxes, np.ones(n, np.float32), np.zeros(n, bool), landmarks)


def boxes_only(boxes: np.ndarray) -> FaceTrack:
    return FaceTrack(0, boxes.astype(np.float32), np.ones(len(boxes), np.float32), np.zeros(len(boxes), bool))


def moving_head(n: int = 100) -> np.ndarray:
    """(n, 68, 2): a head that sways, tilts and comes nearer, mouth closed."""
    t = np.arange(n) / 25
    turns = SimilarityTransform
    return np.stack(
        [
            turns(
                scale=12 * (1 + 0.1 * np.sin(s)),
                rotation=0.3 * np.sin(2 * s),
                translation=(320 + 30 * np.sin(3 * s), 240),
            )(mean_face())
            for s in t
        ]
    )


def opened(landmarks: np.ndarray, drop: np.ndarray) -> np.ndarray:
    """Lower lip and jaw go down by ``drop`` (n,) px."""
    landmarks = landmarks.copy()
    for point in (4, 5, 6, 7, 8, 9, 10, 11, 12, 55, 56, 57, 58, 59, 65, 66, 67):
        landmarks[:, point, 1] += drop
    return landmarks


def test_lips_are_in_the_middle_upright_and_1_9_mouth_widths_wide():
    plan = plan_crop(track_of(moving_head()))
    assert plan.affines.shape == (100, 2, 3) and plan.affines.dtype == plan.landmarks.dtype == np.float32
    assert np.abs(plan.landmarks.mean(axis=1) - MIDDLE).max() < 0.5
    left, right = plan.landmarks[:, 0], plan.landmarks[:, 6]
    assert np.allclose(np.hypot(*(right - left).T), CROP_SIZE / 1.9, rtol=0.02)
    assert np.abs(np.degrees(np.arctan2(*(right - left).T[::-1]))).max() < 1.5


def test_an_opening_mouth_is_not_normalised_away_and_does_not_move_the_crop():
    still = np.repeat(mean_face()[None] * 12 + 300, 200, axis=0)
    talking = opened(
        still, 30 * (1 - np.cos(2 * np.pi * 4 * np.arange(200) / 25)) / 2
    )  # four syllables a second
    plan, closed = plan_crop(track_of(talking)), plan_crop(track_of(still))
    scale = CROP_SIZE / 1.9 / (4.912 * 12)
    assert np.ptp(plan.landmarks[:, 18, 1] - plan.landmarks[:, 14, 1]) == pytest.approx(30 * scale, rel=0.02)
    assert np.allclose(plan.affines[:, :, :2], closed.affines[:, :, :2], atol=1e-5)
    nose = transform(plan.affines, talking[:, 30:31])[:, 0, 1]
    assert np.ptp(nose[20:-20]) < 0.2  # of 14 px that the lower lip travels
    assert np.abs(plan.landmarks.mean(axis=1)[20:-20].mean(axis=0) - MIDDLE).max() < 0.3


def test_a_rounding_mouth_keeps_its_narrowness():
    landmarks = np.repeat(mean_face()[None] * 12 + 300, 60, axis=0)
    centre = landmarks[:, MOUTH].mean(axis=1, keepdims=True)
    narrow = slice(30, 45)
    landmarks[narrow, MOUTH] = centre[narrow] + (landmarks[narrow, MOUTH] - centre[narrow]) * (0.6, 1)
    plan = plan_crop(track_of(landmarks))
    widths = plan.landmarks[:, 6, 0] - plan.landmarks[:, 0, 0]
    assert widths[37] / widths[10] == pytest.approx(0.6, abs=0.01)


def test_lips_from_a_box_alone():
    boxes = np.tile([100, 50, 300, 250], (40, 1)).astype(float)
    plan = plan_crop(boxes_only(boxes))
    mouth = np.array([100 + 200 * EYEBROWS_TO_CHIN.x, 50 + 200 * EYEBROWS_TO_CHIN.y])
    ends = mouth + np.array([[-0.5, 0], [0.5, 0]]) * EYEBROWS_TO_CHIN.width * 200
    found = transform(plan.affines, np.repeat(ends[None], 40, axis=0))
    assert np.allclose(found.mean(axis=1), MIDDLE, atol=1e-3) and plan.landmarks is None
    assert np.allclose(np.ptp(found[..., 0], axis=1), CROP_SIZE / 1.9, atol=1e-3)


def test_lower_face_has_the_boxs_lower_half_in_rows_24_to_71():
    (affine,) = plan_crop(boxes_only(np.array([[100, 40, 220, 240]])), "lower-face").affines
    corners = transform(affine[None], np.array([[[100, 140], [220, 140], [100, 240], [220, 240]]], float))[0]
    assert np.allclose(corners, [[0, 24], [96, 24], [0, 72], [96, 72]], atol=1e-4)


def test_auto_avsr_is_their_recipe():
    rng = np.random.default_rng(3)
    landmarks = moving_head(40) + rng.normal(0, 1, (40, 68, 2))
    plan = plan_crop(track_of(landmarks), "auto-avsr")
    canvas = mean_face() * AVSR_FACE_SCALE + 128
    for frame in (0, 3, 20, 39):
        margin = min(6, frame, 39 - frame)
        smoothed = landmarks[frame - margin : frame + margin + 1].mean(axis=0)
        smoothed += landmarks[frame].mean(axis=0) - smoothed.mean(axis=0)
        stable = list(AVSR_STABLE)
        onto_canvas = SimilarityTransform.from_estimate(smoothed[stable], canvas[stable])
        corner = onto_canvas(smoothed[MOUTH]).mean(axis=0) - MIDDLE
        assert np.allclose(plan.landmarks[frame], onto_canvas(landmarks[frame, MOUTH]) - corner, atol=0.02)


def test_presets_that_cannot_be():
    with pytest.raises(OptionError, match="no crop preset 'mouth'; there are: lips, lower-face, auto-avsr"):
        plan_crop(boxes_only(np.array([[0, 0, 9, 9]])), "mouth")
    with pytest.raises(OptionError, match="boxes only"):
        plan_crop(boxes_only(np.array([[0, 0, 9, 9]])), "auto-avsr")


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("preset", ["lips", "lower-face", "auto-avsr"])
def test_tracks_of_a_few_frames(n, preset):
    plan = plan_crop(track_of(moving_head(n)), preset)
    assert len(plan) == n and np.isfinite(plan.affines).all()


def smooth_image(height: int = 400, width: int = 600) -> np.ndarray:
    y, x = np.mgrid[:height, :width] + 0.5
    waves = [128 + 100 * np.sin(x / 31 + y / 47 + phase) for phase in (0, 2, 4)]
    return np.stack(waves, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("per_pixel", [0.5, 1.0, 1.3, 2.2, 3.7])
def test_cut_shows_what_the_affine_says(per_pixel):
    """Against scikit-image's bilinear warp of an image too smooth to alias.

    Its pixel centres are whole numbers, ours half ones.
    """
    image = smooth_image()
    (affine,) = similarities(np.array([300 + 210j]), np.array([np.exp(0.3j) / per_pixel]))
    to_frame = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    expected = warp(
        image,
        np.linalg.inv(half) @ to_frame @ half,
        output_shape=(CROP_SIZE, CROP_SIZE),
        order=1,
        mode="edge",
        preserve_range=True,
    )
    crop = cut(image, affine.astype(np.float32))
    assert crop.shape == (CROP_SIZE, CROP_SIZE, 3) and crop.dtype == np.uint8
    assert np.abs(crop - expected).mean() < 1.0


@pytest.mark.parametrize("per_pixel", [0.6, 1.0, 1.4, 2.0, 3.3, 5.0, 9.0])
def test_a_spot_lands_where_the_affine_puts_it(per_pixel):
    """The centre of gravity of a soft spot, to a twentieth of a pixel: no half pixel is lost on the way."""
    spot = np.array([403.3, 351.8])
    y, x = np.mgrid[:800, :800] + 0.5
    light = 255 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * (4 * per_pixel) ** 2))
    image = np.repeat(light.astype(np.uint8)[..., None], 3, axis=2)
    affine = similarities(np.array([400 + 350j]), np.array([np.exp(0.3j) / per_pixel]))[0].astype(np.float32)
    weights = cut(image, affine)[..., 0].astype(float)
    rows, columns = np.mgrid[:CROP_SIZE, :CROP_SIZE] + 0.5
    found = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
    assert np.abs(found - transform(affine[None], spot[None, None])[0, 0]).max() < 0.05


@pytest.mark.parametrize("per_pixel", [2.0, 3.3, 5.0, 9.0])
def test_shrinking_does_not_alias(per_pixel):
    """A chequerboard of single pixels becomes even grey, black points every eight pixels stay as many per
    cent of the light.
    """
    board = np.indices((1000, 1000)).sum(axis=0) % 2 * 255
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    (affine,) = similarities(np.array([500 + 500j]), np.array([np.exp(0.2j) / per_pixel]))
    crop = cut(image, affine.astype(np.float32)).astype(float)
    assert crop.std() < 14 and abs(crop.mean() - 127.5) < 2


@pytest.mark.parametrize("per_pixel", [0.7, 1.6, 3.1, 6.2])
@pytest.mark.parametrize("centre", [300 + 200j, 20 + 390j, 5 + 5j, -30 + 100j])
def test_the_region_is_all_that_cut_reads(per_pixel, centre):
    image = np.random.default_rng(0).integers(0, 255, (400, 600, 3), dtype=np.uint8)
    affine = similarities(np.array([centre]), np.array([np.exp(-0.4j) / per_pixel]))[0].astype(np.float32)
    x0, y0, x1, y1 = region(affine, 600, 400)
    assert 0 <= x0 < x1 <= 600 and 0 <= y0 < y1 <= 400 and x0 % 2 == y0 % 2 == 0
    part = image[y0:y1, x0:x1].copy()
    assert np.array_equal(cut(image, affine), cut_region(part, affine, (x0, y0)))


def test_outside_the_frame_the_border_is_repeated():
    image = smooth_image(100, 100)
    (affine,) = similarities(np.array([0 + 50j]), np.array([1 + 0j]))
    crop = cut(image, affine.astype(np.float32))
    assert np.array_equal(crop[:, :48], np.repeat(crop[:, 48:49], 48, axis=1))
    far = cut(image, similarities(np.array([-5000 - 5000j]), np.array([1 + 0j]))[0].astype(np.float32))
    assert (far == image[0, 0]).all()


def test_shrinkage():
    (affine,) = similarities(np.array([0j]), np.array([np.exp(1j) / 3]))
    assert shrinkage(affine) == pytest.approx(3)


@pytest.mark.parametrize(("name", "frames"), [("hdtf_2.mp4", 80), ("latentsync_demo1.mp4", 60)])
def test_lips_of_real_clips_are_in_the_middle_of_every_frame(real_clips, face_model, source, name, frames):
    import av

    from speechlip.faces.detectors.opening import open_detector
    from speechlip.faces.tracking.selection import select
    from speechlip.faces.tracking.tracks import build_tracks

    found = {"landmarker": [], "cascade": []}
    for detector_name, faces in found.items():
        with open_detector(detector_name, source) as detector, av.open(str(real_clips / name)) as container:
            for index, frame in zip(range(frames), container.decode(video=0), strict=False):
                faces.append(detector.detect(frame.to_ndarray(format="rgb24"), index))
    (truth,) = select(build_tracks(found["landmarker"], [])[0], "largest")
    for detector_name, allowed in (("landmarker", 8), ("cascade", 24)):
        (track,) = select(build_tracks(found[detector_name], [])[0], "largest")
        assert len(track) == frames
        mouths = transform(plan_crop(track).affines, truth.landmarks[:, MOUTH]).mean(axis=1)
        assert np.abs(mouths - MIDDLE).max() < allowed
