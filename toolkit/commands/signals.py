"""Ctrl-C and SIGTERM end a command in one sentence, wherever they come."""

import os
import signal
import threading
import time
from types import FrameType

from speechlip.errors import SignalCame
from speechlip.files.callbacks import amid_callback

AGAIN_S, LONGEST_S = 0.02, 20.0


class EndSoon:
    """Handler of a signal: raises SignalCame.

    Amid a function that C calls, or an import, the signal is sent again a little later, for ``LONGEST_S`` at
    most.
    """

    def __init__(self) -> None:
        self._waits_since_s: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        since_s = now_s if self._waits_since_s is None else self._waits_since_s
        if not amid_callback(frame) or now_s - since_s > LONGEST_S:
            self._waits_since_s = None
            raise SignalCame(number)
        self._waits_since_s = since_s
        again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()


def hear_signals() -> None:
    """SIGTERM ends a command as Ctrl-C does: in one sentence, with nothing half done and no process left."""
    if threading.current_thread() is not threading.main_thread():
        return
    usual = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    for each, handler in usual.items():
        if signal.getsignal(each) is handler:
            signal.signal(each, EndSoon())
