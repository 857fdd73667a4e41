"""Folders held for one run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechlip.errors import OptionError, WriteError
from speechlip.files.writing import make_folder

LOCK = ".lock"


@contextmanager
def beside_others(folder: Path) -> Iterator[None]:
    """Hold ``folder`` together with others who call this, so that nobody holds it by ``only_run``.

    Raises OptionError where somebody does, WriteError where it cannot be made.
    """
    held = _lock(make_folder(folder), shared=True)
    try:
        yield
    finally:
        os.close(held)


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


def _lock(folder: Path, shared: bool = False) -> int:
    """A descriptor that holds the lock: of the folder itself.

    Where the file system locks only what is written (NFS), it is that of ``LOCK`` in the folder.
    """
    import fcntl

    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    taken = OptionError(f"another run is writing to {folder}; wait for it, or choose another -o")
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, how)
        return held
    except BlockingIOError:
        os.close(held)
        raise taken from None
    except OSError:
        os.close(held)
    try:
        held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(held, how)
    except BlockingIOError:
        os.close(held)
        raise taken from None
    except OSError as error:
        raise WriteError(f"cannot lock {folder}: {error.strerror or error}; choose another place") from error
    return held
