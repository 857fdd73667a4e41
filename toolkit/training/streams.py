"""The batches of a run: of one folder or a blend, for as many processes as it began with, or for others.

A run that began with N processes has N streams of pairs. On another number of processes each reads several
of them, or a part of one, so that every step has the pairs that it would have had; one number must divide the
other. Batch norm and augmentation see other groups of pairs, as on that number from the start.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.errors import OptionError
from speechlip.shards.pairs.blend import BatchLoader, BlendedLoader
from speechlip.shards.read.shardset import Shards
from speechlip.training.objectives.objective import Objective
from speechlip.training.options import TrainOptions
from speechlip.training.processes.ranks import Ranks

Batch = dict[str, Any]


def own_streams(ranks: Ranks, streams: int) -> tuple[range, int, int]:
    """Which of the streams this process reads, and which part of their batches, of how many, is its own.

    Raises OptionError where neither number divides the other.

    >>> own_streams(Ranks(1, 2), 4), own_streams(Ranks(3, 4), 2), own_streams(Ranks(1, 2), 2)
    ((range(2, 4), 0, 1), (range(1, 2), 1, 2), (range(1, 2), 0, 1))
    """
    if streams % ranks.count == 0:
        each = streams // ranks.count
        return range(ranks.rank * each, (ranks.rank + 1) * each), 0, 1
    if ranks.count % streams == 0:
        parts = ranks.count // streams
        stream = ranks.rank // parts
        return range(stream, stream + 1), ranks.rank % parts, parts
    raise OptionError(
        f"this run has the pairs of {streams} processes, which {ranks.count} cannot share; "
        f"go on with {streams}, a part of it or a multiple, or begin another run"
    )


class SharedStreams:
    """The batches of this process, out of the streams of a run that began with another number of them."""

    def __init__(self, loaders: Sequence[BatchLoader], part: int, parts: int) -> None:
        self.loaders, self.part, self.parts = tuple(loaders), part, parts

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for loader in self.loaders for note in loader.notes))

    def __iter__(self) -> Iterator[Batch]:
        for batches in zip(*map(epochs, self.loaders), strict=True):
            yield part_of(joined(batches), self.part, self.parts)

    def states(self) -> list[dict[str, Any]]:
        """The position of every stream."""
        return [loader.state_dict() for loader in self.loaders]

    def load_states(self, states: Sequence[dict[str, Any]]) -> None:
        """Continue where ``states`` were taken. Raises ShardError as the loaders do."""
        for loader, state in zip(self.loaders, states, strict=True):
            loader.load_state_dict(state)


def epochs(loader: BatchLoader) -> Iterator[Batch]:
    """Batches without an end, one epoch after another."""
    while True:
        yield from loader


def joined(batches: Sequence[Batch]) -> Batch:
    """Several batches as one, in their order."""
    if len(batches) == 1:
        return batches[0]
    return {
        name: torch.cat([batch[name] for batch in batches])
        if torch.is_tensor(value)
        else [each for batch in batches for each in batch[name]]
        for name, value in batches[0].items()
    }


def part_of(batch: Batch, part: int, parts: int) -> Batch:
    """One of so many equal parts of a batch."""
    if parts == 1:
        return batch
    n = len(batch["keys"]) // parts
    return {name: value[part * n : (part + 1) * n] for name, value in batch.items()}


def open_streams(
    folders: Sequence[Shards],
    options: TrainOptions,
    objective: Objective,
    pair: EncoderPair,
    ranks: Ranks,
    pin_memory: bool,
    streams: int | None = None,
) -> SharedStreams:
    """Batches of the train splits, this process's share of them, as the options say.

    streams: with how many processes the run began; None: with as many as there are.

    Raises OptionError where batches or streams cannot be shared by the processes, and what the objective's
    loader raises.
    """
    ranks.share(options.batch_size)
    count = streams or ranks.count
    own, part, parts = own_streams(ranks, count)
    if options.batch_size % count:
        raise OptionError(
            f"batch_size {options.batch_size} cannot be shared by {count} streams of {objective.unit}"
        )

    def stream(number: int) -> BatchLoader:
        loaders = [
            objective.loader(shards, pair, options.batch_size // count, number, count, pin_memory)
            for shards in folders
        ]
        return BlendedLoader(loaders, options.blend) if len(loaders) > 1 else loaders[0]

    if len(folders) == 1 and options.blend:
        raise OptionError("weights are of several folders, and one was given; leave them out")
    return SharedStreams([stream(number) for number in own], part, parts)


def collected_positions(ranks: Ranks, batches: SharedStreams) -> list[dict[str, Any]]:
    """The position of every stream of the run; each process must ask."""
    by_rank = ranks.collected(batches.states())[:: batches.parts]
    return [position for states in by_rank for position in states]
