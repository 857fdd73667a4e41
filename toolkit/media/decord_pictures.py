"""Pictures by decord, for those who have tuned it. Sound is always PyAV's. What decord cannot do stands in DECORD_LIMITS."""

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OptionError, SourceRefused, install
from .probe import MediaInfo
from .video import in_order, nominal_s, one_per_moment

DECORD_LIMITS = (
    "decord counts time from its own first picture, so an edit list or a damaged start shifts picture against sound; it keeps stamps in "
    "single precision, has none for AVI with B-frames (a constant rate is assumed), garbles rotated pictures (they are refused), converts "
    "every frame to 8-bit RGB whether it is used or not, gives up at damage that PyAV steps over, and has had no release since 2021."
)
STAMP_DIGITS = 4  # single precision: 0.2 ms after an hour


@dataclass(frozen=True)
class ArrayPicture:
    """A picture that is an array already; the same face as ``video.Picture``."""

    pixels: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.pixels.shape  # type: ignore[return-value]

    def rgb(self) -> np.ndarray:
        return self.pixels


def decord_pictures(path: Path, info: MediaInfo, threads: int, tally: Counter) -> Generator[ArrayPicture | None]:
    """What ``video.pictures`` does, by decord and within DECORD_LIMITS.

    Raises OptionError where decord is not installed; SourceRefused (stage ``video``): decord cannot read it.
    """
    return _placed(_import_decord(), path, info, threads, tally)


def _placed(decord: Any, path: Path, info: MediaInfo, threads: int, tally: Counter) -> Generator[ArrayPicture | None]:
    if info.jumps:
        raise SourceRefused("video", "decord cannot read it", "decord cannot join recordings whose stamps start again: use --decoder pyav")
    if info.rotation_deg:
        raise SourceRefused("video", "decord cannot read it", "decord garbles pictures with a rotation flag: use --decoder pyav")
    try:
        stamped = _stamped(decord.VideoReader(str(path.absolute()), num_threads=threads), info)
        for pixels in one_per_moment(in_order(stamped, Fraction(0), tally), tally):
            yield None if pixels is None else ArrayPicture(pixels)
    except (decord.DECORDError, RuntimeError) as error:
        raise SourceRefused("video", "decord cannot read it", f"try --decoder pyav: {str(error).splitlines()[0][:200]}") from error


def _stamped(reader: Any, info: MediaInfo) -> Iterator[tuple[Fraction, Fraction, np.ndarray]]:
    length_s = nominal_s(info)
    starts_s = [Fraction(start).limit_denominator(10**STAMP_DIGITS) for start, _ in reader.get_frame_timestamp(range(len(reader))).tolist()]
    if any(start >= following for start, following in pairwise(starts_s)):
        starts_s = [length_s * k for k in range(len(reader))]
    for start_s in starts_s:
        yield start_s, length_s, reader.next().asnumpy()


def _import_decord() -> Any:
    try:
        import decord
    except ImportError as error:
        raise OptionError(f"decoder decord is not installed: {install('decord')}, or use --decoder pyav") from error
    return decord
