"""Files that a disk or a network does not give, told from files that are damaged or forbidden."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechlip.errors import ReadError

OF_DISKS = {
    errno.EIO,
    errno.ENXIO,
    errno.ENODEV,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ENOTCONN,
    errno.ECONNRESET,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EREMOTEIO if hasattr(errno, "EREMOTEIO") else errno.EIO,
}
"""Error numbers of disks, USB sticks and network disks that fail or go away."""


def of_disk(error: BaseException | None) -> bool:
    """Whether an error says of a file that its disk or network does not give it."""
    return isinstance(error, OSError) and error.errno in OF_DISKS


@contextmanager
def read_errors_told(path: Path) -> Iterator[None]:
    """Around reading ``path``: raises ReadError where its disk or network fails; other errors as they are."""
    try:
        yield
    except OSError as error:
        if of_disk(error):
            raise ReadError(error.errno, error.strerror, str(path)) from error
        raise


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises ReadError, OSError."""
    with read_errors_told(path):
        return path.read_bytes()
