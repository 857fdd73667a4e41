"""The batches of a run: of one folder or a blend, for as many processes as it began with, or for others.

A run that began with N processes has N streams of pairs, whose batches in their order are that of the step.
On another number of processes each reads the streams that its equal part of the step lies in, so that every
step has the pairs that it would have had; a stream that several need is read by each of them. Batch norm and
augmentation see other groups of pairs, as on that number from the start.
"""

from collections.abc import Iterator, Mapping, Sequence
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


def own_streams(ranks: Ranks, streams: int) -> range:
    """The streams that this process reads: those that its part of each step lies in.

    >>> own_streams(Ranks(1, 2), 4), own_streams(Ranks(3, 4), 2), own_streams(Ranks(1, 3), 2)
    (range(2, 4), range(1, 2), range(0, 2))
    """
    return range(ranks.rank * streams // ranks.count, -(-(ranks.rank + 1) * streams // ranks.count))


class SharedStreams:
    """The batches of this process, out of the streams of a run that began with another number of them.

    loaders: stream → its loader, in their order.
    first, stop: which pairs of the streams' batches, one behind the other, are this process's.
    """

    def __init__(self, loaders: Mapping[int, BatchLoader], first: int, stop: int) -> None:
        self.loaders, self.first, self.stop = dict(loaders), first, stop

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for loader in self.loaders.values() for note in loader.notes))

    def __iter__(self) -> Iterator[Batch]:
        for batches in zip(*map(epochs, self.loaders.values()), strict=True):
            yield part_of(joined(batches), self.first, self.stop)

    def states(self) -> dict[int, dict[str, Any]]:
        """Stream → its position."""
        return {number: loader.state_dict() for number, loader in self.loaders.items()}

    def load_states(self, states: Sequence[dict[str, Any]]) -> None:
        """Continue where ``states`` of all streams were taken. Raises ShardError as the loaders do."""
        for number, loader in self.loaders.items():
            loader.load_state_dict(states[number])


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


def part_of(batch: Batch, first: int, stop: int) -> Batch:
    """The pairs from ``first`` to before ``stop`` of a batch."""
    if stop - first == len(batch["keys"]):
        return batch
    return {name: value[first:stop] for name, value in batch.items()}


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
    share, count = ranks.share(options.batch_size), streams or ranks.count
    own = own_streams(ranks, count)
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
    first = ranks.rank * share - own.start * (options.batch_size // count)
    return SharedStreams({number: stream(number) for number in own}, first, first + share)


def collected_positions(ranks: Ranks, batches: SharedStreams) -> list[dict[str, Any]]:
    """The position of every stream of the run; each process must ask."""
    positions: dict[int, dict[str, Any]] = {}
    for states in ranks.collected(batches.states()):
        positions |= states
    return [positions[number] for number in sorted(positions)]
