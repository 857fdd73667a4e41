"""What is told of units of work while they run, and what one source may take of its process."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from speechlip.checks import check_types
from speechlip.errors import OptionError

Unit = TypeVar("Unit")
Result = TypeVar("Result")
Report = Callable[[str, float], None]
"""What work calls with a source's name and the seconds of it that it has got through, 0 when it begins."""
Work = Callable[[Unit, Report], Result]


def unheard(source: str, seconds: float) -> None:
    """A ``Report`` that nobody hears."""


PATIENCE = 6
"""A large file is read and hashed for a while before its first frame comes out."""
CRASHED, OVER_LIMIT = "crashed the worker", "over the limit"
"""Why a source gave nothing whose process died, or was ended."""


@dataclass(frozen=True)
class Limits:
    """What a source may take of its process; 0: no limit. The defaults are docs/decisions/limits.md's.

    wait_s: without a sign of life; ``PATIENCE`` times as long while it reads and nothing comes of it.
    memory_bytes: resident.

    Raises OptionError for what is no number, negative or not finite.
    """

    wait_s: float = 600.0
    memory_bytes: int = 4 * 2**30

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("wait_s", "memory_bytes"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise OptionError(f"{name} is {value}, wanted 0 (no limit) or more")


DEFAULT_LIMITS, NO_LIMITS = Limits(), Limits(0.0, 0)


@dataclass(frozen=True)
class Advanced(Generic[Unit]):
    """A worker is at ``source`` and has got through ``seconds`` more of it."""

    unit: Unit
    source: str
    seconds: float


@dataclass(frozen=True)
class Finished(Generic[Unit, Result]):
    """A unit is done; ``result`` is what the work returned."""

    unit: Unit
    result: Result


@dataclass(frozen=True)
class Crashed(Generic[Unit]):
    """A worker process died while it was at ``source`` (a crash in a native library, or killed for memory).

    limit: what it was ended for by its parent, as a sentence; empty where it died by itself.
    """

    unit: Unit
    source: str
    exit_code: int
    limit: str = ""

    @property
    def reason(self) -> str:
        return OVER_LIMIT if self.limit else CRASHED

    @property
    def detail(self) -> str:
        return self.limit or f"exit code {self.exit_code}"


@dataclass(frozen=True)
class Replaced:
    """A worker process died with nothing to do, or before it had begun; another does its work.

    None is lost.
    """

    exit_code: int

    def __str__(self) -> str:
        return f"a worker process ended before it began (exit code {self.exit_code}); another does its work"


@dataclass(frozen=True)
class Lost(Replaced):
    """The machine that did a unit went away, or the process that stood for it there; another does its work.

    source: where the unit was.
    why: in words.
    """

    source: str = ""
    why: str = ""

    def __str__(self) -> str:
        return f"a worker was lost at {self.source!r} ({self.why}); another does its work"


Event = Advanced[Unit] | Finished[Unit, Result] | Crashed[Unit] | Replaced
