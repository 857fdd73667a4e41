"""Which Ray cluster runs units of work, and Ray itself, where it is installed."""

import math
from dataclasses import dataclass
from typing import Any

from speechlip.checks import check_types
from speechlip.errors import ModelError, OptionError

INSTALL = "install it with: pip install 'speechlip[ray]'"


@dataclass(frozen=True)
class RayCluster:
    """The engine ``ray``: which cluster, and what one unit takes of it.

    address: ``auto`` (the one that runs here, or that RAY_ADDRESS names), ``local`` (one of this machine
        alone, started and ended with the job), HOST:PORT, or ``ray://HOST:PORT``.
    cpus_per_unit: cores that a unit is counted with.
    gpus_per_unit: GPUs that a unit gets to itself.

    Raises OptionError for a number that is negative or not finite.
    """

    address: str = "auto"
    cpus_per_unit: float = 1.0
    gpus_per_unit: float = 0.0

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("cpus_per_unit", "gpus_per_unit"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise OptionError(f"{name} is {value}, wanted 0 or more")


def library() -> Any:
    """Ray. Raises ModelError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise ModelError(f"--engine ray needs Ray ({error}); {INSTALL}") from error
    return ray
