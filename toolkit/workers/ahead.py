"""A generator in a thread of its own, a few items ahead of whoever reads it.

Decoders, detectors and networks leave the interpreter while they compute, so two such generators, or one and
its reader, keep two cores busy.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, TypeVar

Item = TypeVar("Item")
ITEMS = 3
"""How far it runs ahead: enough to even out slow items, and not many frames in memory."""
LOOK_S = 0.05


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Ahead(Iterator[Item]):
    """The items of a generator in the same order; what it raises is raised in its place among them.

    Closed, it ends the thread and closes the generator.

    >>> list(Ahead(number**2 for number in range(4)))
    [0, 1, 4, 9]
    """

    def __init__(self, items: Generator[Item]) -> None:
        self._made: Queue[Any] = Queue(ITEMS)
        self._left = Event()
        self._thread = Thread(target=self._make, args=(items,), daemon=True)
        self._thread.start()

    def __next__(self) -> Item:
        if self._left.is_set():
            raise StopIteration
        item = self._made.get()
        if not isinstance(item, _End):
            return item
        self._left.set()
        raise item.error or StopIteration

    def close(self) -> None:
        self._left.set()
        while self._thread.is_alive():
            try:
                self._made.get(timeout=LOOK_S)  # room for the item that the thread may be waiting to add
            except Empty:
                continue
        self._thread.join()

    def _make(self, items: Generator[Item]) -> None:
        end = _End()
        try:
            with closing(items):
                for item in items:
                    self._made.put(item)
                    if self._left.is_set():
                        return
        except BaseException as error:  # whoever reads is told
            end = _End(error)
        self._made.put(end)
