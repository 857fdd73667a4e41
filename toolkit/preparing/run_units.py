"""The units of a plan, run on an engine."""

import secrets
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from speechlip.files.writing import PART, remove
from speechlip.preparing.cut.unit import attempt_name, prepare_unit
from speechlip.preparing.job import Job
from speechlip.preparing.place.done_units import DoneUnits
from speechlip.preparing.place.placing import each_whole_result, load_result, result_path
from speechlip.preparing.plan.units import Unit
from speechlip.progress import Progress
from speechlip.workers.auto import usable_cores
from speechlip.workers.engines import Engine
from speechlip.workers.events import Advanced, Crashed, Event, Replaced

CORES_TO_DECODE_AHEAD = 2
"""Of each worker: with as many, one detects faces while the other decodes."""


def run_units(
    job: Job,
    units: Sequence[Unit],
    with_phones: bool,
    engine: Engine,
    workers: int,
    progress: Progress,
    done: DoneUnits | None = None,
) -> DoneUnits:
    """Run every unit without a whole result, or whose result lost a source that a new attempt might keep;
    what came of all units.

    The longest begins first, so that no worker is left with a long one at the end. A source whose worker
    process dies is tried once more in that unit, then refused there.

    done: what an earlier run left, where it was looked at already.
    """
    run = secrets.token_hex(4)
    work = partial(
        prepare_unit,
        options=job.options,
        work_folder=job.work,
        with_phones=with_phones,
        sync_filter=job.sync_filter,
        lessons=job.lessons,
        accept_losses=job.accept_losses,
        spare_core=usable_cores() >= CORES_TO_DECODE_AHEAD * workers,
        run=run,
    )
    done = done or done_units(job, units)
    undone = [unit for unit in units if unit not in done or done.lost([unit])]
    pending = deque(sorted(undone, key=lambda unit: length_s([unit]), reverse=True))
    for unit in pending:
        remove(result_path(job.work, unit))
    total_s = length_s(units)
    progress.begin("preparing", total_s, "s of video", done=total_s - length_s(undone))
    crashes = Counter[tuple[str, str]]()
    for event in engine(work, pending, workers):
        if isinstance(event, Crashed):
            at = event.unit.name, event.source
            crashes[at] += 1
            for left in job.work.glob(f"{attempt_name(event.unit, run)}-*{PART}*"):
                remove(left)
            pending.append(after_crash(event, is_last=crashes[at] > 1))
        report_event(progress, event)
    for unit in undone:
        done.add(unit, load_result(result_path(job.work, unit)))
    return done


def done_units(job: Job, units: Sequence[Unit]) -> DoneUnits:
    """What an earlier run left of these units."""
    done = DoneUnits(job.work)
    for unit, result in each_whole_result(job.work, job.data, units):
        done.add(unit, result)
    return done


def length_s(units: Iterable[Unit]) -> float:
    return sum(planned.part_s for unit in units for planned in unit.sources)


def after_crash(crash: Crashed, is_last: bool) -> Unit:
    """The unit to be run again, without the source that crashed it for the last time or was over a limit."""
    if not (crash.limit or is_last):
        return crash.unit
    return replace(crash.unit, crashed=(*crash.unit.crashed, (crash.source, crash.reason, crash.detail)))


def report_event(progress: Progress, event: Event) -> None:
    """Show an event of the engine."""
    if isinstance(event, Advanced):
        progress.advance(event.seconds, event.source)
    elif isinstance(event, Crashed):
        what = (
            f"{event.source!r} is given up, {event.detail}"
            if event.limit
            else f"a worker died at {event.source!r} ({event.detail})"
        )
        progress.say(f"{what}; its shard is begun again")
    elif isinstance(event, Replaced):
        progress.say(str(event))
