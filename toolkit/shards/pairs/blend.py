"""Batches out of several loaders, each its share of them."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from speechlip.errors import OptionError, ShardError


class BatchLoader(Protocol):
    """Batches of one epoch after another, with a position: of pairs, of excerpts, or several of them."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of what is loaded."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rest of the epoch."""

    def state_dict(self) -> dict[str, Any]:
        """The position as plain numbers and strings."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where ``state_dict`` was taken. Raises ShardError where that is not possible."""


class BlendedLoader:
    """Batches of several loaders in turn, as often as their weights say, one epoch after another.

    The next batch comes from the loader that is furthest behind its share, so the shares hold to one batch at
    any moment, however large the folders are. All pairs of a batch are of one folder: a negative whose lips
    and speech came from different folders could be told by how each was recorded. Its position is that of
    every loader, and how many batches each has given.

    Raises OptionError where weights are not positive, or not as many as loaders.
    """

    def __init__(self, loaders: Sequence[BatchLoader], weights: Sequence[float] = ()) -> None:
        self.loaders, self.weights = tuple(loaders), tuple(weights) or (1.0,) * len(loaders)
        if len(self.weights) != len(self.loaders) or min(self.weights) <= 0:
            raise OptionError(
                f"weights are {', '.join(f'{weight:g}' for weight in self.weights)} for {len(self.loaders)} "
                "folders; give each one above 0, such as 2,1"
            )
        self._begin([0] * len(self.loaders))

    @property
    def notes(self) -> tuple[str, ...]:
        """Where a loader's mix is not the default one."""
        return tuple(dict.fromkeys(note for loader in self.loaders for note in loader.notes))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            number = self._next()
            batch = self._batch_of(number)
            self._taken[number] += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """The position as plain numbers and strings."""
        return {
            "weights": list(self.weights),
            "taken": list(self._taken),
            "loaders": [loader.state_dict() for loader in self.loaders],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where ``state_dict`` was taken; raises ShardError with the difference where folders,
        weights or options are others.
        """
        if list(state.get("weights", ())) != list(self.weights):
            raise ShardError(
                f"this position is of a blend with weights {state.get('weights')}, "
                f"here they are {list(self.weights)}; use the same again"
            )
        for loader, own in zip(self.loaders, state["loaders"], strict=True):
            loader.load_state_dict(own)
        self._begin(list(state["taken"]))

    def _begin(self, taken: list[int]) -> None:
        self._taken = taken
        self._running: list[Iterator[dict[str, Any]] | None] = [None] * len(self.loaders)

    def _next(self) -> int:
        total = sum(self._taken) + 1
        behind = [
            weight / sum(self.weights) * total - taken
            for weight, taken in zip(self.weights, self._taken, strict=True)
        ]
        return behind.index(max(behind))

    def _batch_of(self, number: int) -> dict[str, Any]:
        """The next batch of one loader; a new epoch begins where one has ended."""
        while True:
            running = self._running[number]
            if running is None:
                running = self._running[number] = iter(self.loaders[number])
            batch = next(running, None)
            if batch is not None:
                return batch
            self._running[number] = None
