"""Units of work as tasks of a Ray cluster.

A task runs its unit on the local engine of its node, with one worker: a process of its own under the node's
limits. So what a source does to its process (a crash in a native library, a hang, too much memory) is told
with the source, as on one machine. Ray loses whole nodes beside; then the unit is given to another.

What travels is pickled by Ray between the driver and the nodes of its own cluster; no file is unpickled.
"""

import os
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from speechlip.errors import OptionError, SpeechLipError, WorkerError
from speechlip.version import VERSION
from speechlip.workers.cluster import UNNAMED, Doing, RayCluster, library
from speechlip.workers.connection import TOKENS, connect, disconnect, refuse_other_tokens, room_for
from speechlip.workers.events import (
    NO_LIMITS,
    Advanced,
    Crashed,
    Event,
    Finished,
    Limits,
    Lost,
    Report,
    Result,
    Unit,
    Work,
)
from speechlip.workers.pool import local, sendable

LOOK_EVERY_S = 0.5
TELL_EVERY_S = 1.0
"""A node adds up its steps for so long: a thousand of them tell the driver."""
AHEAD = 4
"""Tasks that wait in the cluster beside those that have room, so that a free core begins at once."""
LOST_AT_MOST = 3
"""A unit whose worker Ray lost so many times has crashed it: its node may die by what it does."""
LOST_IN_A_ROW = 10
"""So many losses with nothing done between them end the run: the next would be lost as well."""
SEEN_WITHIN_S = 5.0
"""A folder of a network may come to be seen on a node a little after it was made on another."""


@dataclass
class _Running:
    """A task, and where it is; ``told`` once it has said what became of its unit, and only has to end."""

    unit: Any
    source: str = ""
    told: bool = False


def on_ray(
    work: Work[Unit, Result],
    units: deque[Unit],
    workers: int,
    limits: Limits = NO_LIMITS,
    cluster: RayCluster | None = None,
    doing: Doing = UNNAMED,
) -> Iterator[Event[Unit, Result]]:
    """Run units on a cluster, at most ``workers`` at a time, in their order; ``units`` may be extended
    meanwhile.

    Nodes may come and go. An exception in ``work`` is raised here. Raises OptionError where there is no
    cluster, none of its nodes has room for a unit, or one does not see what the units need; WorkerError where
    workers are lost again and again.
    """
    cluster, ray = cluster or RayCluster(), library()
    tokens = os.environ.get(TOKENS)
    ours = connect(ray, cluster)
    task = ray.remote(
        num_returns="streaming",
        max_retries=0,
        num_cpus=cluster.cpus_per_unit,
        num_gpus=cluster.gpus_per_unit,
    )(run_unit)
    told_to_all = VERSION, str(Path.cwd()), doing.places, work
    running: dict[Any, _Running] = {}
    losses, in_a_row = Counter[Any](), 0
    try:
        refuse_other_tokens(ray)
        room, looked_s = room_for(ray, cluster), time.monotonic()
        while units or running:
            if time.monotonic() - looked_s > LOOK_EVERY_S:
                room, looked_s = room_for(ray, cluster), time.monotonic()
            while units and len(running) < min(workers, room + AHEAD):
                unit = units.popleft()
                named = task.options(name=f"{doing.command} {task_name(unit)}".lstrip())
                running[named.remote(*told_to_all, unit, limits)] = _Running(unit)
            for stream in ready(ray, running):
                event = received(ray, stream, running[stream])
                unit = running[stream].unit
                if event is None or isinstance(event, Lost):
                    del running[stream]
                if event is None:
                    continue
                if isinstance(event, Lost):
                    losses[unit] += 1
                    in_a_row += 1
                    if losses[unit] % LOST_AT_MOST == 0 and event.source:
                        event = Crashed(unit, event.source, -signal.SIGKILL)
                    else:
                        units.appendleft(unit)
                elif isinstance(event, Finished):
                    in_a_row = 0
                yield event
                if in_a_row == LOST_IN_A_ROW:
                    raise WorkerError(
                        f"{LOST_IN_A_ROW} workers in a row were lost by Ray, the last {event}; "
                        "`ray logs` says more; the same command goes on where it stopped"
                    )
    finally:
        for stream in running:
            ray.cancel(stream, force=True)
        if ours:
            disconnect(ray, tokens)


def task_name(unit: Any) -> str:
    """What Ray's dashboard shows of a unit.

    >>> task_name("a.mp4")
    'a.mp4'
    """
    own = (getattr(unit, field, None) for field in ("label", "name", "clip"))
    return str(next(filter(None, own), unit))[:80]


def ready(ray: Any, running: dict[Any, _Running]) -> list[Any]:
    """The tasks that have something to say; none after ``LOOK_EVERY_S``."""
    streams = list(running)
    some, _ = ray.wait(streams, num_returns=1, timeout=LOOK_EVERY_S)
    if not some or len(streams) == 1:
        return some
    return ray.wait(streams, num_returns=len(streams), timeout=0)[0]


def received(ray: Any, stream: Any, task: _Running) -> Event | None:
    """The next thing that a task says; None where it has said all and ended. Its exception is raised here.

    A task that is left before its end counts as failed on Ray's dashboard.
    """
    try:
        kind, *said = ray.get(next(stream))
    except StopIteration:
        return None if task.told else Lost(0, task.source, "it ended without a word")
    except ray.exceptions.RayTaskError as error:
        said = str(error.cause).partition("\n")[0]
        raise WorkerError(f"a Ray task failed ({said}); is speechlip {VERSION} on every node?") from error
    except ray.exceptions.RayError as error:
        return None if task.told else Lost(0, task.source, type(error).__name__)
    if kind == "advanced":
        task.source = said[0]
        return Advanced(task.unit, *said)
    task.told = True
    if kind == "crashed":
        return Crashed(task.unit, *said)
    if kind == "error":
        raise said[0]
    return Finished(task.unit, said[0])


def run_unit(
    version: str, folder: str, places: tuple[Path, ...], work: Work, unit: Any, limits: Limits
) -> Iterator[tuple]:
    """A unit on this node; what is told of it, without the unit: ``advanced``, then one other.

    Steps are added up for ``TELL_EVERY_S``. folder: in which the driver was started.
    """
    if refusal := unfit(version, [Path(folder, place) for place in places]):
        yield "error", OptionError(f"node {os.uname().nodename} {refusal}")
        return
    source, passed_s, told_s = "", 0.0, 0.0
    try:
        for event in local(partial(in_folder, work=work, folder=folder), deque([unit]), 1, limits):
            if isinstance(event, Advanced):
                if event.source != source and passed_s:
                    yield "advanced", source, passed_s
                    passed_s = 0.0
                begins = event.source != source
                source, passed_s = event.source, passed_s + event.seconds
                if begins or time.monotonic() - told_s > TELL_EVERY_S:
                    yield "advanced", source, passed_s
                    passed_s, told_s = 0.0, time.monotonic()
            elif isinstance(event, Crashed):
                yield "crashed", event.source, event.exit_code, event.limit
            elif isinstance(event, Finished):
                if passed_s:
                    yield "advanced", source, passed_s
                yield "finished", event.result
    except Exception as error:
        ours = isinstance(error, SpeechLipError)
        yield "error", sendable(named(error)) if ours else WorkerError(f"{type(error).__name__}: {error}")


def unfit(version: str, places: Sequence[Path]) -> str:
    """Why this node cannot do a unit of a driver of that release; empty where it can."""
    if version != VERSION:
        return f"has speechlip {VERSION}, the driver has {version}; install one"
    for place in places:
        looked_s = time.monotonic()
        while not place.exists():
            if time.monotonic() - looked_s > SEEN_WITHIN_S:
                return (
                    f"does not see {place}, which the driver has: videos, shards, -o, --work, --cache and "
                    "SPEECHLIP_HOME have to lie where all nodes see them, under the same paths"
                )
            time.sleep(0.1)
    return ""


def named(error: Exception) -> Exception:
    """The error of a unit, with the node that it came from where it is a sentence."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]} (on node {os.uname().nodename})",)
    return error


def in_folder(unit: Unit, report: Report, work: Work[Unit, Result], folder: str) -> Result:
    """``work`` where the driver was started, so that paths mean there what they mean here."""
    with suppress(OSError):  # a node may not have it: then every path is absolute
        os.chdir(folder)
    return work(unit, report)
