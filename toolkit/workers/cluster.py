"""Which Ray cluster runs units of work, what it is told of them, and Ray itself, where it is installed."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class Doing:
    """What the units of a run are for.

    command: which Ray's dashboard shows before the name of a unit.
    places: files and folders that whoever does a unit must see, under these paths.
    """

    command: str = ""
    places: tuple[Path, ...] = ()


UNNAMED = Doing()


def folder_above(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The one folder that all of these files lie in, or below; none for no files.

    >>> folder_above([Path("/data/videos/ann/1.mp4"), Path("/data/videos/bob/1.mp4")])
    (PosixPath('/data/videos'),)
    """
    folders = {path.absolute().parent for path in paths}
    return (Path(os.path.commonpath(folders)),) if folders else ()


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
