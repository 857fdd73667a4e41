"""Units of work on processes of this machine: one that dies, hangs or swallows the memory stops no other.

``work(unit, report)`` is a module-level function; it calls ``report(source, seconds)`` when it begins a
source (0 s) and as it goes. A process that dies at a source is reported with it. One that dies with nothing
to do, or before its unit's first report, is replaced, and another does its unit. One that is over the limits
is ended here, and its source is reported with the reason.
"""

import os
import pickle
import threading
import time
from collections import deque
from collections.abc import Iterator
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from speechlip.checks import check_worker_count
from speechlip.errors import SpeechLipError, WorkerError
from speechlip.workers.events import (
    NO_LIMITS,
    PATIENCE,
    Advanced,
    Crashed,
    Event,
    Finished,
    Limits,
    Replaced,
    Result,
    Unit,
    Work,
)
from speechlip.workers.processes import PULSE, resident_bytes, started

LOOK_EVERY_S = 0.5
TELL_EVERY_S = 0.1
"""A worker adds up its steps for so long: messages for every frame of many workers keep the parent busy."""
JOIN_S = 5.0
FALSE_STARTS = 5
"""So many processes in a row that end before they do anything end the run: the next would as well."""


def local(
    work: Work[Unit, Result],
    units: deque[Unit],
    workers: int,
    limits: Limits = NO_LIMITS,
    light: bool = False,
) -> Iterator[Event[Unit, Result]]:
    """Run units on ``workers`` processes of this machine; ``units`` may be extended meanwhile.

    light: as ``process_context`` takes it.

    An exception in ``work`` is raised here. Raises OptionError for what is no number of workers, such as
    ``auto``, WorkerError where processes end again and again before they do anything.
    """
    check_worker_count(workers)
    running: dict[Connection, _Worker] = {}
    false_starts, looked_s = 0, time.monotonic()
    try:
        while units or any(worker.unit is not None for worker in running.values()):
            while units and len(running) < workers:
                worker = _Worker(work, light)
                running[worker.pipe] = worker
            for worker in running.values():
                if units and worker.unit is None:
                    worker.assign(units.popleft())
            for pipe in wait(list(running), None if limits == NO_LIMITS else LOOK_EVERY_S):
                worker = running[pipe]  # type: ignore[index]
                event = worker.receive()
                if isinstance(event, Crashed | Replaced):
                    del running[worker.pipe]
                false_starts = false_starts + 1 if isinstance(event, Replaced) else 0
                if isinstance(event, Replaced) and worker.unit is not None:
                    units.appendleft(worker.unit)
                yield event
                if false_starts == FALSE_STARTS:
                    raise WorkerError(_why_no_workers(event))
            if limits == NO_LIMITS or time.monotonic() - looked_s < LOOK_EVERY_S:
                continue
            looked_s = time.monotonic()
            for worker in list(running.values()):
                if why := worker.over(limits):
                    del running[worker.pipe]
                    yield worker.ended(why)
    finally:
        for worker in running.values():
            worker.dismiss()


def _why_no_workers(last: Event) -> str:
    code = last.exit_code if isinstance(last, Replaced) else 0
    return (
        f"{FALSE_STARTS} worker processes in a row ended before they began (exit code {code}): "
        "see the message above, or free memory; the same command goes on where it stopped"
    )


class _Worker:
    """One process, the pipe to it, what it is doing, and when it last gave a sign of life and made a step."""

    def __init__(self, work: Work, light: bool) -> None:
        self.process, self.pipe = started(_serve, work, dict(os.environ), light=light)
        self.unit: Any = None
        self.source, self.sign_s, self.step_s = "", 0.0, 0.0

    def assign(self, unit: Any) -> None:
        self.unit, self.source, self.sign_s = unit, "", time.monotonic()
        try:
            self.pipe.send(unit)
        except (BrokenPipeError, ConnectionResetError):
            return  # it has ended, which is heard next

    def receive(self) -> Event:
        """The next thing the process says of its unit, or that it died."""
        try:
            kind, value = self.pipe.recv()
        except (EOFError, OSError):
            return self.ended()
        self.sign_s = time.monotonic()
        if kind == "error":
            raise value
        if kind == "advanced":
            before, (self.source, passed_s) = self.source, value
            self.step_s = self.sign_s if passed_s > 0 or self.source != before else self.step_s
            return Advanced(self.unit, self.source, passed_s)
        unit, self.unit = self.unit, None
        return Finished(unit, value)

    def over(self, limits: Limits) -> str:
        """Which limit the process is over, as a sentence, or an empty one."""
        if limits == NO_LIMITS or not self.source or self.unit is None or self.pipe.poll():
            return ""
        still_s, silent_s = time.monotonic() - self.step_s, time.monotonic() - self.sign_s
        if limits.wait_s and silent_s > limits.wait_s:
            return f"no step forward in {limits.wait_s:g} s (--max-wait)"
        if limits.wait_s and still_s > PATIENCE * limits.wait_s:
            return f"no step forward in {PATIENCE * limits.wait_s:g} s of reading ({PATIENCE} × --max-wait)"
        held = resident_bytes(self.process.pid) if limits.memory_bytes else 0
        if held > limits.memory_bytes:
            allowed = limits.memory_bytes / 1e9
            return f"{held / 1e9:.1f} GB of memory, {allowed:.1f} GB are allowed (--max-memory)"
        return ""

    def ended(self, limit: str = "") -> Crashed | Replaced:
        """What to tell of a process that died, or that is ended here for ``limit``."""
        self.dismiss(kill=bool(limit))
        exit_code = self.process.exitcode or 0
        if self.unit is None or not self.source:
            return Replaced(exit_code)
        return Crashed(self.unit, self.source, exit_code, limit)

    def dismiss(self, kill: bool = True) -> None:
        if kill:
            self.process.kill()
        self.process.join(JOIN_S)
        if self.process.is_alive():
            self.process.kill()
        self.pipe.close()


def _serve(pipe: Connection, work: Work, environment: dict[str, str]) -> None:
    """Life of a worker: take a unit, work, answer, until the other end of the pipe is gone."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    os.environ.clear()  # a forked process has the server's, which may be older
    os.environ.update(environment)

    teller = _Teller(pipe)
    PULSE.told = teller.tell
    try:
        while True:
            unit = pipe.recv()
            teller.source = ""
            try:
                answer = ("finished", work(unit, teller.report))
            except Exception as error:
                answer = ("error", sendable(error))
            teller.tell_rest()
            pipe.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class _Teller:
    """Tells the parent where a worker is: at once when a source begins, then ``TELL_EVERY_S`` apart.

    Threads that read files side by side may tell at once.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.RLock()
        self.source, self._passed_s, self._told_s = "", 0.0, 0.0

    def report(self, source: str, passed_s: float) -> None:
        """The ``Report`` that work calls."""
        with self._lock:
            begins = source != self.source
            if begins:
                self.tell_rest()
                self.source = source
            self._passed_s += passed_s
            if begins or time.monotonic() - self._told_s > TELL_EVERY_S:
                self.tell()

    def tell_rest(self) -> None:
        """What has been got through and not been told."""
        if self._passed_s:
            self.tell()

    def tell(self) -> None:
        """The same, or that there is nothing more, which is a sign of life."""
        if not self.source:
            return
        try:
            with self._lock:
                passed_s, self._passed_s, self._told_s = self._passed_s, 0.0, time.monotonic()
                self._pipe.send(("advanced", (self.source, passed_s)))
        except OSError:
            os._exit(1)  # nobody hears; an exception would be taken for one of the source


def sendable(error: Exception) -> Exception:
    """The error where a pipe carries it, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return SpeechLipError(f"{type(error).__name__}: {error}")
    return error


def _end_with_the_parent() -> None:
    """A worker whose parent was killed ends at once.

    What it would still write belongs to the run that goes on.
    """
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
