"""What a user may choose for ``prep-shards``. Everything here changes the bytes that are written; the number of workers does not, and is not here."""

import re
from dataclasses import asdict, dataclass
from fractions import Fraction

from speechlip.errors import OptionError
from speechlip.format import CROP_SIZE, LIPS_FORMATS, MAX_JPEG_HEIGHT, SPLIT_NAME, ClipFormat
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.spectra import SPECTROGRAM_WIDTHS
from speechlip.workers.pool import Limits

BYTE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
Shares = tuple[tuple[str, float], ...]
PEOPLE: Shares = (("train", 0.9), ("validation", 0.05), ("test", 0.05))
TIME: Shares = (("train", 10 / 11), ("validation", 1 / 11))
"""The first 10/11 of a video to learn from, as AD-NeRF cut it and ER-NeRF, SyncTalk and TalkingGaussian do."""
SPLIT_BY = {"speaker": PEOPLE, "file": PEOPLE, "time": TIME}
"""What is dealt to the splits → the shares unless others are given."""


@dataclass(frozen=True)
class PrepOptions:
    """Options of one prepared folder.

    split: (name, share) pairs that add up to 1, dealt out by what ``split_by`` says: ``speaker``, ``file``, or ``time`` within every video.
    limit: the first so many sources, 0 all.
    """

    recipe: str = "folder"
    detector: str = "auto"
    crop: str = "lips"
    faces: str = "largest"
    spectrogram: str = "stft"
    lips_format: str = "jpg"
    split: Shares = PEOPLE
    shard_bytes: int = 256 * 10**6
    min_clip_s: float = 1.0
    max_clip_s: float = 10.0
    seed: int = 0
    decoder: str = "pyav"
    limit: int = 0
    sync_filter: str = ""
    sync_correct: bool = False
    sync_model: str = ""
    split_by: str = "speaker"
    max_picture_px: int = MAX_PICTURE_PX
    correct_confidence: float | None = None
    correct_frames: str = "2-14"

    def __post_init__(self) -> None:
        if self.spectrogram not in SPECTROGRAM_WIDTHS:
            raise OptionError(
                f"no spectrogram {self.spectrogram!r}; there are: {', '.join(SPECTROGRAM_WIDTHS)}"
            )
        if self.lips_format not in LIPS_FORMATS:
            raise OptionError(f"no lips format {self.lips_format!r}; there are: {', '.join(LIPS_FORMATS)}")
        if self.split_by not in SPLIT_BY:
            raise OptionError(f"no --split-by {self.split_by!r}; there are: {', '.join(SPLIT_BY)}")
        if self.min_clip_s < 0.2:
            raise OptionError(
                f"--min-clip {self.min_clip_s:g}s is shorter than one window of 5 frames; take 0.2s or more"
            )
        if self.max_clip_s < 2 * self.min_clip_s:
            raise OptionError(
                f"--max-clip {self.max_clip_s:g}s must be at least twice --min-clip {self.min_clip_s:g}s, so that a long span can be cut evenly"
            )
        longest_jpeg_s = MAX_JPEG_HEIGHT // CROP_SIZE / 25
        if self.lips_format == "jpg" and self.max_clip_s > longest_jpeg_s:
            raise OptionError(
                f"a JPEG filmstrip holds {longest_jpeg_s:g} s at most, --max-clip is {self.max_clip_s:g}s; take --lips-format png"
            )
        if self.shard_bytes < 1:
            raise OptionError(f"--shard-size must be positive, not {self.shard_bytes}")

    def as_dict(self) -> dict:
        return asdict(self) | {"split": dict(self.split)}

    @property
    def clip_format(self) -> ClipFormat:
        return ClipFormat(self.lips_format, self.spectrogram, self.crop, self.detector)


def parse_bytes(text: str) -> int:
    """Read a size such as ``256MB`` (10⁶) or ``64MiB`` (2²⁰). Raises OptionError.

    >>> parse_bytes("256MB"), parse_bytes("1.5 KiB")
    (256000000, 1536)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if not match or match[2].upper() not in BYTE_UNITS:
        raise OptionError(f"cannot read the size {text!r}; write it like 256MB, 1.5GB or 64MiB")
    return round(float(match[1]) * BYTE_UNITS[match[2].upper()])


def parse_duration(text: str) -> float:
    """Read a length of time such as ``1s``, ``1.5`` (seconds), ``500ms`` or ``2min``, in seconds. Raises OptionError.

    >>> parse_duration("1s"), parse_duration("500ms"), parse_duration("2min")
    (1.0, 0.5, 120.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|ms|min|)", text.strip())
    if not match:
        raise OptionError(f"cannot read the length {text!r}; write it like 1s, 500ms or 2min")
    return float(match[1]) * {"": 1, "s": 1, "ms": 0.001, "min": 60}[match[2]]


def parse_pixels(text: str) -> int:
    """Read a number of pixels such as ``40MP`` (millions). Raises OptionError.

    >>> parse_pixels("40MP"), parse_pixels("0.5 MP"), parse_pixels("90000")
    (40000000, 500000, 90000)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MP)?", text.strip(), re.IGNORECASE)
    if not match or float(match[1]) <= 0:
        raise OptionError(f"cannot read the number of pixels {text!r}; write it like 40MP")
    return round(float(match[1]) * (10**6 if match[2] else 1))


def parse_limits(max_wait: str, max_memory: str) -> Limits:
    """``--max-wait`` and ``--max-memory`` as limits; 0 is none. Raises OptionError.

    >>> parse_limits("10min", "4GiB") == Limits()
    True
    """
    return Limits(parse_duration(max_wait), parse_bytes(max_memory))


def parse_split(text: str) -> Shares:
    """Read shares such as ``train=0.9,validation=0.05,test=0.05`` or ``train=10/11,test=1/11``; they must add up to 1. Raises OptionError.

    >>> parse_split("train=0.8,test=0.2"), parse_split("train=3/4,test=1/4")
    ((('train', 0.8), ('test', 0.2)), (('train', 0.75), ('test', 0.25)))
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        match = re.fullmatch(rf"\s*({SPLIT_NAME})\s*=\s*(\d*\.?\d+|\d+/[1-9]\d*)\s*", part)
        if not match:
            raise OptionError(
                f"cannot read the split {part!r}; write it like train=0.9,validation=0.05,test=0.05 or train=10/11,test=1/11 (names in a-z, 0-9, _)"
            )
        if match[1] in shares:
            raise OptionError(f"the split {match[1]!r} is named twice in {text!r}")
        shares[match[1]] = float(Fraction(match[2]))
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise OptionError(f"the shares of {text!r} add up to {sum(shares.values()):g}; they must add up to 1")
    return tuple(shares.items())
