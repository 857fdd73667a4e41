"""Features → codes: a known linear rule is learned, noise is not; components against scikit-learn."""

import numpy as np
import pytest

from speechlip.rendering.lip_space import LipSpace
from speechlip.rendering.principal import MOST_ROWS, principal
from speechlip.rendering.renderers.pca import LAMBDAS, choose_strength, fit_codes, ridge
from speechlip.rendering.rows import rows_of


def test_components_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    rows = np.random.default_rng(0).normal(size=(60, 30)) @ np.random.default_rng(1).normal(size=(30, 30))
    theirs = decomposition.PCA(5, svd_solver="full").fit(rows)
    ours = principal(rows, 5)
    assert np.allclose(np.abs((ours.axes * theirs.components_).sum(axis=1)), 1, atol=1e-4)
    assert np.allclose(np.abs(ours.codes(rows)), np.abs(theirs.transform(rows)), atol=1e-2)


def test_of_many_rows_some_are_looked_at():
    rows = np.random.default_rng(0).normal(size=(MOST_ROWS + 500, 3)) * [5, 2, 1]
    found = principal(rows, 3)
    assert len(found.axes) == 3 and abs(found.axes[0, 0]) > 0.99


def test_ridge_is_that_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    inputs, codes = rng.normal(size=(50, 6)) + 3, rng.normal(size=(50, 4))
    theirs = linear.Ridge(7.0).fit(inputs, codes)
    weights, offset = ridge(inputs, codes, 7.0)
    assert np.allclose(weights, theirs.coef_.T) and np.allclose(offset, theirs.intercept_)


def test_crops_come_back_from_their_codes():
    rng = np.random.default_rng(0)
    crops = np.clip(rng.normal(size=(20, 1, 1, 3)) * 20 + np.arange(96)[:, None, None] + 60, 0, 255)
    crops = np.broadcast_to(crops, (20, 96, 96, 3)).astype(np.uint8)
    space = LipSpace(principal(crops, 48))
    back = space.crops(space.codes(crops))
    assert np.abs(back.astype(int) - crops).max() <= 2
    assert np.abs(space.mean_crop.astype(float) - crops.mean(axis=0)).max() <= 1


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(400, 10)).astype(np.float32)


def test_a_rule_over_neighbouring_frames_is_learned(features):
    codes = np.roll(features, 1, axis=0)[:, :4] - features[:, 4:8]
    fitted = fit_codes(features, codes, np.arange(300))
    off = np.mean((fitted.codes[302:] - codes[302:]) ** 2)
    assert off < 0.02 * codes.var() and fitted.strength < 10


def test_noise_gives_the_mean(features):
    codes = np.random.default_rng(9).normal(size=(400, 4))
    fitted = fit_codes(features, codes, np.arange(300))
    assert fitted.strength >= 1000
    assert np.abs(fitted.codes[300:] - codes[:300].mean(axis=0)).max() < 0.5


def test_test_frames_are_not_learned_from(features):
    codes = features[:, :4].copy()
    other = codes.copy()
    other[300:] = 99
    one, two = (fit_codes(features, each, np.arange(300)) for each in (codes, other))
    assert np.array_equal(one.codes, two.codes)


def test_the_same_twice(features):
    one, two = (fit_codes(features, features[:, :4], np.arange(300)) for _ in range(2))
    assert np.array_equal(one.codes, two.codes)


def test_of_equal_strengths_the_largest():
    assert choose_strength(np.zeros((20, 2)), np.zeros((20, 3)), 15) == max(LAMBDAS)


def test_rows_are_named_after_encoders():
    names = [row.name for row in rows_of(("runs/se4lip/", "hubert@9"))]
    assert names[:4] == ["ground-truth", "resampled", "pca-oracle", "mean-crop"]
    assert names[4:] == ["se4lip", "se4lip-shuffled", "hubert-9", "hubert-9-shuffled"]
