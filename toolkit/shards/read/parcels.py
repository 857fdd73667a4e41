"""Items with arrays on their way from a worker to the process that asked for them, in memory that both map.

An item is pickled without its arrays: keys, shapes and numbers go through the pipe, a few kB. The arrays are
copied into a block of shared memory, which is used again as soon as nothing refers to them any more. New
shared memory costs more than what it is filled with: 7 ms for a batch of 9 MB, page by page, where a block
that was used before takes 0.2 ms. Where all blocks are held, an item gets memory of its own.

The memory has no name and does not lie in /dev/shm, so that a container's limit of that does not matter.
"""

import mmap
import os
import pickle
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np
import torch

BLOCKS_PER_WORKER = 4
"""One being filled, two that wait (DataLoader's ``prefetch_factor``), one in use."""
ALIGNED = 64
"""Bytes, a line of the cache: where arrays begin."""
_NUMBERS = count()
_OPEN: "weakref.WeakValueDictionary[int, Blocks]" = weakref.WeakValueDictionary()


class Memory:
    """``n_bytes`` of memory that a process can send to another; none is taken before it is written to."""

    def __init__(self, n_bytes: int, descriptor: int | None = None) -> None:
        self.n_bytes = n_bytes
        self.descriptor = _sized(n_bytes) if descriptor is None else descriptor
        self.map = mmap.mmap(self.descriptor, n_bytes)

    def __reduce__(self) -> tuple[Callable, tuple]:
        return _received, (self.n_bytes, DupFd(self.descriptor))

    def __del__(self) -> None:
        os.close(self.descriptor)

    def array(self) -> np.ndarray:
        """All of it as bytes."""
        return np.frombuffer(self.map, np.uint8)


def _received(n_bytes: int, sent: Any) -> Memory:
    return Memory(n_bytes, sent.detach())


def _sized(n_bytes: int) -> int:
    """A descriptor of ``n_bytes`` without a name."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("speechlip")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, n_bytes)
    return descriptor


class Blocks:
    """Blocks for each of some workers: a worker takes one for an item, the process that made the blocks gives
    it back.
    """

    def __init__(self, workers: int, block_bytes: int) -> None:
        self.block_bytes = -(-block_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self.n_blocks = workers * BLOCKS_PER_WORKER
        self.number, self.owner = next(_NUMBERS), os.getpid()
        self._begin = -(-self.n_blocks // mmap.PAGESIZE) * mmap.PAGESIZE
        self.memory = Memory(self._begin + self.n_blocks * self.block_bytes)
        _OPEN[self.number] = self

    def take(self, worker: int, n_bytes: int) -> int | None:
        """A block of this worker's that nobody holds, or None; only this worker may ask."""
        own = range(worker * BLOCKS_PER_WORKER, (worker + 1) * BLOCKS_PER_WORKER)
        free = (block for block in own if not self.memory.map[block])
        block = next(free, None) if n_bytes <= self.block_bytes else None
        if block is not None:
            self.memory.map[block] = 1
        return block

    def array(self, block: int) -> np.ndarray:
        """The block as bytes: an array of its own at every call."""
        return np.frombuffer(
            self.memory.map, np.uint8, self.block_bytes, self._begin + block * self.block_bytes
        )

    def lent(self, block: int) -> np.ndarray:
        """The same; once nothing refers to it or to views of it, the block is given back."""
        array = self.array(block)
        weakref.finalize(array, self._give_back, block).atexit = False
        return array

    def _give_back(self, block: int) -> None:
        if os.getpid() == self.owner:  # not in a fork of it, which has what it held
            self.memory.map[block] = 0


@dataclass(frozen=True)
class Parcel:
    """A packed item.

    head: the item without its arrays, pickled.
    sizes: of the arrays, bytes.
    room: where they are: the numbers of ``Blocks`` and of the block there, or memory of their own.
    """

    head: bytes
    sizes: tuple[int, ...]
    room: tuple[int, int] | Memory | None

    def open(self) -> Any:
        """The item. Its largest array lies in a block of shared memory and holds it; the others are copied,
        so that a list of labels does not hold the images that they came with. Arrays in memory of their own
        are copied, all of them: each of these memories is an open file, of which a process may have few.
        """
        if self.room is None:
            return pickle.loads(self.head)
        if isinstance(self.room, Memory):
            array, largest = self.room.array(), None
        else:
            blocks, block = self.room
            array, largest = _OPEN[blocks].lent(block), self.sizes.index(max(self.sizes))
        views = [array.data[begin : begin + size] for begin, size in _places(self.sizes)]
        return pickle.loads(
            self.head,
            buffers=[view if number == largest else bytearray(view) for number, view in enumerate(views)],
        )

    def pin_memory(self) -> Any:
        """The item with the arrays of its dict as tensors in pinned memory: called by DataLoader, in a thread
        of its own.
        """
        item = self.open()
        if not isinstance(item, dict):
            return item
        return {
            name: torch.from_numpy(value).pin_memory() if isinstance(value, np.ndarray) else value
            for name, value in item.items()
        }


def packed(item: Any, blocks: Blocks, worker: int) -> Parcel:
    """An item of this worker, its arrays in a block, or in memory of their own where none is free."""
    arrays: list[np.ndarray] = []
    head = pickle.dumps(
        item, 5, buffer_callback=lambda buffer: arrays.append(np.frombuffer(buffer.raw(), np.uint8))
    )
    sizes = tuple(map(len, arrays))
    if not sizes:
        return Parcel(head, sizes, None)
    places = _places(sizes)
    n_bytes = max(1, sum(places[-1]))
    block = blocks.take(worker, n_bytes)
    room = Memory(n_bytes) if block is None else (blocks.number, block)
    into = room.array() if isinstance(room, Memory) else blocks.array(room[1])
    for array, (begin, size) in zip(arrays, places, strict=True):
        into[begin : begin + size] = array
    return Parcel(head, sizes, room)


def _places(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """(begin, size) of arrays one after another.

    >>> _places([3, 100, 1])
    [(0, 3), (64, 100), (192, 1)]
    """
    begins = accumulate((-(-size // ALIGNED) * ALIGNED for size in sizes), initial=0)
    return list(zip(begins, sizes, strict=False))
