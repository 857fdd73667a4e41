"""Messages of C++ libraries kept off the terminal."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ONE_AT_A_TIME = threading.Lock()
"""File descriptor 2 is the whole process's: another thread would take this one's file for the terminal."""


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep the C++ library's messages off the terminal; where the block fails they are shown after all.

    It writes to file descriptor 2 and has no switch for it.
    """
    with ONE_AT_A_TIME, tempfile.TemporaryFile() as chatter:
        sys.stderr.flush()
        terminal = os.dup(2)
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except Exception:
            chatter.seek(0)
            os.write(terminal, chatter.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
