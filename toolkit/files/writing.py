"""Files that appear whole or not at all, and folders that can be written."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from speechlip.errors import GO_ON, ReadError, WriteError

if TYPE_CHECKING:
    import numpy as np

NAME_BYTES = 255
"""The longest name of a file that Linux and macOS know."""
PART = ".part"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears under its name only when it is complete.

    It is written to ``.part``, fsynced and renamed, then its folder is fsynced. Raises WriteError where it
    cannot be written (no space, no permission); then nothing is left of it. ReadError passes: it is of a file
    that is read meanwhile.
    """
    part = path.with_name(part_name(path.name))
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        remove(part)
        if isinstance(error, OSError) and not isinstance(error, ReadError):
            raise WriteError(f"cannot write {path}: {error.strerror or error}; {GO_ON}") from error
        raise


def part_name(name: str) -> str:
    """The name of a file while it is written: its name and ``.part``; a very long name is shortened.

    >>> part_name("a.tar"), len(part_name("ü" * 127))
    ('a.tar.part', 134)
    """
    encoded = os.fsencode(name)
    if len(encoded) + len(PART) <= NAME_BYTES:
        return name + PART
    room = NAME_BYTES - len(PART) - 1 - 8
    return (
        os.fsdecode(encoded[:room]).encode("utf-8", "ignore").decode()
        + f"-{hashlib.sha256(encoded).hexdigest()[:8]}{PART}"
    )


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_array(file: BinaryIO, array: "np.ndarray") -> None:
    """Write an array as ``numpy.save`` does, which hides what a full disk says, and writes an array that is
    not contiguous number by number.
    """
    import numpy as np

    rows = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(rows))
    file.write(rows.data)


def mapped_array(path: Path, shape: tuple[int, ...], dtype: type["np.generic"]) -> "np.ndarray":
    """An array of zeros that lies in a ``.npy`` file, which is as large on the disk as it says.

    On a full disk the system would kill a process that fills an array mapped into a file with holes. Raises
    WriteError.
    """
    import numpy as np

    try:
        array = np.lib.format.open_memmap(path, "w+", dtype, shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        remove(path)
        raise WriteError(f"cannot write {path}: {error.strerror or error}; {GO_ON}") from error
    return array


def write_text(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def remove(path: Path) -> None:
    """Remove a file that may not be there; what hinders it is left to whoever writes there next."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def holds_something(path: Path) -> bool:
    """Whether there is a folder with something in it, or anything else of that name."""
    return any(path.iterdir()) if path.is_dir() else os.path.lexists(path)


def make_folder(folder: Path) -> Path:
    """Make ``folder`` with all above it, where it is not there. Raises WriteError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(folder, error) from error
    return folder


def check_writable(folder: Path) -> None:
    """Make ``folder`` and raise WriteError now where it cannot be written, not after an hour of work."""
    probe = make_folder(folder) / f".write-test-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _no_place(folder, error) from error


def _no_place(folder: Path, error: OSError) -> WriteError:
    return WriteError(f"cannot write to {folder}: {error.strerror or error}; choose another place")


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """An empty folder while the block lasts. Raises WriteError.

    What a killed run left there is removed first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield make_folder(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
