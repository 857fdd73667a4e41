"""CPBD: numbers of the original package, fall under blur, what has no block or no edge."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from speechlip.metrics.declared import NotScored
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
    grey = getattr(data, name)()
    assert [cpbd(blurred(grey, sigma)) for sigma in (0, 1, 2)] == pytest.approx(PACKAGE[name], abs=1e-9)


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
    falling = np.array([90, 90, 80, 60, 30, 10, 10, 10.0])
    edge = np.tile(np.arange(8) == 3, (3, 1))
    # left of the edge: 90 → 80 goes on falling (1 step); right of it: 30 → 10 (1 step); 2 + 1 + 1
    assert edge_widths(np.tile(falling, (3, 1)), edge)[1].tolist() == [0, 0, 0, 4, 0, 0, 0, 0]
    assert edge_widths(np.tile(falling[::-1], (3, 1)), edge[:, ::-1])[1].tolist() == [0, 0, 0, 0, 4, 0, 0, 0]
    tilted = np.tile(falling[:, None], (1, 3)) + np.arange(3)
    assert not edge_widths(tilted, edge.T).any(), "edges that run along the row are not measured"


def test_colour_is_read_as_luma():
    astronaut = data.astronaut()
    assert cpbd(astronaut) == pytest.approx(0.38368206916594016, abs=1e-9)  # cpbd 1.0.7 on Pillow's mode L


def test_no_edges_is_zero_and_no_block_is_not_scored():
    assert cpbd(np.full((128, 128), 90, np.uint8)) == 0
    with pytest.raises(NotScored, match="whole block of 64×64 px, the region has 200×63"):
        cpbd(np.zeros((63, 200), np.uint8))
    with pytest.raises(ValueError, match="uint8 image"):
        cpbd(np.zeros((64, 64)))
