"""Size, time and SHA-256 of a file."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from speechlip.files.reading import read_errors_told
from speechlip.workers.processes import alive

Item = TypeVar("Item")
BLOCK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits. Raises ReadError, OSError with the file's name."""
    digest = hashlib.sha256()
    try:
        with read_errors_told(path), path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                alive()
    except OSError as error:
        error.filename = error.filename or path.name
        raise
    return digest.hexdigest()


def file_stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and modification time in ns of a file, zeros if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def largest_first(items: Iterable[Item], files: Callable[[Item], Iterable[Path | None]]) -> list[Item]:
    """Items by the bytes of their files, so that the longest work begins first and no worker is left with it.

    files: of an item; None is none.
    """
    return sorted(
        items, key=lambda item: sum(file_stamp(path)[0] for path in files(item) if path), reverse=True
    )
