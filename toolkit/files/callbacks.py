"""Functions that a C library calls: an exception of a signal that came amid one of them would be lost there.

PyAV prints a KeyboardInterrupt that ``read`` of its file raises, and goes on as if the file had ended.
"""

from collections.abc import Callable
from types import CodeType, FrameType
from typing import TypeVar

Called = TypeVar("Called", bound=Callable)
CALLED: set[CodeType] = set()


def called_from_c(function: Called) -> Called:
    """Mark a function, for ``amid_callback``."""
    CALLED.add(function.__code__)
    return function


def amid_callback(frame: FrameType | None) -> bool:
    """Whether a marked function is on the stack."""
    while frame is not None:
        if frame.f_code in CALLED:
            return True
        frame = frame.f_back
    return False
