"""A file that PyAV writes: its first error is raised, once."""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, BinaryIO

from speechlip.files.callbacks import called_from_c


class Sink:
    """A binary file for ``av.open``; as a context it raises OSError where something could not be written.

    FFmpeg goes on writing before PyAV raises the error that it holds, and PyAV prints all of every further
    one. So after the first nothing is written. Where PyAV has raised it already, it raises words of its own
    for what ends the file; the context raises the error in their place.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | None = None

    @called_from_c
    def write(self, data: bytes) -> int:
        return len(data) if self._error else self._tried(self._file.write, data)

    @called_from_c
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return offset if self._error else self._tried(self._file.seek, offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._error:
            raise self._error

    def _tried(self, what: Callable[..., int], *given: Any) -> int:
        try:
            return what(*given)
        except OSError as error:
            self._error = error
            raise
