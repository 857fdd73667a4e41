"""One file of an object store as a stream."""

from collections.abc import Iterator

from speechlip.errors import NotThere
from speechlip.remote.blocks import BlockReader
from speechlip.remote.stores import store_at


class StoreStream(BlockReader):
    """The bytes of one file, in their order, from byte ``start`` on; asked for in blocks of 8 MB.

    ``commit`` is empty: a store has none. Raises NotThere where there is no such file, HubError where the
    store stays away, OptionError for a URL with credentials in it.
    """

    commit = ""

    def __init__(self, url: str, start: int = 0) -> None:
        folder, _, name = url.rpartition("/")
        store = store_at(folder)
        n_bytes = store.size(name)
        if n_bytes is None:
            raise NotThere(f"there is no {url}; check the name")
        self._blocks: Iterator[bytes] = store.blocks(name, n_bytes, start)

    def next_block(self) -> bytes:
        return next(self._blocks, b"")

    def __enter__(self) -> "StoreStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks, self._left = iter(()), b""
