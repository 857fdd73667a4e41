"""One file of an object store as a stream."""

from collections.abc import Iterator

from speechlip.errors import HubError
from speechlip.remote.stores import store_at


class StoreStream:
    """The bytes of one file, in their order, from byte ``start`` on; asked for in blocks of 8 MB.

    ``commit`` is empty: a store has none. Raises HubError where the file is not there or the store stays
    away, OptionError for a URL with credentials in it.
    """

    commit = ""

    def __init__(self, url: str, start: int = 0) -> None:
        folder, _, name = url.rpartition("/")
        store = store_at(folder)
        n_bytes = store.size(name)
        if n_bytes is None:
            raise HubError(f"there is no {url}; check the name")
        self._blocks: Iterator[bytes] = store.blocks(name, n_bytes, start)
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """``size`` bytes, fewer at the end; all that is left where it is negative."""
        parts, n_bytes = [self._left], len(self._left)
        while (size < 0 or n_bytes < size) and (block := next(self._blocks, b"")):
            parts.append(block)
            n_bytes += len(block)
        data = b"".join(parts)
        self._left = data[size:] if size >= 0 else b""
        return data[:size] if size >= 0 else data

    def __enter__(self) -> "StoreStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks, self._left = iter(()), b""
