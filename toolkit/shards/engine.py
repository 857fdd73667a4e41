"""Engines run units of work on processes. An engine is one function: ``engine(work, units, workers)`` yields events as they happen.

``work(unit, report)`` is a module-level function; it calls ``report(source_name, seconds)`` when it begins a source (0 s) and as it goes.
``units`` is a queue that the caller may extend while the engine runs. A cluster engine plugs in by the entry-point group
``speechlip.engines`` and yields the same events.
"""

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from speechlip.errors import OptionError
from speechlip.processes import process_context

from .plan import Unit

Work = Callable[[Unit, Callable[[str, float], None]], Any]


@dataclass(frozen=True)
class Advanced:
    """A worker is at ``source`` and has got through ``seconds`` more of it."""

    unit: Unit
    source: str
    seconds: float


@dataclass(frozen=True)
class Finished:
    """A unit is done; ``result`` is what ``work`` returned."""

    unit: Unit
    result: Any


@dataclass(frozen=True)
class Crashed:
    """A worker process died while it was at ``source`` (a crash in a native library, or killed for memory)."""

    unit: Unit
    source: str
    exit_code: int


Event = Advanced | Finished | Crashed
Engine = Callable[[Work, "deque[Unit]", int], Iterator[Event]]


def local(work: Work, units: "deque[Unit]", workers: int) -> Iterator[Event]:
    """Run units on ``workers`` processes of this machine. An exception in ``work`` ends the run and is raised here."""
    staff: dict[Any, _Worker] = {}
    try:
        while units or any(worker.unit for worker in staff.values()):
            while units and len(staff) < workers:
                worker = _Worker(work)
                staff[worker.pipe] = worker
            for worker in staff.values():
                if units and worker.unit is None:
                    worker.begin(units.popleft())
            for pipe in wait(list(staff)):
                event = staff[pipe].hear()
                if isinstance(event, Crashed):
                    del staff[pipe]
                yield event
    finally:
        for worker in staff.values():
            worker.dismiss()


def outcomes(
    work: Callable[[Any, Callable[[str, float], None]], Any],
    tasks: Sequence[Any],
    workers: int,
    advanced: Callable[[str, float], None],
    lost: Callable[[Any, int], Any],
) -> Iterator[tuple[Any, Any]]:
    """Each task with what ``work`` made of it, as they end; one worker: in this process.

    A task whose process dies is tried once more; then ``lost(task, exit_code)`` stands for its result. Tasks are hashable and differ.
    """
    if workers < 2:
        for task in tasks:
            yield task, work(task, advanced)
        return
    pending, crashes = deque(tasks), Counter[Any]()
    for event in local(work, pending, min(workers, len(pending))):
        if isinstance(event, Advanced):
            advanced(event.source, event.seconds)
        elif isinstance(event, Finished):
            yield event.unit, event.result
        elif crashes[event.unit]:
            yield event.unit, lost(event.unit, event.exit_code)
        else:
            crashes[event.unit] += 1
            pending.append(event.unit)


class _Worker:
    """One process, the pipe to it, and what it is doing."""

    def __init__(self, work: Work) -> None:
        context = process_context()
        self.pipe, far_end = context.Pipe()
        self.process = context.Process(target=_serve, args=(work, far_end, dict(os.environ)), daemon=True)
        with interrupts_held():
            self.process.start()
        far_end.close()
        self.unit: Unit | None = None
        self.source = ""

    def begin(self, unit: Unit) -> None:
        self.unit, self.source = unit, ""
        self.pipe.send(unit)

    def hear(self) -> Event:
        """The next thing the process says of its unit, or that it died. A process without a unit says nothing."""
        if self.unit is None:
            raise RuntimeError("a worker process ended while it had nothing to do")
        try:
            kind, value = self.pipe.recv()
        except EOFError:
            self.process.join()
            return Crashed(self.unit, self.source, self.process.exitcode or 0)
        if kind == "error":
            raise value
        if kind == "advanced":
            self.source, passed_s = value
            return Advanced(self.unit, self.source, passed_s)
        unit, self.unit = self.unit, None
        return Finished(unit, value)

    def dismiss(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the block is over. A process started inside never gets it: it is the parent's business, which ends its workers."""
    resource_tracker.ensure_running()  # the first start of a process would start it, and lift the block on its way
    caught: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))  # other threads of this process may take the signal
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what the new process inherits
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if caught and callable(handler):
        handler(signal.SIGINT, None)


def _serve(work: Work, pipe: Connection, environment: dict[str, str]) -> None:
    """Life of a worker: take a unit, work, answer, until the other end of the pipe is gone."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    os.environ.clear()  # a forked process has the server's, which may be older
    os.environ.update(environment)

    def report(source: str, passed_s: float) -> None:
        try:
            pipe.send(("advanced", (source, passed_s)))
        except OSError:
            os._exit(1)  # nobody hears; an exception would be taken for one of the source

    try:
        while True:
            unit = pipe.recv()
            try:
                answer = ("finished", work(unit, report))
            except Exception as error:
                answer = ("error", error)
            pipe.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _end_with_the_parent() -> None:
    """A worker whose parent was killed ends at once: what it would still write belongs to the run that goes on."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


ENGINES: dict[str, Engine] = {"local": local}


def get_engine(name: str) -> Engine:
    """The engine of that name: built in, or from the entry-point group ``speechlip.engines``. Raises OptionError listing those there are."""
    from importlib.metadata import entry_points

    plugins = {entry.name: entry for entry in entry_points(group="speechlip.engines")}
    if name in ENGINES:
        return ENGINES[name]
    if name in plugins:
        return plugins[name].load()
    raise OptionError(f"no engine {name!r}; there are: {', '.join(sorted([*ENGINES, *plugins]))}")
