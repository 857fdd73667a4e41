"""What a user may choose for training: one frozen dataclass and its presets."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from speechlip.checks import check_types, from_preset
from speechlip.device import PRECISIONS, check_device
from speechlip.encoders.networks.lips import INPUTS
from speechlip.encoders.networks.pase.sizes import ALIGNMENTS, SIZES
from speechlip.encoders.networks.registry import options_of
from speechlip.encoders.registry import LEARN_FROM_PHONES
from speechlip.errors import OptionError
from speechlip.shards.pairs.mix import PairMix, parse_mix
from speechlip.shards.pairs.rules import PAIRS, WINDOW, PairRules, rules_for
from speechlip.training.pase_options import (
    OF_WINDOWS,
    PASE_NAMES,
    PASE_PRESETS,
    PaseOptions,
)
from speechlip.training.schedule import check_batch, learning_rate
from speechlip.training.step.augment import NONE, parse_augmentations
from speechlip.training.step.losses import LOSSES

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class TrainOptions(PaseOptions):
    """Options of ``train``; the defaults are the preset ``paper``. Raises OptionError for what cannot be.

    Those of ``PaseOptions`` are of the encoder ``pase``.
    """

    encoder: str = "se4lip"
    """The speech network: a name of ``encoders.networks.registry``."""
    loss: str = "relu"
    """One of ``step.losses.LOSSES``."""
    lip_input: str = "mouth"
    """Rows of the crop that the lip network reads: mouth (24–71) or literal (all)."""
    feature: str = ""
    """What the speech network reads of a spectrum; empty becomes its own default."""
    pool: str = ""
    """Which state of a recurrent network is the embedding: last or mean; empty becomes its own default."""
    steps: int = 100_000
    """Batches in all."""
    batch_size: int = 16
    """Pairs a step, excerpts for ``pase``, of all processes together."""
    lr: float = 5e-5
    """Learning rate of Adam, at its highest."""
    schedule: str = "constant"
    """constant, or cosine down to 0 at the last step."""
    warmup_steps: int = 0
    """Steps of a linear rise of the learning rate."""
    negatives: str = ""
    """Shares of the kinds of negatives, as ``parse_mix`` reads them; empty for the loader's own."""
    min_neg_gap: int = WINDOW
    """Least frames between the two windows of a negative."""
    pairs: str = "speech"
    """Which windows pairs are of: speech (half of each is, at least) or any."""
    windows_per_clip: int = 8
    """Windows of lips that a clip gives in an epoch."""
    augment: str = NONE
    """Names of ``step.augment.AUGMENTATIONS`` with commas between them, or none."""
    seed: int = 0
    """Of weights, pairs and augmentation."""
    precision: str = "fp32"
    """Of the networks: fp32 or bf16; the loss is computed in fp32."""
    compile: bool = False
    """Whether the networks go through torch.compile."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    workers: int = 0
    """Processes that read shards, for each process that trains, and for each folder."""
    weights: str = ""
    """Shares of the batches of each of several folders, such as 2,1; empty: equal."""
    validation_pairs: int = 256
    """How many of the frozen validation pairs are evaluated."""
    validate_every: int = 200
    """Steps from one validation to the next."""
    checkpoint_every: int = 1000
    """Steps from one checkpoint to the next."""

    def __post_init__(self) -> None:
        check_types(self)
        known = {
            "loss": LOSSES,
            "lip_input": INPUTS,
            "schedule": SCHEDULES,
            "precision": PRECISIONS,
            "pairs": PAIRS,
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise OptionError(f"{name} is {getattr(self, name)!r}; there are: {', '.join(values)}")
        check_device(self.device)
        for name in ("steps", "windows_per_clip", "validation_pairs", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}; it must be at least 1")
        check_batch(self.batch_size, self.lr)
        parse_augmentations(self.augment)
        parse_weights(self.weights)
        if self.min_neg_gap < 0:
            raise OptionError(
                f"min_neg_gap is {self.min_neg_gap} frames; it must be at least 0, or the windows of a "
                "negative share frames"
            )
        for name, value in self.of_network.items():
            object.__setattr__(self, name, value)
        self.check_pase()
        self._refuse_options_of_others()
        if self.mix and not self.mix.positive:
            raise OptionError(f"negatives {self.negatives!r} leave no positive pair to learn from")

    @classmethod
    def preset(cls, name: str = "paper", /, **given: Any) -> "TrainOptions":
        """A preset with what is ``given`` in its place.

        Raises OptionError for an unknown preset or option, and for a value that cannot be.

        >>> TrainOptions.preset("fast", encoder="mel-cnn").loss
        'nce'
        """
        return from_preset(cls, presets_of(given.get("encoder", cls.encoder)), name, given)

    @property
    def learns_from_phones(self) -> bool:
        """Whether batches are excerpts with phones, and not pairs of windows."""
        return self.encoder in LEARN_FROM_PHONES

    @property
    def batches_of(self) -> str:
        """What batches are of, in the plural."""
        return "excerpts" if self.learns_from_phones else "windows"

    @property
    def excerpt_frames(self) -> int | None:
        """Length of the excerpts that batches are made of; None where they are pairs."""
        return self.clip_frames if self.learns_from_phones else None

    @property
    def of_network(self) -> dict[str, str]:
        """What of feature, pool, size and alignment the encoder has, as chosen or by its default.

        >>> TrainOptions(encoder="mel-cnn").of_network
        {'feature': 'logmag'}
        """
        own = options_of(self.encoder, {"feature": self.feature, "pool": self.pool})
        if not self.learns_from_phones:
            return own
        return own | {
            "size": self.size or next(iter(SIZES)),
            "alignment": self.alignment or ALIGNMENTS[0],
        }

    def _refuse_options_of_others(self) -> None:
        """Raise OptionError for an option that this encoder does not have."""
        names = OF_WINDOWS if self.learns_from_phones else PASE_NAMES
        defaults = {each.name: each.default for each in fields(self)}
        for name in names:
            if getattr(self, name) != defaults[name]:
                others = "encoders that learn from windows" if self.learns_from_phones else "the encoder pase"
                raise OptionError(
                    f"encoder {self.encoder!r} has no {name} ({getattr(self, name)!r} was given); it is an "
                    f"option of {others}, leave it out"
                )
        if self.learns_from_phones and "noise" in self.augmentations:
            raise OptionError(
                f"encoder {self.encoder!r} has noise of its own (--noisy-share); leave noise out of --augment"
            )

    @property
    def blend(self) -> tuple[float, ...]:
        """The weights of the folders; empty where none are given."""
        return parse_weights(self.weights)

    @property
    def rules(self) -> PairRules:
        """How windows of pairs are cut."""
        return replace(rules_for(self.pairs), gap_frames=self.min_neg_gap)

    @property
    def augmentations(self) -> tuple[str, ...]:
        return parse_augmentations(self.augment)

    @property
    def mix(self) -> PairMix | None:
        return parse_mix(self.negatives) if self.negatives else None

    def learning_rate(self, step: int) -> float:
        """Of step 1 … steps.

        >>> options = TrainOptions(lr=0.1, steps=10, warmup_steps=2, schedule="cosine")
        >>> [round(options.learning_rate(step), 4) for step in (1, 2, 6, 10)]
        [0.05, 0.1, 0.05, 0.0]
        """
        return learning_rate(step, self.steps, self.lr, self.warmup_steps, self.schedule == "cosine")


def presets_of(encoder: str) -> Mapping[str, Mapping[str, Any]]:
    """The presets that an encoder has, by name."""
    return PASE_PRESETS if encoder in LEARN_FROM_PHONES else PRESETS


def parse_weights(text: str) -> tuple[float, ...]:
    """Numbers above 0 with commas between them. Raises OptionError.

    >>> parse_weights("2,1"), parse_weights("")
    ((2.0, 1.0), ())
    """
    if not text.strip():
        return ()
    try:
        weights = tuple(map(float, text.split(",")))
    except ValueError:
        weights = ()
    if not weights or not all(0 < weight < float("inf") for weight in weights):
        raise OptionError(f"weights are {text!r}; write one above 0 for each folder, such as 2,1")
    return weights


PAPER = TrainOptions()
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "fast": {
        "loss": "nce",
        "negatives": "positive:1",
        "batch_size": 64,
        "lr": 5e-4,
        "schedule": "cosine",
        "warmup_steps": 20,
        "steps": 5000,
    },
}
