"""Where and how precisely networks compute: one choice for training, scoring, exporting and benchmarking."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from speechlip.errors import OptionError, no_such
from speechlip.wording import counted

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")
"""Names that help lists; ``cuda:1`` and Apple's ``mps`` go too."""
PRECISIONS = ("fp32", "bf16")
"""Of what networks compute."""


def check_device(name: str) -> None:
    """Raise OptionError for a name that is no device on any machine.

    >>> check_device("cuda:1")
    >>> check_device("gpu")
    Traceback (most recent call last):
    speechlip.errors.OptionError: no device 'gpu'; there are: auto, cpu, cuda
    """
    if name not in DEVICES and not re.fullmatch(r"cuda:\d+|mps", name):
        raise no_such("device", name, DEVICES)


def choose_device(name: str, number: int | None = None) -> "torch.device":
    """The device of that name; ``auto`` is a GPU where torch sees one.

    number: of this process on its machine, where several compute together: each takes the GPU of its number.
    Raises OptionError for an unknown name, and for a device that this machine lacks.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    import torch

    check_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda"):
        if not torch.cuda.is_available():
            raise OptionError(
                f"device {name!r} was asked for and this torch sees no GPU; take --device auto or cpu"
            )
        return _gpu(name, number, torch.cuda.device_count())
    if name == "mps" and not torch.backends.mps.is_available():
        raise OptionError("device 'mps' was asked for and this torch has none; take --device auto or cpu")
    return torch.device(name)


def device_name(name: str) -> str:
    """The name of what ``choose_device`` chooses; torch is not imported where there is no driver of a GPU.

    Raises OptionError as ``choose_device`` does.

    >>> device_name("cpu")
    'cpu'
    """
    check_device(name)
    return "cpu" if name == "cpu" or (name == "auto" and not has_gpu_driver()) else str(choose_device(name))


def has_gpu_driver() -> bool:
    """Whether a driver is there that torch's ``cuda`` computes with: NVIDIA's library, or AMD's device."""
    import ctypes

    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True


def _gpu(name: str, number: int | None, count: int) -> "torch.device":
    import torch

    asked = torch.device(name).index
    if asked is None and number is not None and number >= count:
        raise OptionError(
            f"process {number} of this machine has no GPU of its own; start {count}, or take --device cpu"
        )
    if asked is not None and asked >= count:
        there = f"there {'is' if count == 1 else 'are'} {counted(count, 'GPU')}, counted from 0"
        raise OptionError(f"device {name!r} was asked for and {there}; take --device auto or cpu")
    return torch.device("cuda", number) if asked is None and number is not None else torch.device(name)
