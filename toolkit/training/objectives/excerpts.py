"""PASE's objective: segments of phones in excerpts, and what is heard and seen around them (docs/pase.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.encoders.networks.layers import parameter_count
from speechlip.encoders.networks.lips import LITERAL_WARNING
from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.networks.pase.audio import LOOK_AHEAD_MS
from speechlip.encoders.networks.pase.heads import PaseHeads
from speechlip.encoders.networks.pase.pair import PasePair
from speechlip.encoders.networks.pase.sizes import PAPER_PARAMETERS, size_of
from speechlip.errors import ShardError
from speechlip.metrics.phones.classes import TABLE, VISEME_NUMBERS
from speechlip.progress import Progress
from speechlip.shards.excerpts.loader import (
    WHERE_PHONES_ARE,
    ExcerptLoader,
    PhonesSeen,
    excerpt_loader,
    labels_in_words,
    phones_seen,
)
from speechlip.shards.read.shardset import Shards, ShardSet, folder_of
from speechlip.training.clip_validation import open_clip_validation
from speechlip.training.objectives.corruption import corrupted
from speechlip.training.objectives.pase_loss import PaseLoss
from speechlip.training.options import TrainOptions
from speechlip.training.step.augment import augment, generator
from speechlip.training.validation import Validation
from speechlip.wording import counted

SEEN_CLIPS = 256
"""Clips whose phones are looked at before a run begins."""
CORRUPTION = 1
"""What corruption is called among purposes of random numbers."""


@dataclass(frozen=True)
class PhoneExcerpts:
    """Excerpts with phones, under up to five terms: PASE (``Objective``)."""

    options: TrainOptions
    unit = "clips"
    plateau = None
    otherwise = "take a higher --lr, or --size small"

    @property
    def weights(self) -> Mapping[str, float]:
        return self.options.term_weights

    def networks(self) -> tuple[EncoderPair, nn.Module]:
        options = self.options
        own = {name: getattr(options, name) for name in ("feature", "size", "alignment")}
        pair = cast(PasePair, build_pair(options.encoder, options.lip_input, rectified=False, **own))
        return pair, PaseHeads(pair, size_of(options.size), options.term_weights)

    def learner(self, pair: nn.Module, criterion: nn.Module) -> nn.Module:
        """The module that gives the loss of a batch; its parameters are learned."""
        options = self.options
        return PaseLoss(
            cast(PasePair, pair),
            cast(PaseHeads, criterion),
            tuple(options.term_weights),
            options.negatives_mask,
            options.precision == "bf16",
        )

    def loader(
        self, shards: Shards, pair: EncoderPair, batch_size: int, rank: int, world_size: int, pin_memory: bool
    ) -> ExcerptLoader:
        """Batches of excerpts of split ``train``, the share of this process."""
        options = self.options
        return excerpt_loader(
            shards,
            "train",
            batch_size=batch_size,
            length=options.clip_frames,
            workers=options.workers,
            seed=options.seed,
            rank=rank,
            world_size=world_size,
            pin_memory=pin_memory,
        )

    def changed(self, batch: Mapping[str, Any], step: int, rank: int) -> dict[str, Any]:
        options = self.options
        lively = augment(batch, options.augmentations, options.seed, step, rank)
        random = generator(batch["lips"].device, options.seed, step, rank, CORRUPTION)
        return corrupted(lively, options, random)

    def validation(
        self, shards: ShardSet, pair: EncoderPair, progress: Progress
    ) -> tuple[Validation | None, str]:
        return open_clip_validation(folder_of(shards), self.options.validation_pairs, progress=progress)

    def notes(self, pair: EncoderPair, criterion: nn.Module, splits: Sequence[ShardSet]) -> list[str]:
        words = [LITERAL_WARNING] if self.options.lip_input == "literal" else []
        for shards in splits:
            words += notes_on(phones_seen(shards, SEEN_CLIPS, self.options.seed), shards, self.options)
        return [*words, sizes_in_words(pair, criterion)]


def notes_on(seen: PhonesSeen, shards: ShardSet, options: TrainOptions) -> list[str]:
    """What should be known of the phones of a train split.

    Raises ShardError where nothing can be learned from them.
    """
    where, looked = folder_of(shards), f"of the {counted(seen.clips, 'clip')} looked at"
    if not seen.phones:
        if seen.unknown:
            raise ShardError(
                f"{where}: no label is one of the {len(TABLE)} phones of the table (ARPAbet); there are "
                f"{labels_in_words(seen.unknown)} in the clips looked at. Phones of another alphabet cannot "
                "be learned from: map them in the TextGrids, or prepare the videos again with --phones align"
            )
        raise ShardError(f"{where}: {looked} none has a phone of 40 ms; {WHERE_PHONES_ARE}")
    visemes = {VISEME_NUMBERS[number] for number in seen.phones}
    if len(visemes) < 2 and options.negatives_mask == "viseme":
        phones = ", ".join(TABLE[number] for number in sorted(seen.phones))
        raise ShardError(
            f"{where}: all phones looked at are of one viseme ({phones}), which leaves no negatives; take "
            "--negatives-mask phoneme or none, or shards where more is said"
        )
    notes = []
    if seen.unknown:
        notes.append(
            f"labels that are no phones of the table and give no segments: {labels_in_words(seen.unknown)}, "
            f"{looked}"
        )
    if seen.phoneless:
        notes.append(f"{seen.phoneless} {looked} have no phone of 40 ms and give no excerpt")
    if seen.recognised:
        notes.append(
            f"{counted(seen.recognised, 'phone')} {looked} were recognised without a transcript: many are "
            "wrong"
        )
    return notes


def sizes_in_words(pair: EncoderPair, heads: nn.Module) -> str:
    """Parameters in training and after it, beside what is said of the paper's."""
    speech, whole = parameter_count(pair.speech), parameter_count(pair) + parameter_count(heads)
    return (
        f"{whole / 1e6:.1f} M parameters in training, {speech / 1e6:.1f} M of them the audio path, which "
        f"alone is used after it; the paper's are {PAPER_PARAMETERS / 1e6} M, second-hand. A feature looks "
        f"{LOOK_AHEAD_MS:g} ms beyond its frame"
    )
