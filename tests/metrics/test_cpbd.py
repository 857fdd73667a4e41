"""CPBD: numbers of the original package, the same as step by step, fall under blur, no block, no edge."""

from itertools import pairwise

import cpbd_reference
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from speechlip.metrics.declared import NotScored
from speechlip.metrics.image import _canny
from speechlip.metrics.image.cpbd import cpbd, edge_widths

# Computed with the PyPI package cpbd 1.0.7 (its import of scipy.ndimage.imread removed) on images of
# scikit-image, blurred by σ = 0, 1, 2 px.
PACKAGE = {
    "camera": (0.7481657466284677, 0.34811843812669574, 0.016053141433711594),
    "coins": (0.7646694214876033, 0.3195359046723111, 0.007330482590103849),
    "text": (0.8410094637223975, 0.1549053356282272, 0.0),
    "page": (0.8920809392955283, 0.6048565121412803, 0.13554434030281182),
}


def blurred(grey: np.ndarray, sigma: float) -> np.ndarray:
    return np.round(gaussian_filter(grey.astype(float), sigma)).astype(np.uint8) if sigma else grey


@pytest.mark.parametrize("name", PACKAGE)
def test_the_original_packages_numbers(name):
    images = [blurred(getattr(data, name)(), sigma) for sigma in (0, 1, 2)]
    assert [cpbd(image) for image in images] == pytest.approx(PACKAGE[name], abs=1e-9)
    assert [cpbd_reference.cpbd(image) for image in images] == pytest.approx(PACKAGE[name], abs=1e-9)


def images():
    """Name → image: photographs, noise, flat ones, faint ones, few edges, edges along every border."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (150, 131), dtype=np.uint8)
    dots, sides = np.full((140, 200), 90, np.uint8), np.full((128, 192), 40, np.uint8)
    dots[rng.integers(0, 140, 30), rng.integers(0, 200, 30)] += 60
    for inside in (1, 3, 5, 7, 61, 63, 66):
        sides[inside] += 9
        sides[:, inside] += 9
        sides[-1 - inside] += 9
        sides[:, -1 - inside] += 9
    wave = 128 + 60 * np.sin(np.arange(260) / 9)[None] * np.cos(np.arange(190) / 23)[:, None]
    return {
        "colour": data.astronaut(),
        "a cut without a copy": data.astronaut()[30:230, 100:400],
        "columns in reverse": data.astronaut()[:, ::-1],
        "one block": data.camera()[200:264, 200:264],
        "one block and borders": data.camera()[200:327, 200:327],
        "noise": noise,
        "the last bit": 200 + noise % 2,
        "dots": dots,
        "dots, blurred": blurred(dots, 3),
        "lines near every border": sides,
        "black and white": (noise > 127) * np.uint8(255),
        "smooth": wave.astype(np.uint8),
        "steps of one level": (np.arange(200) // 40 + np.zeros((130, 1), int)).astype(np.uint8),
        "flat": np.full((70, 140), 255, np.uint8),
    }


@pytest.mark.parametrize("name", images())
@pytest.mark.parametrize("canny", ["where it is needed", "of every block", "of the whole image"])
def test_whole_numbers_give_what_float64_gives(name, canny, monkeypatch):
    """Also where every block is left to scikit-image, alone or with the whole image."""
    if canny != "where it is needed":
        monkeypatch.setattr(_canny, "_certain_edges", lambda grey: np.zeros(grey.shape[1] // 64, int))
    if canny == "of the whole image":
        monkeypatch.setattr(_canny, "_bounds", lambda *place: (100, 0))
    assert cpbd(images()[name]) == cpbd_reference.cpbd(images()[name])


def test_edges_of_a_block_alone_lie_between_what_is_certain_and_what_may_be():
    """By scikit-image on the whole image: every block counts at least ``strong`` and at most ``weak``."""
    grey = blurred(data.camera(), 1)
    for top, left in [(0, 0), (0, 448), (448, 0), (448, 448), (192, 256)]:
        block = np.s_[top : top + 64, left : left + 64]
        edges = _canny._canny(grey, _canny.LOW, _canny.HIGH)[block].sum()
        strong, weak = (_canny._canny(grey, low, low)[block].sum() for low in (_canny.HIGH, _canny.LOW))
        assert _canny._bounds(grey, top, left) == (weak, strong)
        assert strong <= edges <= weak


@pytest.mark.parametrize("name", ["camera", "coins"])
def test_falls_monotonically_under_growing_blur(name):
    """Narvekar & Karam 2011: CPBD falls from its image's own value towards 0 as Gaussian blur grows."""
    values = [cpbd(blurred(getattr(data, name)(), sigma)) for sigma in (0, 0.4, 0.8, 1.2, 1.6, 2, 4)]
    assert all(before > after for before, after in pairwise(values)), values
    assert values[0] > 0.7 and values[-1] < 0.01


def test_share_of_the_probability_histogram_is_the_share_of_narrow_edges():
    """The published form: P = 1 − exp(−(w / w_JNB)^3.6), histogram in steps of 1 %, sum of its first 64 bins;
    ours compares w with w_JNB."""
    for noticeable in (3, 5):
        widths = np.arange(2, 40)
        bins = np.round(100 * (1 - np.exp(-((widths / noticeable) ** 3.6))))
        assert ((bins < 64) == (widths <= noticeable)).all()


def test_edge_widths_by_hand():
    falling = np.tile(np.array([90, 90, 80, 60, 30, 10, 10, 10], np.uint8), (3, 1))
    # at 60, left of it: 90 → 80 goes on falling (1 step); right of it: 30 → 10 (1 step); 2 + 1 + 1
    assert edge_widths(falling)[0, 2] == 4
    assert edge_widths(falling[:, ::-1])[0, 3] == 4
    assert not edge_widths(
        np.ascontiguousarray(falling[0, 1:6, None] + np.arange(5, dtype=np.uint8))
    ).any(), "edges that run along the row are not measured"
    slope = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (3, 1))
    assert (edge_widths(slope)[0, 5:-5] > 5).all(), "wider than any just noticeable width"


def test_colour_is_read_as_luma():
    astronaut = data.astronaut()
    assert cpbd(astronaut) == pytest.approx(0.38368206916594016, abs=1e-9)  # cpbd 1.0.7 on Pillow's mode L


def test_no_edges_is_zero_and_no_block_is_not_scored():
    assert cpbd(np.full((128, 128), 90, np.uint8)) == 0
    with pytest.raises(NotScored, match="whole block of 64×64 px, the region has 200×63"):
        cpbd(np.zeros((63, 200), np.uint8))
    with pytest.raises(ValueError, match="uint8 image"):
        cpbd(np.zeros((64, 64)))
