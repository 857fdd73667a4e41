"""Every clip once an epoch, over all ranks and workers, in an order that a seed fixes and a saved position
continues.

A *consumer* is one worker of one rank. Whole shards are dealt to the consumers one by one; the shards that
are left when there are no longer enough for all are shared clip by clip. So fewer shards than workers lose
and double nothing; such a shard is then read by several.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from speechlip.checks import check_type
from speechlip.errors import OptionError, ShardError
from speechlip.shards.read.decode import ClipSample, decode_clip, members_of
from speechlip.shards.read.positions import Consumer, PositionedLoader, check_same, processes
from speechlip.shards.read.shard import RawClip, read_shard
from speechlip.shards.read.shardset import Shards, ShardSet, open_shards

CLIP_BYTES = 1 << 23
"""Of a clip of 10 s with all its fields; more than most clips take."""


@dataclass(frozen=True)
class Part:
    """Every ``of``-th clip of one shard, from clip ``first`` on; the whole shard where ``of`` is 1."""

    shard: int
    first: int = 0
    of: int = 1


def deal(order: Sequence[int], consumer: Consumer) -> list[Part]:
    """The parts of the shards in ``order`` that fall to one consumer; over all consumers each clip falls to
    exactly one.

    >>> deal([4, 2, 0, 3, 1], Consumer(0, 2))
    [Part(shard=4, first=0, of=1), Part(shard=0, first=0, of=1), Part(shard=1, first=0, of=2)]
    >>> deal([0], Consumer(1, 3))
    [Part(shard=0, first=1, of=3)]
    """
    left = len(order) % consumer.count
    whole = [Part(shard) for shard in order[consumer.index : len(order) - left : consumer.count]]
    if not left:
        return whole
    position = consumer.index % left
    sharers = len(range(position, consumer.count, left))
    return [*whole, Part(order[len(order) - left + position], consumer.index // left, sharers)]


class ClipReader(IterableDataset):
    """The clips of one split of a prepared folder, of a list of tar paths and URLs, or of a ``ShardSet``.

    Iterating yields the ``ClipSample`` of the current ``epoch`` for this rank and DataLoader worker;
    ``epoch`` then grows by one. For a position that can be saved with any number of workers, iterate
    ``clip_loader(reader, workers)``; ``state_dict`` here counts only the clips that this copy of the reader
    has yielded.

    fields: what to decode, of ``lips spectrogram audio landmarks phones``.
    shuffle_clips: size of the shuffle buffer in clips (about 1 MB each); 0 keeps the order of the shards.
    rank, world_size: by default those of torch.distributed where it is initialised, else 0 and 1.

    Raises ShardError and OptionError as ``open_shards`` does.
    """

    def __init__(
        self,
        shards: Shards,
        split: str | None = None,
        *,
        fields: Iterable[str] = ("lips", "spectrogram"),
        shuffle_clips: int = 64,
        seed: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("seed", seed), ("epoch", epoch), ("shuffle_clips", shuffle_clips)):
            check_type(name, value, int)
        if seed < 0 or epoch < 0 or shuffle_clips < 0:
            raise OptionError(
                f"seed, epoch and shuffle_clips must not be negative, but are {seed}, {epoch}, "
                f"{shuffle_clips}"
            )
        self.shards: ShardSet = open_shards(shards, split)
        self.fields = tuple(fields)
        self.members = members_of(self.fields, self.shards.fields)
        self.shuffle_clips, self.seed, self.epoch = shuffle_clips, seed, epoch
        self.rank, self.world_size = processes(rank, world_size)
        self._yielded = 0
        self._saved_by: Consumer | None = None

    def __iter__(self) -> Iterator[ClipSample]:
        worker = get_worker_info()
        consumer = Consumer.of(
            self.rank, self.world_size, worker.id if worker else 0, worker.num_workers if worker else 1
        )
        if self._yielded and self._saved_by not in (None, consumer):
            raise ShardError(
                f"the position was saved by {self._saved_by}, this is {consumer}; "
                f"iterate clip_loader(reader, workers) instead"
            )
        for clip in self.stream(consumer, self.epoch, skip=self._yielded):
            self._yielded, self._saved_by = self._yielded + 1, consumer
            yield clip
        self.epoch, self._yielded = self.epoch + 1, 0

    @property
    def item_bytes(self) -> int:
        return CLIP_BYTES

    def stream(self, consumer: Consumer, epoch: int, skip: int = 0) -> Iterator[ClipSample]:
        """One consumer's clips of one epoch without the first ``skip``, which are read but not decoded."""
        for number, raw in enumerate(self.raw_stream(consumer, epoch)):
            if number >= skip:
                yield decode_clip(raw, self.fields)

    def raw_stream(self, consumer: Consumer, epoch: int) -> Iterator[RawClip]:
        """One consumer's undecoded clips of one epoch, in their shuffled order."""
        clips = self._read(deal(self._shard_order(epoch), consumer))
        if not self.shuffle_clips:
            return clips
        return shuffled(clips, self.shuffle_clips, generator(self.seed, epoch, 1 + consumer.index))

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same for a saved position to hold."""
        return {
            "shards": self.shards.digest,
            "seed": self.seed,
            "shuffle_clips": self.shuffle_clips,
            "world_size": self.world_size,
        }

    def state_dict(self) -> dict[str, Any]:
        """The position of this copy: epoch and clips yielded, and what must be the same to continue."""
        return {
            **self.fingerprint(),
            "epoch": self.epoch,
            "yielded": self._yielded,
            "consumer": self._saved_by and astuple(self._saved_by),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where ``state_dict`` was taken; raises ShardError with the difference where shards, seed
        or ranks are others.
        """
        check_same(self.fingerprint(), state)
        self.epoch, self._yielded = state["epoch"], state["yielded"]
        self._saved_by = Consumer(*state["consumer"]) if state["consumer"] else None

    def _shard_order(self, epoch: int) -> list[int]:
        n_shards = len(self.shards.urls)
        return (
            generator(self.seed, epoch, 0).permutation(n_shards).tolist()
            if self.shuffle_clips
            else list(range(n_shards))
        )

    def _read(self, parts: Iterable[Part]) -> Iterator[RawClip]:
        for part in parts:
            wanted_clips = self.shards.clips[part.shard] if self.shards.clips else None
            for number, raw in enumerate(
                read_shard(self.shards.urls[part.shard], self.members, wanted_clips)
            ):
                if number % part.of == part.first:
                    yield raw


def clip_loader(reader: ClipReader, workers: int = 0, pin_memory: bool = False) -> PositionedLoader:
    """Clips of ``reader`` through ``workers`` processes (0: none), with ``state_dict`` and
    ``load_state_dict``.
    """
    return PositionedLoader(reader, workers, pin_memory)


def shuffled(clips: Iterable[RawClip], size: int, rng: np.random.Generator) -> Iterator[RawClip]:
    """Shuffle a stream through a buffer of ``size`` items: each yielded item is a random one of the buffer.

    >>> sorted(shuffled(range(5), 3, generator(0))), list(shuffled(range(5), 1, generator(0)))
    ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    """
    buffer: list[RawClip] = []
    for clip in clips:
        buffer.append(clip)
        if len(buffer) >= size:
            yield take(buffer, rng)
    while buffer:
        yield take(buffer, rng)


def take(items: list, rng: np.random.Generator) -> Any:
    """Remove and return a random item; the last one takes its place."""
    position = int(rng.integers(len(items)))
    items[position], items[-1] = items[-1], items[position]
    return items.pop()


def generator(*entropy: int) -> np.random.Generator:
    """A PCG64 generator of its own for these non-negative integers."""
    return np.random.Generator(np.random.PCG64(entropy))
