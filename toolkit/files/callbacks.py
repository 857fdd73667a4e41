"""Functions that a C library calls: what a signal raises amid one of them would be lost there, or worse.

PyAV prints a KeyboardInterrupt that ``read`` of its file raises, and goes on as if the file had ended. What
torch imports by pybind11 ends the process by C++'s ``terminate``.
"""

from collections.abc import Callable
from types import CodeType, FrameType
from typing import TypeVar

Called = TypeVar("Called", bound=Callable)
CALLED: set[CodeType] = set()
IMPORTER = "<frozen importlib._bootstrap>"


def called_from_c(function: Called) -> Called:
    """Mark a function, for ``amid_callback``."""
    CALLED.add(function.__code__)
    return function


def amid_callback(frame: FrameType | None) -> bool:
    """Whether a marked function is on the stack, or a module is being imported."""
    while frame is not None:
        if frame.f_code in CALLED or frame.f_code.co_filename == IMPORTER:
            return True
        frame = frame.f_back
    return False
