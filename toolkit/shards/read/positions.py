"""Batches in a fixed order out of several processes, and a position among them that can be saved and
continued.

PyTorch takes one item from each worker in turn and leaves out workers that have ended. So the order is fixed,
and a position is how many items each worker has delivered and whose turn it is. To continue, every worker
skips what it had delivered, and the workers are numbered so that the one whose turn it is comes first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

from torch import Generator
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from speechlip.checks import check_type
from speechlip.errors import OptionError, ShardError, SpeechLipError, WorkerError
from speechlip.shards.read.parcels import Blocks, Parcel, packed

Counts = TypeVar("Counts", bound="Tally")


@dataclass(frozen=True)
class Consumer:
    """One of ``count`` readers among which the data is divided."""

    index: int
    count: int

    @classmethod
    def of(cls, rank: int, world_size: int, worker: int, workers: int) -> "Consumer":
        """Worker ``worker`` of ``workers`` on one rank.

        Neighbouring consumers are on different ranks, so that ranks get equal shares.

        >>> Consumer.of(rank=1, world_size=4, worker=2, workers=3)
        Consumer(index=9, count=12)
        """
        return cls(worker * world_size + rank, workers * world_size)

    def __str__(self) -> str:
        return f"consumer {self.index} of {self.count}"


@contextmanager
def reader_deaths_said() -> Iterator[None]:
    """Turn the death of a process that reads shards into a WorkerError.

    torch raises it wherever the main thread is by then.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        how = str(error).strip().rstrip(".").rpartition(") ")[2]
        raise WorkerError(
            f"a process that reads shards {how}, perhaps for lack of memory; take fewer --workers, or 0, "
            f"and go on from the last checkpoint"
        ) from error


@dataclass
class Tally:
    """What a stream counted: yielded last, once, and kept by the loader instead of handed on."""

    def __add__(self: Counts, other: Counts) -> Counts:
        """Every count of both."""
        return type(self)(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True)
class Refusal:
    """Why a worker ended, as a sentence; torch would hand on its traceback as the text of the error.

    kind: the class of the error.
    """

    kind: type[SpeechLipError]
    sentence: str


class Streams(Protocol):
    """What can be loaded: one stream for each consumer and epoch, the same at every call."""

    seed: int
    epoch: int
    rank: int
    world_size: int

    @property
    def item_bytes(self) -> int:
        """What the arrays of an item take; larger items cross from a worker less quickly."""

    def stream(self, consumer: Consumer, epoch: int, skip: int = 0) -> Iterator[Any]:
        """One consumer's items of one epoch without the first ``skip``."""

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same for a saved position to hold."""


class PositionedLoader:
    """Iterating yields the rest of the current epoch, then the epoch grows by one; the next ``for`` loop is
    the next epoch.

    A loop that was broken off continues after the last item it was given. Each rank saves its own
    ``state_dict``; it fits the same number of ranks and workers. To continue reads the earlier clips of the
    epoch again without decoding their images.
    """

    def __init__(self, source: Streams, workers: int = 0, pin_memory: bool = False) -> None:
        check_type("workers", workers, int)
        if workers < 0:
            raise OptionError(f"workers must not be negative, but is {workers}")
        self.source, self.workers, self.pin_memory = source, workers, pin_memory
        self.tallies: list[Tally] = []
        self._start(source.epoch)

    @property
    def epoch(self) -> int:
        """The epoch that is being read, or is read next. Setting it starts that epoch from its beginning."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        if epoch < 0:
            raise OptionError(f"epoch must not be negative, but is {epoch}")
        self._start(epoch)

    def __iter__(self) -> Iterator[Any]:
        self.tallies = []
        for worker, sent in self._items():
            item = sent.open() if isinstance(sent, Parcel) else sent
            if isinstance(item, Refusal):
                raise item.kind(item.sentence)
            if isinstance(item, Tally):
                self.tallies.append(item)
                continue
            self._delivered[worker] += 1
            self._turn = (worker + 1) % len(self._delivered)
            yield item
        self._start(self._epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """The position as plain numbers and strings: epoch, items delivered by each worker, and what must be
        the same to continue.
        """
        return {**self._fixed(), "epoch": self._epoch, "delivered": list(self._delivered), "turn": self._turn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where ``state_dict`` was taken; raises ShardError with the difference where shards,
        options or workers are others.
        """
        check_same(self._fixed(), state)
        self._epoch, self._delivered, self._turn = state["epoch"], list(state["delivered"]), state["turn"]

    def _items(self) -> Iterator[tuple[int, Any]]:
        blocks = Blocks(self.workers, self.source.item_bytes) if self.workers else None
        streams = _NumberedStreams(self.source, self._epoch, tuple(self._delivered), self._turn, blocks)
        if not self.workers:
            return iter(streams)
        # a generator of its own: DataLoader would draw from torch's global one, and a resumed training would
        # differ
        loader = DataLoader(
            streams,
            batch_size=None,
            num_workers=self.workers,
            pin_memory=self.pin_memory,
            generator=Generator(),
        )
        return iter(loader)

    def _start(self, epoch: int) -> None:
        self._epoch, self._delivered, self._turn = epoch, [0] * max(self.workers, 1), 0

    def _fixed(self) -> dict[str, Any]:
        return {**self.source.fingerprint(), "rank": self.source.rank, "workers": self.workers}


class _NumberedStreams(IterableDataset):
    """In each worker process, (worker number, item) of one worker's stream, packed where there are blocks."""

    def __init__(
        self, source: Streams, epoch: int, delivered: tuple[int, ...], turn: int, blocks: Blocks | None
    ) -> None:
        self.source, self.epoch, self.delivered, self.turn = source, epoch, delivered, turn
        self.blocks = blocks

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        info = get_worker_info()
        worker = ((info.id if info else 0) + self.turn) % len(self.delivered)
        consumer = Consumer.of(self.source.rank, self.source.world_size, worker, len(self.delivered))
        try:
            for item in self.source.stream(consumer, self.epoch, skip=self.delivered[worker]):
                yield worker, packed(item, self.blocks, info.id) if info and self.blocks else item
        except SpeechLipError as error:
            if not info:
                raise
            yield worker, Refusal(type(error), str(error))


def processes(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """(rank, world_size) as given, or of torch.distributed where it is initialised, or (0, 1).

    Raises OptionError for half of it.
    """
    if rank is None and world_size is None:
        from torch import distributed

        ready = distributed.is_available() and distributed.is_initialized()
        return (distributed.get_rank(), distributed.get_world_size()) if ready else (0, 1)
    if rank is None or world_size is None or not 0 <= rank < world_size:
        raise OptionError(
            f"rank {rank} of world_size {world_size} does not exist; give both, with 0 ≤ rank < world_size, "
            f"or neither"
        )
    return rank, world_size


def check_same(now: dict[str, Any], saved: dict[str, Any]) -> None:
    """Raise ShardError naming what differs between ``now`` and a saved position."""
    differences = [
        f"{name} was {saved.get(name)!r}, is {value!r}"
        for name, value in now.items()
        if saved.get(name) != value
    ]
    if differences:
        raise ShardError(
            f"this position belongs to another reading: {'; '.join(differences)}; use the same again, "
            f"or start the epoch anew"
        )
