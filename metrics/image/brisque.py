"""BRISQUE: how unnatural an image looks, by a regression that somebody fitted to people's opinions.

Goal: one image → one number; a clip's value is the mean over frames.
Conventions: images (H, W, 3) uint8 RGB, at least 16 px a side. Lower is better, 0 to 100 by the fit of its
authors, and beyond for images unlike those that were fitted. The arithmetic is ours, the fitted numbers are
the user's files (docs/decisions/fitted-numbers.md): numbers of two fits do not compare.
Source: Mittal et al. 2012, ``natural.statistics``. Functions: brisque, load_brisque.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.errors import ModelError
from speechlip.metrics.declared import FRAME, Metric, Network
from speechlip.metrics.natural.libsvm import Ranges, Regression, read_ranges, read_regression
from speechlip.metrics.natural.statistics import N_STATISTICS, natural_statistics

RANGES = "allrange"
"""What the ranges beside a model are called, as in the release of BRISQUE's authors."""
HOW = (
    "BRISQUE wants a fit of your own: --brisque-model FILE, an epsilon-SVR as libsvm writes it, such as "
    "`allmodel` of its authors' release, and the ranges of its features as svm-scale saves them: "
    "`allrange` beside it, or --brisque-range FILE"
)


@dataclass(frozen=True)
class BrisqueFit:
    """A regression and the ranges of the 36 statistics that it was fitted to."""

    regression: Regression
    ranges: Ranges

    def of_luma(self, luma: np.ndarray) -> float:
        """BRISQUE of (H, W) luma in 0…255. Raises NotScored: ``region too small``, ``flat image``."""
        return self.regression.predict(self.ranges.scaled(natural_statistics(luma)))


def brisque(fit: BrisqueFit, image: np.ndarray) -> float:
    """BRISQUE of (H, W, 3) uint8 RGB. fit: from ``load_brisque``.

    Raises NotScored: ``region too small`` under 16 px a side, ``flat image``.
    """
    import cv2

    return fit.of_luma(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY))


def load_brisque(model: Path | str, ranges: Path | str | None = None) -> BrisqueFit:
    """The fit of two text files of libsvm; ranges: by default ``allrange`` beside the model.

    Raises ModelError for a file that is not there or holds something else.
    """
    return read_fit(*files_of(model, ranges))


def brisque_files(model: Path | str | None = None, ranges: Path | str | None = None) -> tuple[Path, Path]:
    """The files of a fit, read whole once. Raises ModelError as ``load_brisque`` does, and for no model."""
    if model is None:
        raise ModelError(HOW)
    files = files_of(model, ranges)
    read_fit(*files)
    return files


def files_of(model: Path | str, ranges: Path | str | None) -> tuple[Path, Path]:
    return Path(model), Path(ranges) if ranges else Path(model).with_name(RANGES)


def read_fit(model: Path, ranges: Path) -> BrisqueFit:
    return BrisqueFit(read_regression(model, N_STATISTICS), read_ranges(ranges, N_STATISTICS))


METRIC = Metric(
    name="brisque",
    title="BRISQUE",
    unit="points",
    higher_is_better=False,
    formula="brisque-2012",
    needs=("network",),
    per=FRAME,
    compute=brisque,
    network=Network(
        weights=brisque_files,
        open=lambda device, model, ranges: load_brisque(model, ranges),
        missing="no BRISQUE model",
        given=("brisque_model", "brisque_range"),
    ),
    lowest=float("-inf"),
    digits=2,
)
