"""Opening every source once for the plan, on worker processes none of which stops the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from speechlip.files.stamps import file_stamp
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.preparing.choices import FILES
from speechlip.preparing.ends.spool import on_disk
from speechlip.preparing.plan.planned_source import PlannedSource, declared, inspect_source
from speechlip.records import Source
from speechlip.workers.events import Crashed, Limits, Report, unheard
from speechlip.workers.outcomes import outcomes

Inspect = Callable[[Sequence["InspectTask"]], Iterable[PlannedSource]]


@dataclass(frozen=True)
class InspectTask:
    """A source to be inspected, the ``index``-th; the other fields as ``inspect_source`` takes them."""

    index: int
    source: Source = field(compare=False)
    detector: str
    key_digits: int
    max_picture_px: int = MAX_PICTURE_PX
    with_fingerprint: bool = False
    phones: str = FILES
    with_faces: bool = False


def inspect(task: InspectTask, report: Report) -> PlannedSource:
    """``inspect_source`` as a unit of work. An unexpected error is said at the source's turn."""
    report(task.source.name, 0.0)
    with on_disk(task.source) as source:
        try:
            return inspect_source(
                source,
                task.detector,
                task.key_digits,
                task.max_picture_px,
                task.with_fingerprint,
                task.phones,
                task.with_faces,
            )
        except Exception:
            return uninspected(task)


def uninspected(task: InspectTask, refusal: tuple[str, ...] = ()) -> PlannedSource:
    """What is known of a source that could not be opened."""
    stamp, facts = file_stamp(task.source.path), declared(task.source, task.detector, task.phones)
    return PlannedSource(task.source, *stamp, 0.0, facts, task.key_digits, refusal)


def after_crash(task: InspectTask, crash: Crashed) -> PlannedSource:
    """A source over a limit is refused; one that killed its process is tried again at its turn."""
    return uninspected(task, ("worker", crash.reason, crash.detail) if crash.limit else ())


def inspect_on(workers: int, limits: Limits) -> Inspect:
    """Inspect sources on so many processes."""
    return lambda tasks: (
        planned
        for _, planned in outcomes(inspect, tasks, workers, unheard, after_crash, limits=limits, light=True)
    )


def inspect_in_turn(tasks: Sequence[InspectTask]) -> Iterator[PlannedSource]:
    """Inspect one source after another, in this process."""
    return (inspect(task, unheard) for task in tasks)
