"""Tokens of phones → a picture in two dimensions: t-SNE of their PCA space.

An illustration: distances in it are not to be measured.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from speechlip.metrics.declared import NotScored

PICKED = ("T", "D")
"""The two phones that SE4Lip's figure 4 is about: of these as many as there are, up to ``PICKED_TOKENS``
each.
"""
PICKED_TOKENS, ALL_TOKENS = 150, 1000
LEAST_TOKENS = 100
DIMENSIONS, PERPLEXITY, ITERATIONS, SEED = 50, 30, 500, 0
GRID, SAME = 1000, 1e-6


@dataclass(frozen=True)
class PhoneMap:
    """One point a token."""

    phones: tuple[str, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]
    """``x``, ``y``: 0 … 1000, the longer side of the picture fills it."""
    phone: tuple[int, ...]
    """Number of its phone in ``phones``."""


def map_of_file(path: Path) -> PhoneMap:
    """The map of a tokens file (``records``).

    Raises NotScored where it cannot be read or has too few tokens.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as tokens:
            points, phones = tokens["points"], tokens["phones"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise NotScored(f"{path.name} with the tokens cannot be read ({said})") from error
    return phone_map(points, phones)


def phone_map(points: np.ndarray, phones: np.ndarray) -> PhoneMap:
    """(N, D) features and (N,) phones → their map. The same tokens and seed give the same map.

    Raises NotScored for fewer than 100 tokens, for tokens that are all the same, for arrays that do not
    match, and for numbers that are not finite.
    """
    if points.ndim != 2 or phones.shape != (len(points),) or not np.isfinite(points).all():
        raise NotScored(
            f"finite (N, D) tokens and N phones are wanted, got {points.shape} and {phones.shape}"
        )
    if len(points) < LEAST_TOKENS:
        raise NotScored(f"{len(points)} tokens, {LEAST_TOKENS} are wanted for a map")
    chosen = choose(phones)
    if (
        np.ptp(points[chosen], axis=0).max() <= SAME * np.abs(points).max()
    ):  # t-SNE would divide by it, and take the process down
        raise NotScored("all tokens are the same in these features")
    places = _tsne(points[chosen].astype(np.float64))
    names, phone = np.unique(phones[chosen].astype(str), return_inverse=True)
    low = places.min(axis=0)
    grid = ((places - low) * GRID / max((places - low).max(), 1e-9)).round().astype(int)
    return PhoneMap(
        tuple(names.tolist()), tuple(grid[:, 0].tolist()), tuple(grid[:, 1].tolist()), tuple(phone.tolist())
    )


def choose(phones: np.ndarray) -> np.ndarray:
    """Which tokens are shown, in their order.

    Up to 150 /t/ and 150 /d/, and of the others, whatever the phone, as many as make 1000.

    >>> phones = np.array(["T"] * 400 + ["AA"] * 3000 + ["D"] * 10)
    >>> {str(name): int((phones[choose(phones)] == name).sum()) for name in np.unique(phones)}
    {'AA': 840, 'D': 10, 'T': 150}
    """
    order = np.random.default_rng(SEED).permutation(len(phones))
    picked = [order[phones[order] == phone][:PICKED_TOKENS] for phone in PICKED]
    others = order[~np.isin(phones[order], PICKED)]
    return np.sort(np.concatenate([*picked, others[: ALL_TOKENS - sum(map(len, picked))]]))


def _tsne(points: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of several threads come in any order
        if points.shape[1] > DIMENSIONS:
            points = PCA(min(DIMENSIONS, len(points)), svd_solver="full").fit_transform(points)
        if points.shape[1] < 2:
            points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
        return TSNE(perplexity=PERPLEXITY, init="pca", random_state=SEED, max_iter=ITERATIONS).fit_transform(
            points
        )
