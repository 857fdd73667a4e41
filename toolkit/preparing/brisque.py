"""The fit by which clips get the column ``brisque``: which one it is, and opened."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from speechlip.errors import ModelError, OptionError
from speechlip.files.stamps import sha256_of
from speechlip.metrics.image.brisque import brisque_files, load_brisque
from speechlip.preparing.options import PrepOptions


def settle_brisque(options: PrepOptions) -> PrepOptions:
    """The options with the files of the fit as they are recorded: name and SHA-256 of each.

    Raises ModelError where they are none of a fit, OptionError where the folder's clips have one and none is
    given.
    """
    if options.brisque_model is None:
        if options.brisque:
            raise OptionError(
                f"the folder's clips have BRISQUE by {options.brisque}; give the same files again by "
                "--brisque-model"
            )
        return options
    return replace(options, brisque=as_recorded(options.brisque_model, options.brisque_range))


def as_recorded(model: str | Path, ranges: str | Path | None) -> str:
    """Name and SHA-256 of each file of a fit. Raises ModelError where they are none."""
    return ", ".join(f"{file.name} {sha256_of(file)}" for file in brisque_files(model, ranges))


def open_brisque(options: PrepOptions) -> Callable[[np.ndarray], float] | None:
    """What gives BRISQUE of a luma; None where it is not wanted. Raises ModelError."""
    if options.brisque_model is None:
        return None
    return _rate(options.brisque_model, options.brisque_range, options.brisque)


@lru_cache(maxsize=1)
def _rate(model: str | Path, ranges: str | Path | None, recorded: str) -> Callable[[np.ndarray], float]:
    """Once per process. recorded: names and hashes of the files, as the preparation began with them."""
    if recorded and (here := as_recorded(model, ranges)) != recorded:
        raise ModelError(f"the fit of BRISQUE is {here} here, and was {recorded} when the preparation began")
    return load_brisque(model, ranges).of_luma
