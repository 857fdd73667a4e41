"""A fit for BRISQUE of our own: an SVR that learned how much noise or blur an image has."""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.svm import SVR

from speechlip.metrics.natural.statistics import natural_statistics


def scene(seed: int = 0, size: int = 64) -> np.ndarray:
    """(size, size) float64 with detail of every size, 0…255."""
    rng = np.random.default_rng(seed)
    layers = sum(width * gaussian_filter(rng.normal(size=(size, size)), width) for width in (1, 3, 9))
    return (128 + 40 * layers / layers.std()).clip(0, 255)


def learned() -> tuple[SVR, np.ndarray, np.ndarray]:
    """The SVR on scaled statistics, and the least and greatest of each statistic."""
    images, harm = [], []
    for seed in range(12):
        level, rng = 10.0 * (seed % 6), np.random.default_rng(100 + seed)
        images.append(scene(seed) + rng.normal(0, level + 1, (64, 64)))
        harm.append(level)
    rows = np.array([natural_statistics(image) for image in images])
    least, greatest = rows.min(axis=0), rows.max(axis=0) + 1e-9
    return (
        SVR(gamma=0.05, C=100, epsilon=0.5).fit(2 * (rows - least) / (greatest - least) - 1, harm),
        least,
        greatest,
    )


def model_text(svr: SVR) -> str:
    """As ``svm-train`` writes it."""
    header = (
        f"svm_type epsilon_svr\nkernel_type rbf\ngamma {svr.gamma}\nnr_class 2\n"
        f"total_sv {len(svr.support_vectors_)}\nrho {-svr.intercept_[0]:.17g}\nprobA 3.5\nSV\n"
    )
    lines = [
        " ".join((f"{weight:.17g}", *(f"{n}:{value:.17g}" for n, value in enumerate(vector, 1) if value)))
        for weight, vector in zip(svr.dual_coef_[0], svr.support_vectors_, strict=True)
    ]
    return header + "\n".join(lines) + "\n"


def ranges_text(least: np.ndarray, greatest: np.ndarray) -> str:
    """As ``svm-scale -s`` writes it."""
    rows = zip(least, greatest, strict=True)
    return "x\n-1 1\n" + "".join(f"{n} {low:.17g} {high:.17g}\n" for n, (low, high) in enumerate(rows, 1))


def write_fit(folder: Path) -> Path:
    """``allmodel`` and ``allrange`` in a folder; the path of the first."""
    svr, least, greatest = learned()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "allrange").write_text(ranges_text(least, greatest))
    (folder / "allmodel").write_text(model_text(svr))
    return folder / "allmodel"
