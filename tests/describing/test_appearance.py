"""Sharpness and brightness of faces: by scikit-image, by properties, and whose they are."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, laplace
from skimage.color import rgb2yuv
from skimage.transform import rescale

from speechlip.describing.appearance import STRIDE_FRAMES, Appearances, measured
from speechlip.records import Face

BOX = np.array([32, 16, 288, 336], np.float32)


@pytest.fixture(scope="module")
def picture():
    """(352, 320, 3) uint8 RGB with detail of every size."""
    rng = np.random.default_rng(0)
    layers = sum(
        size * gaussian_filter(rng.normal(size=(352, 320, 3)), (size, size, 0)) for size in (1, 3, 9)
    )
    return (128 + 40 * layers / layers.std()).clip(0, 255).astype(np.uint8)


def test_beside_another_implementation(picture):
    luma = 255 * rgb2yuv(picture)[16:336, 32:288, 0]  # 256 px wide: nothing is scaled
    seen = measured(picture, BOX)
    assert seen.brightness == pytest.approx(luma.mean(), abs=0.1)
    assert seen.sharpness == pytest.approx(laplace(np.round(luma), mode="mirror").var(), rel=1e-3)


def test_blur_lowers_it_and_size_does_not(picture):
    sharp = measured(picture, BOX).sharpness
    soft = gaussian_filter(picture, (1.5, 1.5, 0))
    assert measured(soft, BOX).sharpness < 0.1 * sharp
    twice = (255 * rescale(soft, 2, order=3, channel_axis=2)).clip(0, 255).astype(np.uint8)
    assert measured(twice, 2 * BOX).sharpness == pytest.approx(measured(soft, BOX).sharpness, rel=0.15)


def test_light_is_brightness_and_contrast_squares_sharpness(picture):
    seen, half = measured(picture, BOX), measured(picture // 2, BOX)
    assert half.brightness == pytest.approx(seen.brightness / 2, abs=1)
    assert half.sharpness == pytest.approx(seen.sharpness / 4, rel=0.05)
    grey = measured(np.full((99, 99, 3), 77, np.uint8), np.array([10, 10, 60, 60]))
    assert (grey.sharpness, grey.brightness) == (0, 77)


def test_boxes_that_leave_the_image(picture):
    assert measured(picture, np.array([-50, -50, 20.0, 20])).brightness > 0
    assert measured(picture, np.array([-50, -50, -5.0, -5])) is None
    assert measured(picture, np.array([319.9, 10, 400, 90])) is None


def test_every_fifth_frame_and_the_face_of_the_track():
    dark, light = np.array([0, 0, 40, 40], np.float32), np.array([60, 0, 100, 40], np.float32)
    image = np.zeros((50, 120, 3), np.uint8)
    image[:, 60:] = 200
    faces = [Face(light, 1.0), Face(dark, 1.0)]
    seen = Appearances()
    for index in range(12):
        seen.see(index, None if index == 5 else image, faces)
    lights = [each.brightness for each in seen.of(0, np.tile(light + 2, (12, 1)))]
    assert STRIDE_FRAMES == 5 and lights == [200, 200]  # frames 0 and 10
    assert [each.brightness for each in seen.of(3, np.tile(dark, (8, 1)))] == [0]
    assert seen.of(0, np.tile(np.float32([0, 41, 40, 49]), (12, 1))) == []
    assert seen.of(11, np.tile(dark, (4, 1))) == []
