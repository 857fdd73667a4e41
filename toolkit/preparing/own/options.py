"""What a user may choose for a ``ShardWriter``."""

import re
from dataclasses import dataclass
from typing import Any

from speechlip.checks import check_types
from speechlip.errors import OptionError
from speechlip.format import LIPS_FORMATS, ClipFormat
from speechlip.manifest import About
from speechlip.manifest.problems import PLAIN_NAME
from speechlip.preparing.choices import SHARD_BYTES, check_name
from speechlip.spectra import SPECTROGRAM_WIDTHS

OWN_CLIPS = "own clips"
"""What stands for the recipe where clips come from a ``ShardWriter``."""
SPLIT_BY = ("speaker", "file")


@dataclass(frozen=True)
class ShardOptions:
    """Options of a folder of own clips. Raises OptionError where one cannot be used.

    title: of the dataset, on its card.
    licence: of the dataset as a whole, an SPDX identifier or unknown; each clip's source has its own.
    citation: BibTeX of what the dataset asks to be cited for, or empty.
    access: how one comes by the videos, or empty.
    homepage: an address, or empty.
    language: ISO 639 code of what is spoken, or empty.
    crop: the name of what was cut out: lips, lower-face, auto-avsr, or a name of your own (all 96×96), or
        face-256 (256×256).
    detector: the name of what found the faces.
    spectrogram: stft (257 bins) or mel (80), computed from the audio.
    lips_format: jpg (quality 95) or png (lossless).
    shard_bytes: a shard ends before the sample that would make it larger.
    split_by: what falls into one split only: speaker or file (a source).
    pairs: freeze evaluation pairs for every split but train.
    seed: of the frozen pairs.
    """

    title: str = "Clips"
    licence: str = "unknown"
    citation: str = ""
    access: str = ""
    homepage: str = ""
    language: str = ""
    crop: str = "lips"
    detector: str = "unknown"
    spectrogram: str = "stft"
    lips_format: str = "jpg"
    shard_bytes: int = SHARD_BYTES
    split_by: str = "speaker"
    pairs: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_types(self)
        check_name("spectrogram", self.spectrogram, SPECTROGRAM_WIDTHS)
        check_name("lips format", self.lips_format, LIPS_FORMATS)
        check_name("split_by", self.split_by, SPLIT_BY)
        for name in ("crop", "detector"):
            if not re.fullmatch(PLAIN_NAME, getattr(self, name)):
                raise OptionError(
                    f"{name} is {getattr(self, name)!r}, wanted a name such as 'lips' or 'mine-2'"
                )
        if self.shard_bytes < 1:
            raise OptionError(f"shard_bytes must be positive, not {self.shard_bytes}")

    @property
    def about(self) -> About:
        """What manifest and card say of the dataset."""
        return About(
            title=self.title,
            licence=self.licence,
            citation=self.citation,
            access=self.access,
            homepage=self.homepage,
            language=self.language,
        )

    def as_dict(self) -> dict[str, Any]:
        """The options as the manifest records them."""
        names = ("detector", "crop", "spectrogram", "lips_format", "shard_bytes", "seed", "split_by")
        return {
            "recipe": OWN_CLIPS,
            "split": {},
            "sync_filter": "",
            **{name: getattr(self, name) for name in names},
        }

    @property
    def clip_format(self) -> ClipFormat:
        return ClipFormat(self.lips_format, self.spectrogram, self.crop, self.detector)
