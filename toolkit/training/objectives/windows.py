"""SE4Lip's objective: windows of lips and speech that belong together, told from those that do not."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.encoders.networks.lips import LITERAL_WARNING
from speechlip.encoders.networks.pair import build_pair
from speechlip.progress import Progress
from speechlip.shards.pairs.loader import PairLoader, pair_loader
from speechlip.shards.read.shardset import Shards, ShardSet, folder_of
from speechlip.training.options import TrainOptions
from speechlip.training.step.augment import augment
from speechlip.training.step.losses import Criterion, plateau, rectifies
from speechlip.training.step.pair_loss import TERM, PairLoss
from speechlip.training.validation import Validation, open_validation


@dataclass(frozen=True)
class WindowPairs:
    """Pairs of windows under one loss: SE4Lip, and every encoder of its ablation (``Objective``)."""

    options: TrainOptions
    unit = "pairs"
    otherwise = "take another --loss (nce, logit) or another --encoder"
    weights = {TERM: 1.0}  # noqa: RUF012

    @property
    def plateau(self) -> float:
        return plateau(self.options.loss, self.options.batch_size)

    def networks(self) -> tuple[EncoderPair, nn.Module]:
        options = self.options
        rectified = rectifies(options.loss)
        pair = build_pair(options.encoder, options.lip_input, rectified, options.feature, options.pool)
        return pair, Criterion(options.loss, options.rules)

    def learner(self, pair: nn.Module, criterion: nn.Module) -> nn.Module:
        """The module that gives the loss of a batch; its parameters are learned."""
        return PairLoss(pair, criterion, self.options.precision == "bf16")

    def loader(
        self, shards: Shards, pair: EncoderPair, batch_size: int, rank: int, world_size: int, pin_memory: bool
    ) -> PairLoader:
        """Batches of pairs of windows of split ``train``, the share of this process."""
        options = self.options
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # its notes are said when the run begins
            return pair_loader(
                shards,
                "train",
                batch_size=batch_size,
                mix=options.mix,
                rules=options.rules,
                windows_per_clip=options.windows_per_clip,
                workers=options.workers,
                seed=options.seed,
                rank=rank,
                world_size=world_size,
                pin_memory=pin_memory,
                reads=pair.reads,
            )

    def changed(self, batch: Mapping[str, Any], step: int, rank: int) -> dict[str, Any]:
        return augment(batch, self.options.augmentations, self.options.seed, step, rank)

    def validation(
        self, shards: ShardSet, pair: EncoderPair, progress: Progress
    ) -> tuple[Validation | None, str]:
        return open_validation(
            folder_of(shards), self.options.validation_pairs, reads=pair.reads, progress=progress
        )

    def notes(self, pair: EncoderPair, criterion: nn.Module, splits: Sequence[ShardSet]) -> list[str]:
        return [LITERAL_WARNING] if self.options.lip_input == "literal" else []
