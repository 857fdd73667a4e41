"""Distances between phones in an encoder's feature space, as shares of the distance between visemes.

Goal: whether two phones coincide (0) or lie as far apart as two visemes do (1), with an interval over
utterances.
Conventions: tokens (N, D) are centred, reduced by PCA to the dimensions that hold 99 % of the variance, 64 at
most, and scaled by one number so that the mean square is 1. No whitening: it would count directions that are
too small for a renderer to see. Squared distances of centroids are unbiased, D2(p, q) = ‖m_p − m_q‖² −
tr(S_p)/n_p − tr(S_q)/n_q, so that two samples of one phone are at 0 on average, and a value may be below 0.
Source: the benchmark's own specification; the correction is that of an unbiased cross-validated distance
(Walther et al. 2016). Functions: token_space, phone_sums, squared_distances, viseme_distance, mean_known.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.metrics.declared import NotScored

MAX_DIMENSIONS, VARIANCE = 64, 0.99
EXACT_DIMENSIONS = 2048  # above, the covariance matrix costs more than a randomised search for 64 directions


@dataclass(frozen=True)
class PhoneSums:
    """Sums over the tokens of U utterances and P phones.

    counts: (U, P) tokens
    sums: (U, P, K) sum of z
    squares: (U, P) sum of ‖z‖²
    """

    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray


def token_space(features: np.ndarray, dimensions: int = MAX_DIMENSIONS) -> np.ndarray:
    """Tokens in the space where distances are measured: (N, D) → (N, K), K ≤ ``dimensions``.

    Their mean is 0, their mean square 1.

    Raises NotScored for features that are not finite, or the same for all tokens.

    >>> np.abs(token_space(np.array([[0.0, 7.0], [2.0, 7.0]])).round(6)).tolist()
    [[1.0], [1.0]]
    """
    from sklearn.decomposition import PCA

    if not np.isfinite(features).all():
        raise NotScored("features not finite", "the encoder gave numbers that are not finite")
    centred = np.asarray(features, np.float64) - np.mean(features, axis=0, dtype=np.float64)
    spread = np.abs(centred).max()
    if not spread > 1e-9 * np.abs(features).max():
        raise NotScored("features constant", "the encoder says the same of every phone")
    most = min(dimensions, *features.shape)
    solver = "covariance_eigh" if features.shape[1] <= EXACT_DIMENSIONS else "randomized"
    pca = PCA(most, svd_solver=solver, random_state=0)
    points = pca.fit_transform(centred / spread)
    enough = int(np.searchsorted(np.cumsum(pca.explained_variance_ratio_), VARIANCE)) + 1
    points = points[:, : min(enough, most)]
    return points / np.sqrt(np.square(points).sum(axis=1).mean())


def phone_sums(points: np.ndarray, phone: np.ndarray, utterance: np.ndarray) -> PhoneSums:
    """Sums by utterance and phone. points: (N, K); phone, utterance: (N,) numbers from 0 on.

    >>> sums = phone_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 0, 1]), np.array([0, 0, 1]))
    >>> sums.sums[:, :, 0].tolist()
    [[3.0, 0.0], [0.0, 4.0]]
    """
    shape = (int(utterance.max()) + 1, int(phone.max()) + 1)
    counts, squares, sums = np.zeros(shape), np.zeros(shape), np.zeros((*shape, points.shape[1]))
    np.add.at(counts, (utterance, phone), 1)
    np.add.at(squares, (utterance, phone), np.square(points).sum(axis=1))
    np.add.at(sums, (utterance, phone), points)
    return PhoneSums(counts, sums, squares)


def squared_distances(sums: PhoneSums, times: np.ndarray) -> np.ndarray:
    """D2 of every two phones for B resamples of utterances: (B, U) → (B, P, P).

    times: how often each utterance is in each resample. NaN beside a phone of fewer than two tokens; 0 on the
    diagonal.

    >>> points = np.array([[0.0], [2.0], [5.0], [7.0]])  # centroids 1, 6; variances 2: 25 − 1 − 1
    >>> sums = phone_sums(points, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    >>> squared_distances(sums, np.ones((1, 2)))[0].tolist()
    [[0.0, 23.0], [23.0, 0.0]]
    """
    utterances, phones, width = sums.sums.shape
    counts = times @ sums.counts
    counts = np.where(counts > 1, counts, np.nan)
    centres = (times @ sums.sums.reshape(utterances, -1)).reshape(-1, phones, width) / counts[:, :, None]
    length = np.square(centres).sum(axis=2)
    variance = (times @ sums.squares - counts * length) / (counts - 1)
    own = length - variance / counts
    distances = own[:, :, None] + own[:, None, :] - 2 * centres @ centres.transpose(0, 2, 1)
    distances[:, np.arange(phones), np.arange(phones)] = 0
    return distances


def viseme_distance(distances: np.ndarray, visemes: list[str | None]) -> np.ndarray:
    """Mean D2 over the pairs of phones of different visemes: (B, P, P) → (B,).

    visemes: of each phone, None for one outside the map.

    >>> table = np.array([[[0.0, 1.0, 8.0], [1.0, 0.0, 6.0], [8.0, 6.0, 0.0]]])
    >>> viseme_distance(table, ["T D N", "T D N", "P B M"]).tolist()
    [7.0]
    """
    apart = np.array([[a is not None and b is not None and a != b for b in visemes] for a in visemes])
    return mean_known(distances[:, apart])


def mean_known(table: np.ndarray) -> np.ndarray:
    """Mean of each row's numbers, NaN left out: (B, M) → (B,); NaN for a row without any.

    >>> mean_known(np.array([[1.0, np.nan], [1.0, 3.0], [np.nan, np.nan]])).tolist()
    [1.0, 2.0, nan]
    """
    known = ~np.isnan(table)
    counts = known.sum(axis=1)
    return np.divide(
        np.where(known, table, 0).sum(axis=1), counts, out=np.full(len(table), np.nan), where=counts > 0
    )
