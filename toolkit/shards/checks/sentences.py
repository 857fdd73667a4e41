"""Problems as sentences: one printable line each, whatever a check reads."""

from collections.abc import Iterator

from speechlip.errors import HubError, WriteError
from speechlip.wording import visible

MAX_PROBLEMS = 100
"""Sentences kept; the rest are counted."""
MAX_CHARS = 2000
"""Of one sentence; names in hostile files may have any length."""


def unbroken(what: str, check: Iterator[str]) -> Iterator[str]:
    """The sentences of a check, one line each; where the check itself breaks on ``what`` it reads, a sentence
    of that.

    Raises HubError and WriteError, which are no fault of the folder.
    """
    try:
        yield from map(one_line, check)
    except (HubError, WriteError):
        raise
    except Exception as error:
        yield one_line(f"{what} cannot be checked further: {type(error).__name__}: {error}")


def one_line(value: object) -> str:
    """Text for a terminal: no line feed and no escape sequence of a name in it, and of endless text its
    beginning.
    """
    text = visible(str(value))
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS] + " …"
