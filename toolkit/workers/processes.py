"""Processes for work, which begin at once: on Linux they are forked from a server that has the libraries.

The libraries take seconds of CPU to import; forked processes share the memory of what is imported. The
server runs nothing but imports: no GPU is open in it when it forks, and its only threads are OpenBLAS's idle
ones, which OpenBLAS starts anew after a fork. Python 3.14 starts processes this way by default on Linux;
elsewhere they are started afresh.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from types import ModuleType
from typing import Any

from speechlip.errors import WorkerError

IMPORTED_ONCE = [
    "torch",
    "torchaudio",
    "av",
    "cv2",
    "soundfile",
    "PIL.Image",
    "webdataset",
]
START_TRIES, PAUSE_S, PULSE_S = 5, 0.2, 1.0
STEP_S = 1e-6
"""Of a source, as small as a step can be."""


def process_context(light: bool = False) -> ForkServerContext | SpawnContext:
    """The multiprocessing context in which every process of speechlip is started.

    light: for work without the large libraries: a fresh interpreter is ready before the server is.
    """
    if light or sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    return context


class Server:
    """Whether the server has answered already, so that it has the libraries."""

    ready = False


def start_server() -> None:
    """Let the server begin to import the libraries while this process does something else."""
    if process_context().get_start_method() == "forkserver":
        with suppress(EOFError, OSError), interrupts_held(), script_hidden():
            forkserver.ensure_running()


def started(target: Callable[..., object], *args: Any, light: bool = False) -> tuple[Any, Connection]:
    """A daemon process that runs ``target(pipe, *args)``, and the other end of its pipe.

    light: as ``process_context`` takes it; forked all the same once the server is ready.

    The server from which it is forked may have been killed: it is started anew. Raises WorkerError where no
    process can be started.
    """
    context = process_context(light and not Server.ready)
    failures = 0
    while True:
        near, far = context.Pipe()
        process = context.Process(target=target, args=(far, *args), daemon=True)
        try:
            with interrupts_held(), script_hidden():
                process.start()
            Server.ready = context.get_start_method() == "forkserver" or Server.ready
            return process, near
        except (EOFError, OSError) as error:
            near.close()
            failures += 1
            if failures == START_TRIES:
                why = str(error) or type(error).__name__
                raise WorkerError(
                    f"no worker process can be started ({why}); "
                    "free memory or processes and run the command again"
                ) from error
            time.sleep(PAUSE_S)
        finally:
            far.close()


@contextmanager
def script_hidden() -> Iterator[None]:
    """A process started inside imports speechlip, and nothing of the script that runs.

    Without ``if __name__ == "__main__":`` the script would run anew in every process.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is over.

    A process started inside never gets Ctrl-C: its parent does, and ends its workers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread handles signals
        return
    resource_tracker.ensure_running()  # the first process started would start it, and so lift the block
    caught: list[int] = []
    held = (signal.SIGINT, signal.SIGTERM)
    # other threads may take the signal
    handlers = {each: signal.signal(each, lambda number, frame: caught.append(number)) for each in held}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what the new process inherits
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for each, handler in handlers.items():
            signal.signal(each, handler)
    for number in caught[:1]:
        signal.raise_signal(number)


class Pulse:
    """Signs of life of this process, for whoever waits for it.

    ``told`` is called at most once a second while ``beat`` is called, which costs next to nothing.
    """

    def __init__(self) -> None:
        self.told: Callable[[], object] | None = None
        self.last_s = 0.0

    def beat(self) -> None:
        """Called by what takes long as it gets on: for every packet, every block."""
        if self.told and time.monotonic() - self.last_s > PULSE_S:
            self.last_s = time.monotonic()
            self.told()


PULSE = Pulse()
alive = PULSE.beat


@contextmanager
def steps_told(report: Callable[[str, float], None], source: str) -> Iterator[None]:
    """While the block lasts, ``report`` hears once a second that ``source`` gets on: for work that takes
    long and that no limit of time holds.
    """
    is_over = threading.Event()

    def tell() -> None:
        while not is_over.wait(PULSE_S):
            report(source, STEP_S)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
        teller.join()


def resident_bytes(pid: int) -> int:
    """Memory that a process holds (resident set), 0 where it cannot be known or the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        pass
    if sys.platform == "linux":
        return 0
    try:
        said = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        return int(said) * 1024
    except (OSError, ValueError):
        return 0


@lru_cache
def use_one_thread() -> None:
    """One thread in this process: more would only take turns with the other processes.

    Torch, OpenCV, and what numpy and scipy multiply with. Decoders and detectors have one thread anyway.
    """
    import cv2
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    threadpool_limits(1)
