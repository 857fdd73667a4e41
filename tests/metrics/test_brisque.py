"""BRISQUE: its statistics by hand, by scipy's distributions and by scipy's filters, its regression by
scikit-learn; and files that are no fit.
"""

import math
import re
import time

import numpy as np
import pytest
from scipy import ndimage, stats
from scipy.signal import convolve2d

from small_fit import learned, model_text, ranges_text, scene, write_fit
from speechlip.errors import ModelError
from speechlip.metrics.declared import NotScored
from speechlip.metrics.image.brisque import METRIC, brisque, brisque_files, load_brisque
from speechlip.metrics.natural import statistics as natural
from speechlip.metrics.natural.libsvm import MAX_BYTES, read_ranges, read_regression


@pytest.fixture(scope="module")
def fit():
    return learned()


@pytest.fixture
def files(fit, tmp_path):
    """Writes a model and its ranges, altered, and reads them."""

    def read(change=lambda text: text, change_ranges=lambda text: text):
        (tmp_path / "allmodel").write_text(change(model_text(fit[0])))
        (tmp_path / "allrange").write_text(change_ranges(ranges_text(*fit[1:])))
        return load_brisque(tmp_path / "allmodel")

    return read


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0, 3.5])
def test_parameters_of_scipys_generalised_gaussian_come_back(shape):
    values = 2.5 * stats.gennorm.rvs(shape, size=200_000, random_state=0)
    found, variance = natural.symmetric_fit(values)
    assert found == pytest.approx(shape, rel=0.03)
    assert variance == pytest.approx(2.5**2 * stats.gennorm.var(shape), rel=0.03)


def test_parameters_of_an_asymmetric_one_come_back():
    """Two halves of scale 1 and 3: each side is drawn as often as it is wide, so the density has no step."""
    shape, rng = 1.3, np.random.default_rng(0)
    size = np.abs(stats.gennorm.rvs(shape, size=400_000, random_state=1))
    right = rng.random(400_000) < 3 / (1 + 3)
    found, mean, left_var, right_var = natural.asymmetric_fit(np.where(right, 3 * size, -size))
    unit = stats.gennorm.var(shape)
    assert found == pytest.approx(shape, rel=0.02)
    assert (left_var, right_var) == (pytest.approx(unit, rel=0.02), pytest.approx(9 * unit, rel=0.02))
    assert mean == pytest.approx((3 - 1) * math.gamma(2 / shape) / math.gamma(1 / shape), rel=0.02)


def test_an_asymmetric_fit_by_hand():
    """−1, 1, 2: left 1, right √2.5; r̂ = (4/3)² / 2 = 8/9, times (γ³ + 1)(γ + 1) / (γ² + 1)²."""
    shape, _, left, right = natural.asymmetric_fit(np.array([-1.0, 1.0, 2.0]))
    skew = 1 / math.sqrt(2.5)
    assert (left, right) == (1, pytest.approx(2.5))
    assert shape == natural.nearest_shape(8 / 9 * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2)


def test_local_normalisation_by_scipy():
    image = scene()
    window = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window = np.outer(window, window) / np.outer(window, window).sum()
    mean = convolve2d(image, window, mode="same")
    deviation = np.sqrt(np.abs(convolve2d(image**2, window, mode="same") - mean**2))
    assert natural.locally_normalised(image) == pytest.approx((image - mean) / (deviation + 1), abs=1e-9)


@pytest.mark.parametrize("size", [(16, 24), (17, 23)])
def test_halving_is_keys_cubic_at_half_its_pitch(size):
    def keys(x):
        x = np.abs(x)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x <= 1, near, np.where(x <= 2, far, 0))

    image = scene(3)[: size[0], : size[1]]
    small = image
    for axis, length in enumerate(size):
        centres = 2 * np.arange(-(-length // 2)) + 0.5
        weights = keys((np.arange(-8, length + 8) - centres[:, None]) / 2) / 2
        padded = np.pad(small, [(8, 8) if each == axis else (0, 0) for each in (0, 1)], mode="symmetric")
        small = np.moveaxis(np.tensordot(weights, padded, axes=(1, axis)), 0, axis)
    assert natural.halved(image) == pytest.approx(small, abs=1e-9)


def test_statistics_see_which_neighbours_are_alike():
    """Rows of one value each: neighbours to the side have the product of equals, which is never negative."""
    rows = np.random.default_rng(0).normal(128, 30, (48, 48))
    along_rows = ndimage.gaussian_filter1d(rows, 2, axis=1)
    numbers = natural.natural_statistics(along_rows)
    assert numbers.shape == (36,)
    beside, below = numbers[2:6], numbers[6:10]
    assert beside[1] > 0.3 > abs(below[1])  # means of the products
    turned = natural.natural_statistics(along_rows.T)
    assert turned[[2, 3, 6, 7]] == pytest.approx(numbers[[6, 7, 2, 3]], abs=0.002)


@pytest.mark.parametrize(
    ("luma", "reason"),
    [(np.zeros((15, 40)), "region too small"), (np.zeros((40, 40)), "flat image")],
)
def test_what_has_no_statistics_says_why(luma, reason):
    with pytest.raises(NotScored) as said:
        natural.natural_statistics(luma)
    assert said.value.reason == reason


def test_the_regression_is_scikit_learns_and_orders_noise(fit, files):
    svr, least, greatest = fit
    ours = files()
    seen = [scene(seed) + np.random.default_rng(seed).normal(0, 5 * seed, (64, 64)) for seed in range(6)]
    rows = np.array([natural.natural_statistics(each) for each in seen])
    wanted = svr.predict(2 * (rows - least) / (greatest - least) - 1)
    assert [ours.of_luma(each) for each in seen] == pytest.approx(wanted)
    grey = np.repeat(seen[5].clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    clean = np.repeat(scene(5).astype(np.uint8)[..., None], 3, axis=2)
    assert brisque(ours, grey) > brisque(ours, clean) + 5
    assert (METRIC.higher_is_better, METRIC.unit, METRIC.formula) == (False, "points", "brisque-2012")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("rbf", "linear"), r"line 2: kernel_type is 'linear', wanted rbf"),
        (lambda text: text.replace("epsilon_svr", "c_svc"), r"svm_type is 'c_svc', wanted epsilon_svr"),
        (lambda text: text.replace("probA", "prob_x"), "'prob_x 3.5' is no line of a regression's header"),
        (lambda text: text.split("SV\n")[0], "it has no line SV, so it is cut"),
        (lambda text: text[: len(text) // 2], "support vectors and states|is no finite number|has .* feat"),
        (lambda text: "\n".join(text.splitlines()[:-1]), r"support vectors and states '\d+'"),
        (lambda text: text.replace(" 36:", " 37:"), "wanted features from 1 to 36 in order"),
        (lambda text: text.replace(" 36:", " 36:1e999"), "is no finite number"),
        (lambda text: text.replace("SV\n", "SV\nnan "), "line 9: 'nan' is no finite number"),
        (lambda text: text.replace("gamma 0.05", "gamma 0"), "gamma is 0, wanted a number above 0"),
        (lambda text: text.replace("gamma 0.05\n", ""), "it does not say gamma"),
        (lambda text: text.replace("nr_class 2", "gamma 1"), "'gamma 1' is no line of"),
        (lambda text: text.replace(" 1:", f" {'1' * 5000}:"), "wanted features from 1 to 36"),
        (lambda text: re.sub(" 36:.*", "", text), "35 features, wanted 36"),
        (lambda text: text + "0.5\n" * 20_001, "more than 20000 support vectors"),
        (lambda text: text + " " * MAX_BYTES, "it has more than 8 MiB"),
        (lambda text: "\u00e4" + text, "it is no text; a pickle or a .mat file is not read"),
        (lambda text: "", "no line SV"),
    ],
)
def test_what_is_no_model_is_refused(files, change, says):
    began = time.process_time()
    with pytest.raises(ModelError, match=says):
        files(change)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "y\n0 1\n0 100\n" + text, r"it scales what is predicted \(y\), too"),
        (lambda text: text[2:], "it begins with '-1 1', wanted x"),
        (lambda text: "\n".join(text.splitlines()[:-1]), "ranges of 35 features, wanted of 1 to 36"),
        (lambda text: text.replace("x\n-1 1", "x\n1 1"), "a range ends where it begins"),
        (lambda text: text.replace("\n3 ", "\n3 nan "), "wanted 3 numbers"),
        (lambda text: text.replace("\n3 ", "\n4 "), "in order"),
        (lambda text: "x\n", "wanted 2 numbers"),
    ],
)
def test_what_are_no_ranges_is_refused(files, change, says):
    with pytest.raises(ModelError, match=says):
        files(change_ranges=change)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ModelError, match="--brisque-model FILE, an epsilon-SVR as libsvm writes it"):
        brisque_files()
    with pytest.raises(ModelError, match=r"there is no file .*--brisque-range FILE"):
        read_regression(tmp_path / "none", 36)
    with pytest.raises(ModelError, match="there is no file"):
        read_ranges(tmp_path, 36)
    model = write_fit(tmp_path / "fit")
    (tmp_path / "fit" / "allrange").rename(tmp_path / "ranges.txt")
    with pytest.raises(ModelError, match="allrange"):
        load_brisque(model)
    assert brisque_files(model, tmp_path / "ranges.txt") == (model, tmp_path / "ranges.txt")
