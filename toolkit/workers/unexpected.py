"""An unexpected error becomes the reason why one video, clip or encoder gave nothing; it stops no other."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechlip.errors import GO_ON, UNREADABLE, ReadError, SourceRefused, WriteError

UNEXPECTED = "unexpected error"
"""The reason; ``where_raised`` is the detail."""


def may_pass(reason: str) -> bool:
    """Whether a reason says nothing about a source, so that another run may not meet it: an unexpected
    error, or a disk that does not give its file.

    >>> may_pass("unreadable file: input/output error"), may_pass("unreadable file")
    (True, False)
    """
    return reason == UNEXPECTED or reason.startswith(f"{UNREADABLE}: ")


@contextmanager
def unexpected_refused(stage: str, *passing: type[Exception]) -> Iterator[None]:
    """Around the work on one item: an unexpected error, or one of a disk, becomes ``SourceRefused``.

    passing: errors that are expected, and pass as they are; ``SourceRefused`` does, too.

    Raises WriteError for a full disk, which every other item would meet.

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
    except ReadError as error:
        about = f"{Path(error.filename).name}: check its disk or network, or copy it again"
        raise SourceRefused("read", error.reason, about) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = f"cannot write {error.filename or 'a file'}: {error.strerror}"
            raise WriteError(f"{what}; {GO_ON}") from error
        raise SourceRefused(stage, UNEXPECTED, where_raised(error)) from error


def where_raised(error: BaseException) -> str:
    """What an error says, and the line that raised it, such as ``KeyError: 'start_s' [reader.py:17]``."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} [{Path(last.filename).name}:{last.lineno}]"
