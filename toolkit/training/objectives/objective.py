"""What a run learns, as data: what its batches are, which networks it has, which terms its loss has."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.progress import Progress
from speechlip.shards.pairs.blend import BatchLoader
from speechlip.shards.read.shardset import Shards, ShardSet
from speechlip.training.validation import Validation


class Objective(Protocol):
    """What one loop learns, whatever it is (``training.loop``)."""

    @property
    def unit(self) -> str:
        """What a batch is made of, for sentences: pairs, clips."""

    @property
    def weights(self) -> Mapping[str, float]:
        """Term of the loss → its weight in the sum that is made small."""

    @property
    def plateau(self) -> float | None:
        """The loss while nothing is told apart; None where that is no fixed number."""

    @property
    def otherwise(self) -> str:
        """What to try where one batch cannot be learned by heart though its data look right."""

    def networks(self) -> tuple[EncoderPair, nn.Module]:
        """A new pair of encoders, and what the loss itself learns; torch's random state decides them."""

    def learner(self, pair: nn.Module, criterion: nn.Module) -> nn.Module:
        """Both as one module: a batch → its terms by name, scalars."""

    def loader(
        self, shards: Shards, pair: EncoderPair, batch_size: int, rank: int, world_size: int, pin_memory: bool
    ) -> BatchLoader:
        """Batches of the train split for one process of several."""

    def changed(self, batch: Mapping[str, Any], step: int, rank: int) -> dict[str, Any]:
        """The batch as the networks are given it: augmented, spoilt; random by seed, step and rank alone."""

    def validation(
        self, shards: ShardSet, pair: EncoderPair, progress: Progress
    ) -> tuple[Validation | None, str]:
        """The fixed validation pairs of the shards' folder, or None and why there are none.

        progress: hears of shards that are fetched for them.
        """

    def notes(self, pair: EncoderPair, criterion: nn.Module, splits: Sequence[ShardSet]) -> list[str]:
        """What is said before a run begins. Raises ShardError for shards that nothing can be learned from."""


def weighted(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The loss: the sum of the terms, each by its weight.

    >>> import torch
    >>> weighted({"a": torch.tensor(2.0), "b": torch.tensor(4.0)}, {"a": 1.0, "b": 0.5})
    tensor(4.)
    """
    first, *others = (
        terms[name] if weight == 1 else weight * terms[name] for name, weight in weights.items()
    )
    return sum(others, first)


def shown(loss: Tensor, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is recorded of a step: the loss, and its terms where it has several."""
    return {"loss": loss} | (dict(terms) if len(terms) > 1 else {})


def recorded_terms(objective: Objective) -> tuple[str, ...]:
    """The names of the terms that ``shown`` gives."""
    return tuple(objective.weights) if len(objective.weights) > 1 else ()
