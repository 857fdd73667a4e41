"""Tasks that differ, each with what came of it."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from speechlip.progress import Progress
from speechlip.workers.cluster import UNNAMED, Doing
from speechlip.workers.engines import LOCAL, Engine, EngineChoice, engine_name, get_engine
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


def spread(
    work: Work[Task, Made],
    tasks: Sequence[Task],
    workers: int,
    progress: Progress,
    lost: Callable[[Task, Crashed[Task]], Made],
    doing: Doing = UNNAMED,
    engine: EngineChoice = LOCAL,
    here: bool = False,
    light: bool = False,
) -> Iterator[tuple[Task, Made]]:
    """Each task with what came of it on an engine, as ``outcomes``; ``progress`` hears of steps and losses.

    doing: what they are for, told to a cluster.
    here: ``local`` does them in this process, one after another.
    light: as ``process_context`` takes it.
    """

    def advanced(doing: str, steps: float) -> None:
        progress.advance(steps, doing)

    def replaced(event: Replaced) -> None:
        progress.say(str(event))

    is_local = engine_name(engine) == LOCAL
    if is_local and here:
        return in_this_process(work, tasks, advanced)
    run = None if is_local else get_engine(engine, doing=doing)
    return outcomes(work, tasks, workers, advanced, lost, replaced, light=light, engine=run)
