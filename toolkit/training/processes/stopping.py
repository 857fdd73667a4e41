"""SIGINT and SIGTERM while a run steps: the step is finished and saved, then the run ends."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from speechlip.errors import SignalCame
from speechlip.training.processes.ranks import Ranks

Item = TypeVar("Item")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ASKED_EVERY = 10
"""Steps from one time to the next that several processes ask each other; torchrun gives them 30 s."""
RECEIVED = b"\nstopping: this step is finished and saved first; once more stops at once\n"


class Stopped(SignalCame):
    """The run was asked to stop and has.

    checkpoint: the folder with all that was learned; None where no step was made.
    """

    def __init__(self, number: int, step: int, checkpoint: Path | None) -> None:
        super().__init__(number)
        self.step, self.checkpoint = step, checkpoint

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.number).name} after step {self.step}"


class Stop:
    """Whether this process was asked to stop.

    received: the signal that came, signal: the one that all processes of the run obey; 0: none.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks, self.received, self.signal = ranks, 0, 0
        self._of_children: Any = None

    def receive(self, number: int, frame: object) -> None:
        """Note the first signal; the second one ends what is going on.

        torchrun sends two of its own accord.
        """
        if self.received and self.ranks.count == 1:
            raise SignalCame(number)
        self.received = self.received or number
        if (
            self._of_children is None
        ):  # torch's, who would raise amid a step for readers that the same signal ended
            self._of_children = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if self.ranks.first:
            os.write(2, RECEIVED)

    def restore(self) -> None:
        """Give torch back what ``receive`` took; torch sets it once in the life of a process."""
        if self._of_children is not None:
            signal.signal(signal.SIGCHLD, self._of_children)

    def now(self, step: int) -> bool:
        """Whether to stop after this step: all processes of a run say the same."""
        if self.ranks.count == 1:
            self.signal = self.received
        elif step % ASKED_EVERY == 0:
            self.signal = max(self.ranks.collected(self.received))
        return bool(self.signal)

    def until_lost(self, batches: Iterable[Item]) -> Iterator[Item]:
        """The batches; where the readers were ended by the signal that asks to stop, as many as came."""
        try:
            yield from batches
        except RuntimeError:
            if not self.received or self.ranks.count > 1:
                raise
            self.signal = self.received


@contextmanager
def asked_to_stop(ranks: Ranks) -> Iterator[Stop]:
    """While it lasts, SIGINT and SIGTERM are received by a ``Stop``.

    Only the main thread of a program can receive them; elsewhere nothing changes.
    """
    stop = Stop(ranks)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.receive) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.restore()
