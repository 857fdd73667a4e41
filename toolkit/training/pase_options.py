"""What a user may choose for PASE beside what every encoder has: sizes, terms of the loss, what is spoilt."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from speechlip.encoders.networks.pase.heads import TERMS
from speechlip.encoders.networks.pase.sizes import ALIGNMENTS, SIZES
from speechlip.errors import OptionError, no_such
from speechlip.shards.excerpts.loader import EXCERPT_FRAMES
from speechlip.shards.excerpts.stream import LEAST_FRAMES
from speechlip.training.step.segment_losses import MASKS

MOST_FRAMES = 1500
"""A minute."""


@dataclass(frozen=True)
class PaseOptions:
    """Options of ``train`` for the encoder ``pase``; with every other one they keep their defaults."""

    size: str = ""
    """full or small; empty becomes full."""
    alignment: str = ""
    """How a segment is read: attention or mean; empty becomes attention."""
    clip_frames: int = EXCERPT_FRAMES
    """Length of the excerpts that a batch is made of, in frames."""
    negatives_mask: str = "viseme"
    """Which segments are no negatives of each other: none, those of one phoneme, those of one viseme."""
    contrast_weight: float = 1.0
    """Of audio and lips of a segment, told from those of others; 0 switches a term off."""
    anchors_weight: float = 0.5
    """Of the viseme read from the audio, and from the lips, of a segment."""
    prediction_weight: float = 1.0
    """Of lip features predicted where the audio path was given nothing."""
    audio_weight: float = 0.5
    """Of the clean spectrum reconstructed from both paths."""
    mouth_weight: float = 0.1
    """Of the grey mouth reconstructed from both paths."""
    masked_share: float = 0.3
    """Of the frames that the audio path is not given, in spans of five."""
    noisy_share: float = 0.5
    """Of the excerpts under whose speech white noise is laid, 0 to 20 dB below it."""
    audio_dropped: float = 0.15
    """Share of the excerpts whose audio is withheld from the reconstruction."""
    lips_dropped: float = 0.25
    """Share of the excerpts whose lips are withheld from the reconstruction."""

    @property
    def term_weights(self) -> dict[str, float]:
        """The terms that are on, each with its weight.

        >>> PaseOptions(contrast_weight=2.0, mouth_weight=0.0, audio_weight=0.0).term_weights
        {'contrast': 2.0, 'anchors': 0.5, 'prediction': 1.0}
        """
        weights = {term: getattr(self, f"{term}_weight") for term in TERMS}
        return {term: weight for term, weight in weights.items() if weight}

    def check_pase(self) -> None:
        """Raise OptionError for what cannot be."""
        for name, known in (("size", SIZES), ("alignment", ALIGNMENTS), ("negatives_mask", MASKS)):
            value = getattr(self, name)
            if value not in known and (value or name == "negatives_mask"):
                raise no_such(name, value, known)
        if not LEAST_FRAMES <= self.clip_frames <= MOST_FRAMES:
            raise OptionError(
                f"clip_frames is {self.clip_frames}; it must lie in {LEAST_FRAMES} … {MOST_FRAMES} (50: 2 s)"
            )
        for name in (f"{term}_weight" for term in TERMS):
            if not 0 <= getattr(self, name) < float("inf"):
                raise OptionError(f"{name} is {getattr(self, name)}; it must be 0 (off) or more")
        for name in ("masked_share", "noisy_share", "audio_dropped", "lips_dropped"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}; it must be a share from 0 to below 1")
        if self.audio_dropped + self.lips_dropped > 1:
            raise OptionError(
                f"audio_dropped {self.audio_dropped} and lips_dropped {self.lips_dropped} are more than all "
                "excerpts together; nothing can be reconstructed without both"
            )
        if not set(self.term_weights) - {"prediction"}:
            raise OptionError(
                "no term teaches the lip path: leave one of contrast_weight, anchors_weight, audio_weight "
                "and mouth_weight above 0"
            )


PASE_NAMES = tuple(each.name for each in fields(PaseOptions))
PASE_PRESETS: Mapping[str, dict[str, Any]] = {
    "paper": {},
    "fast": {
        "batch_size": 32,
        "lr": 5e-4,
        "schedule": "cosine",
        "warmup_steps": 100,
        "steps": 5000,
    },
    "small": {
        "size": "small",
        "batch_size": 16,
        "lr": 1e-3,
        "schedule": "cosine",
        "warmup_steps": 50,
        "steps": 1000,
    },
}
"""``paper`` has the learning rate and batch that SE4Lip states; ``small`` is for two CPU cores."""
OF_WINDOWS = ("loss", "pool", "negatives", "min_neg_gap", "pairs", "windows_per_clip")
"""Options of encoders that learn from windows, which PASE does not have."""
COMMON = ("lip_input", "steps", "batch_size", "lr", "schedule", "warmup_steps", "augment")
EXCERPTS_CHOSEN = (*COMMON, "feature", *PASE_NAMES)
"""Options that nothing public states: what is chosen of them is said and saved."""
