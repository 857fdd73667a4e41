"""Tasks that differ, each with what came of it."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from speechlip.workers.engines import Engine
from speechlip.workers.events import (
    NO_LIMITS,
    Advanced,
    Crashed,
    Finished,
    Limits,
    Replaced,
    Report,
    Work,
    unheard,
)
from speechlip.workers.pool import local

Task = TypeVar("Task")
Made = TypeVar("Made")


def outcomes(
    work: Work[Task, Made],
    tasks: Sequence[Task],
    workers: int,
    advanced: Report,
    lost: Callable[[Task, Crashed[Task]], Made],
    replaced: Callable[[Replaced], None] = lambda event: None,
    limits: Limits = NO_LIMITS,
    light: bool = False,
    engine: Engine | None = None,
) -> Iterator[tuple[Task, Made]]:
    """Each task with what ``work`` made of it in another process, as they end.

    A task whose process dies is tried once more; then, or where it is over the limits, ``lost(task, crash)``
    stands for its result. Tasks are hashable and differ.

    light: as ``process_context`` takes it.
    engine: what runs them, with limits of its own; None: processes of this machine.
    """
    pending, crashes = deque(tasks), Counter[Task]()
    most = max(1, min(workers, len(pending)))
    run = engine(work, pending, most) if engine else local(work, pending, most, limits, light)
    for event in run:
        if isinstance(event, Advanced):
            advanced(event.source, event.seconds)
        elif isinstance(event, Finished):
            yield event.unit, event.result
        elif isinstance(event, Replaced):
            replaced(event)
        elif event.limit or crashes[event.unit]:
            yield event.unit, lost(event.unit, event)
        else:
            crashes[event.unit] += 1
            pending.append(event.unit)


def in_this_process(
    work: Work[Task, Made], tasks: Sequence[Task], advanced: Report = unheard
) -> Iterator[tuple[Task, Made]]:
    """Each task with what ``work`` makes of it in this process, one after another."""
    return ((task, work(task, advanced)) for task in tasks)
