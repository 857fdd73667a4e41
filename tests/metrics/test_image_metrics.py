"""PSNR by hand, SSIM against scikit-image, LPIPS against its package, regions by arithmetic."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import structural_similarity

from speechlip.errors import ModelError
from speechlip.metrics import regions
from speechlip.metrics.declared import NotScored
from speechlip.metrics.image.flicker import flicker
from speechlip.metrics.image.lpips import ALEXNET, load_lpips, lpips_distance, lpips_distances, random_lpips
from speechlip.metrics.image.psnr import psnr
from speechlip.metrics.image.sharpness import sharpness
from speechlip.metrics.image.ssim import ssim


@pytest.fixture(scope="module")
def portrait():
    return np.ascontiguousarray(data.astronaut()[:160, 150:310])


def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, image.shape)
    return np.clip(np.round(image + noise), 0, 255).astype(np.uint8)


def test_psnr_by_hand():
    reference = np.zeros((2, 3, 3), np.uint8)
    render = reference.copy()
    render[0, 0] = [10, 20, 30]  # squared error 1400 over 18 values
    assert psnr(render, reference) == pytest.approx(10 * np.log10(65025 / (1400 / 18)))
    assert psnr(255 - reference, reference) == 0
    assert psnr(reference, reference) == 100


def test_psnr_of_unit_scale_is_the_same(portrait):
    render = noisy(portrait, 12)
    error = np.mean((render / 255 - portrait / 255) ** 2)
    assert psnr(render, portrait) == pytest.approx(-10 * np.log10(error))


def test_ssim_is_scikit_images_in_native_size(portrait):
    render = noisy(portrait, 20)
    wanted = np.mean([structural_similarity(render[..., c], portrait[..., c]) for c in range(3)])
    assert ssim(render, portrait) == pytest.approx(wanted)
    assert ssim(portrait, portrait) == pytest.approx(1)


def pairs_of_images():
    """Name → two (H, W, 3) uint8 images, among them those on which float32 sums of squares lose digits."""
    photo, rng = data.astronaut(), np.random.default_rng(0)
    noise = rng.integers(0, 256, (60, 81, 3), dtype=np.uint8)
    bright, checks = np.full((70, 50, 3), 250, np.uint8), np.zeros((40, 46, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 255
    return {
        "photo and its neighbour": (photo[:-1], photo[1:]),
        "photo and its negative": (photo, 255 - photo),
        "strips of a wide image": (np.tile(photo, (1, 5, 1)), np.tile(noisy(photo, 9), (1, 5, 1))),
        "cuts without a copy": (photo[11:130, 20:200], photo[12:131, 21:201]),
        "columns in reverse": (photo[:90, 90::-1], photo[:90, :91]),
        "noise": (noise, np.roll(noise, 1, axis=0)),
        "noise and grey": (noise, np.full_like(noise, 128)),
        "two flat ones": (bright, bright + 3),
        "flat but for the last bit": (bright, bright + noise[:, :50].repeat(2, axis=0)[:70] % 2),
        "black and white pixels": (checks, 255 - checks),
        "black and white, shifted": (checks, np.roll(checks, 1, axis=0) // 2),
        "one window": (noise[:7, :7], noise[1:8, :7]),
        "one row of windows": (noise[:7], noise[1:8]),
        "one column of windows": (noise[:, :7], noise[:, 1:8]),
    }


@pytest.mark.parametrize("name", pairs_of_images())
def test_ssim_is_scikit_images_to_1e_6(name):
    render, reference = pairs_of_images()[name]
    wanted = structural_similarity(render, reference, channel_axis=-1, data_range=255)
    assert ssim(render, reference) == pytest.approx(wanted, abs=1e-6)
    assert ssim(reference, render) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", pairs_of_images())
def test_psnr_is_exact(name):
    render, reference = pairs_of_images()[name]
    error = np.mean((render.astype(np.float64) - reference) ** 2)
    assert psnr(render, reference) == 10 * np.log10(255**2 / error)


def test_lpips_is_the_package(portrait):
    """Of one pair, of several at once, and of a cut without a copy."""
    import lpips

    torch.manual_seed(0)
    model = random_lpips()
    renders = [noisy(portrait, sigma) for sigma in (40, 5, 0)]
    wanted = []
    with torch.no_grad():
        for render in renders:
            wanted.append(float(model(*(lpips.im2tensor(image) for image in (render, portrait)))))
    assert wanted[0] > wanted[1] > wanted[2] == 0
    assert lpips_distances(model, renders, [portrait] * 3) == pytest.approx(wanted, abs=1e-6, rel=1e-4)
    assert [lpips_distance(model, render, portrait) for render in renders] == pytest.approx(
        wanted, abs=1e-6, rel=1e-4
    )
    cuts = [image[20:90, 31:110] for image in (renders[0], portrait)]
    whole = [np.ascontiguousarray(image) for image in cuts]
    assert lpips_distance(model, *cuts) == lpips_distance(model, *whole)


def test_lpips_trunk_is_taken_from_torchvisions_file(tmp_path, monkeypatch, portrait):
    import torchvision

    torch.manual_seed(1)
    alexnet = torchvision.models.alexnet(weights=None)
    file = tmp_path / ALEXNET.file_name
    torch.save(alexnet.state_dict(), file)
    model = load_lpips(file)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        np.testing.assert_allclose(model.net(image).relu5, alexnet.features[:12](image), rtol=1e-5)
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"damaged.*begins with 7be5be79"):
        load_lpips()


def test_lpips_without_weights_says_where_they_go(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(
        ModelError,
        match=r"`speechlip models fetch alexnet` downloads them \(244 MB\), "
        r"or place alexnet-owt-7be5be79\.pth from https://download",
    ):
        load_lpips()


def test_lpips_refuses_another_file(tmp_path):
    for name, content in (("zeros", b"\0" * 999), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="LPIPS wants torchvision's AlexNet"):
            load_lpips(tmp_path / name)
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(ModelError, match="LPIPS wants torchvision's AlexNet"):
        load_lpips(tmp_path / "other")


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_images_that_do_not_match_are_refused(metric, portrait):
    for other in (portrait[:-1], portrait.astype(float), portrait[..., 0]):
        with pytest.raises(ValueError, match="of one size are wanted"):
            metric(other, portrait)


def test_regions_too_small_for_a_metric_say_so(portrait):
    torch.manual_seed(0)
    with pytest.raises(NotScored, match="SSIM wants at least 7 px a side, the region has 20×6"):
        ssim(portrait[:6, :20], portrait[:6, :20])
    model = random_lpips()
    with pytest.raises(NotScored, match="LPIPS wants at least 31"):
        lpips_distance(model, portrait[:30], portrait[:30])
    assert lpips_distance(model, portrait[:31, :31], portrait[:31, :31]) == 0


def face_at(x: float, y: float, wide: float) -> np.ndarray:
    face = np.tile([x, y], (1, 68, 1)).astype(float)
    face[0, 48, 0], face[0, 54, 0] = x - wide / 2, x + wide / 2
    face[0, 51, 1], face[0, 57, 1] = y - 10, y + 30  # the rectangle's middle lies 10 px below
    return face


def test_mouth_box_by_arithmetic():
    (box,) = regions.mouth_boxes(face_at(300, 290, 100), 640, 480)
    x0, y0, x1, y1 = box
    assert (x1 - x0, y1 - y0) == (190, 127)  # 1.9 × 100, and two thirds of it
    assert (x0 + x1) / 2 == 300 and (y0 + y1) / 2 == pytest.approx(300 * 1.02, abs=0.6)


def test_mouth_boxes_have_one_size_and_stay_inside():
    landmarks = np.concatenate(
        [face_at(300, 300, 80), face_at(20, 300, 120), face_at(630, 470, 100), face_at(300, 300, 100)]
    )
    landmarks[3] = np.nan
    boxes = regions.mouth_boxes(landmarks, 640, 480)
    assert boxes[3] is None
    assert {(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes[:3]} == {(190, 127)}
    assert boxes[1][0] == 0 and boxes[2][2:] == (640, 480)
    huge = regions.mouth_boxes(face_at(50, 50, 500), 100, 80)
    assert huge == [(0, 0, 100, 80)]


def test_no_mouth_at_all_gives_no_box():
    assert regions.mouth_boxes(np.full((2, 68, 2), np.nan), 640, 480) == [None, None]


def test_face_box_is_cut_to_the_frame():
    assert regions.face_box(np.array([600, 400, 700, 500]), 640, 480) == (600, 400, 640, 480)
    assert regions.face_box(np.array([700, 400, 800, 500]), 640, 480) is None
    assert regions.face_box(np.full(4, np.nan), 640, 480) is None
    assert regions.cut(np.zeros((480, 640, 3)), None).shape == (480, 640, 3)


def test_sharpness_by_hand_and_of_a_blurred_image(portrait):
    grey = np.full((20, 20, 3), 50, np.uint8)
    grey[10, 10] = 150  # −400 there, 100 at four neighbours
    assert sharpness(grey) == pytest.approx((400**2 + 4 * 100**2) / 400)
    assert sharpness(cv2.GaussianBlur(portrait, (0, 0), 2)) < 0.1 * sharpness(portrait)
    with pytest.raises(NotScored, match="region too small"):
        sharpness(grey[:2])


def test_flicker_by_hand():
    """Of a brightness that rises evenly none; of one that jumps by 10 every other frame, 10."""
    frames = [np.full((4, 4, 3), level, np.uint8) for level in (10, 20, 30, 40)]
    assert flicker(*frames[:3]) == 0 and flicker(frames[0], frames[1], frames[0]) == 10
