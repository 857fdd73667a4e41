"""Which Ray cluster runs units of work, and Ray itself, where it is installed."""

import math
from dataclasses import dataclass
from typing import Any

from speechlip.checks import check_types
from speechlip.errors import ModelError, OptionError, install


@dataclass(frozen=True)
class RayCluster:
    """The engine ``ray``: which cluster, and what one unit takes of it.

    address: ``auto`` (the one that runs here, or that RAY_ADDRESS names), ``local`` (one of this machine
        alone, started and ended with the job), or HOST:PORT.
    cpus_per_unit: cores that a unit is counted with.
    gpus_per_unit: GPUs that a unit gets to itself.

    Raises OptionError for ``ray://HOST:PORT``, and for a number that is negative or not finite.
    """

    address: str = "auto"
    cpus_per_unit: float = 1.0
    gpus_per_unit: float = 0.0

    def __post_init__(self) -> None:
        check_types(self)
        refuse_client(self.address)
        for name in ("cpus_per_unit", "gpus_per_unit"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise OptionError(f"{name} is {value}, wanted 0 or more")


def refuse_client(address: str) -> None:
    """Raise OptionError for an address of Ray's client, which hears nothing of a task before its end."""
    if address.startswith("ray://"):
        raise OptionError(
            f"{address} is for Ray's client, which does not hear how units get on; run the command on a "
            "machine of the cluster, such as by `ray job submit`, or give HOST:PORT"
        )


def library() -> Any:
    """Ray. Raises ModelError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise ModelError(f"--engine ray needs Ray ({error}): {install('ray')}") from error
    return ray
