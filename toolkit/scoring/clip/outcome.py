"""What came of one stage of a clip: its result, or the reason why there is none."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from speechlip.errors import OptionError, SourceRefused
from speechlip.metrics import table
from speechlip.metrics.declared import NotScored
from speechlip.workers.unexpected import UNEXPECTED

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """A stage that was run; without result and problem one that nobody wanted.

    result: what it returned, None where there is none.
    problem: why it failed, None where it did not.
    seconds: how long it took.
    """

    result: Result | None = None
    problem: NotScored | None = None
    seconds: float = 0.0


@contextmanager
def metric_of(family: str) -> Iterator[None]:
    """Around a metric's code: an error of one of another package becomes NotScored."""
    try:
        with table.METRICS.guard(family):
            yield
    except OptionError as error:
        raise NotScored(UNEXPECTED, str(error)) from error


def attempt(stage: Callable[[], Result]) -> Outcome[Result]:
    """Run a stage. NotScored and SourceRefused become its problem; any other error is raised.

    >>> attempt(lambda: 1 + 1).result
    2
    """
    began = time.perf_counter()
    try:
        return Outcome(stage(), None, time.perf_counter() - began)
    except (NotScored, SourceRefused) as error:
        why = error if isinstance(error, NotScored) else NotScored(error.reason, error.detail)
        return Outcome(None, why, time.perf_counter() - began)
