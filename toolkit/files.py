"""Files that appear whole or not at all, folders held for one run, and hashes of files."""

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .errors import OptionError, WriteError
from .processes import alive

BLOCK_BYTES = 1 << 20
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell of text for a formula, which may fetch and send."""
NAME_BYTES = 255
"""The longest name of a file that Linux and macOS know."""
PART, LOCK = ".part", ".lock"
GO_ON = "what is finished is kept: mend that and run the same command again"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears under its name only when it is complete: written to ``.part``, fsynced, renamed, its folder fsynced.

    Raises WriteError where it cannot be written (no space, no permission); then nothing is left of it.
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
        if isinstance(error, OSError):
            raise WriteError(f"cannot write {path}: {error.strerror or error}; {GO_ON}") from error
        raise


def part_name(name: str) -> str:
    """What a file is called while it is written: its name and ``.part``, and less of a name that is as long as a name may be.

    >>> part_name("a.tar"), len(part_name("ü" * 127))
    ('a.tar.part', 134)
    """
    encoded = os.fsencode(name)
    if len(encoded) + len(PART) <= NAME_BYTES:
        return name + PART
    room = NAME_BYTES - len(PART) - 1 - 8
    return os.fsdecode(encoded[:room]).encode("utf-8", "ignore").decode() + f"-{hashlib.sha256(encoded).hexdigest()[:8]}{PART}"


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def remove(path: Path) -> None:
    """Remove a file that may not be there, or cannot be there; what hinders it is left to whoever writes there next."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def is_file(path: Path) -> bool:
    """Whether there is such a file; also for names that are longer than any can be."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def make_folder(folder: Path) -> Path:
    """Make ``folder`` with all above it, where it is not there. Raises WriteError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write to {folder}: {error.strerror or error}; choose another place") from error
    return folder


def check_writable(folder: Path) -> None:
    """Make ``folder`` and raise WriteError now where it cannot be written, not after an hour of work."""
    probe = make_folder(folder) / f".write-test-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WriteError(f"cannot write to {folder}: {error.strerror or error}; choose another place") from error


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold ``folder``, made where it is not there, for this process, so that two runs never write into one; a killed run holds nothing.

    Raises OptionError where another run holds it, WriteError where it cannot be made.
    """
    held = _lock(make_folder(folder))
    try:
        yield
    finally:
        os.close(held)


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """An empty folder while the block lasts; what a killed run left there is removed first. Raises WriteError."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield make_folder(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int:
    """A descriptor that holds the lock: of the folder itself, or of ``LOCK`` in it where the file system (NFS) locks only what is written."""
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


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV text, missing values as empty cells, numbers in full. Text that a spreadsheet would take for a formula has a ``'`` before it.

    >>> csv_text(["clip", "score"], [{"clip": "=1+1.mp4", "score": -0.5}, {"clip": "a.mp4", "score": None}])
    "clip,score\\n'=1+1.mp4,-0.5\\na.mp4,\\n"
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            alive()
    return digest.hexdigest()


def file_stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and modification time in ns of a file, zeros if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
