"""Folders held for one run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechlip.errors import OptionError, WriteError
from speechlip.files.writing import make_folder

LOCK = ".lock"


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process, so that two runs never write into one; made where it is not there.

    A killed run holds nothing. Raises OptionError where another run holds it, WriteError where it cannot be
    made.
    """
    held = _lock(make_folder(folder))
    try:
        yield
    finally:
        os.close(held)


def _lock(folder: Path) -> int:
    """A descriptor that holds the lock: of the folder itself.

    Where the file system locks only what is written (NFS), it is that of ``LOCK`` in the folder.
    """
    import fcntl

    taken = OptionError(f"another run is writing to {folder}; wait for it, or choose another -o")
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return held
    except BlockingIOError:
        os.close(held)
        raise taken from None
    except OSError:
        os.close(held)
    try:
        held = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o666)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise taken from None
    except OSError as error:
        raise WriteError(f"cannot lock {folder}: {error.strerror or error}; choose another place") from error
    return held
