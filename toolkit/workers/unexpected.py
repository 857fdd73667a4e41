"""An unexpected error becomes the reason why one video, clip or encoder gave nothing; it stops no other."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechlip.errors import SourceRefused

UNEXPECTED = "unexpected error"
"""The reason; ``where_raised`` is the detail."""


@contextmanager
def unexpected_refused(stage: str, *passing: type[Exception]) -> Iterator[None]:
    """Around the work on one item: an unexpected error becomes ``SourceRefused``.

    passing: errors that are expected, and pass as they are; ``SourceRefused`` does, too.

    >>> with unexpected_refused("faces", OSError):
    ...     {}["boxes"]
    Traceback (most recent call last):
    speechlip.errors.SourceRefused: faces: unexpected error (KeyError: 'boxes' [<doctest ...>:2])
    """
    expected: tuple[type[Exception], ...] = (SourceRefused, *passing)
    try:
        yield
    except expected:
        raise
    except Exception as error:
        raise SourceRefused(stage, UNEXPECTED, where_raised(error)) from error


def where_raised(error: BaseException) -> str:
    """What an error says, and the line that raised it, such as ``KeyError: 'start_s' [reader.py:17]``."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} [{Path(last.filename).name}:{last.lineno}]"
