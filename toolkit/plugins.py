"""What other packages add by entry point: whatever their code raises becomes one sentence, with the traceback as its cause."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from speechlip.errors import OptionError, SpeechLipError


def offered(group: str) -> dict[str, EntryPoint]:
    """Name → entry point of what installed packages add to a group."""
    return {point.name: point for point in entry_points(group=group)}


def loaded(kind: str, point: EntryPoint, has: Iterable[str] = ()) -> Any:
    """What an entry point names. Raises OptionError where it cannot be imported, or lacks an attribute that this ``kind`` of thing ``has``."""
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise OptionError(
            f"{kind} {point.name!r} cannot be imported from {point.value}: {said(error)}"
        ) from error
    if missing := [name for name in has if not hasattr(found, name)]:
        raise OptionError(
            f"{kind} {point.name!r} ({point.value}) has no {' and no '.join(missing)}; ask the package that adds it"
        )
    return found


@contextmanager
def plugged_in(kind: str, name: str) -> Iterator[None]:
    """Around a call of another package's code: what it raises by mistake, as an OptionError."""
    try:
        yield
    except SpeechLipError:
        raise
    except Exception as error:
        raise OptionError(f"{kind} {name!r}, of another package, failed: {said(error)}") from error


def said(error: BaseException) -> str:
    """
    >>> said(KeyError("a")), said(MemoryError())
    ("KeyError: 'a'", 'MemoryError')
    """
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
