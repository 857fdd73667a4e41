"""A video as frames of 40 ms: one image and 640 samples each, both of the same presentation time."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice, repeat
from math import ceil
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from speechlip.errors import no_such
from speechlip.media.audio import audio_windows
from speechlip.media.decord_frames import decord_images
from speechlip.media.info import MediaInfo
from speechlip.media.source_frames import frames_by_packets, read_images
from speechlip.media.streams.corrected import sentences
from speechlip.timing import FPS

BLOCK_FRAMES = 25
"""Frames of audio that are read at once. Between two images a face detector empties the CPU's caches: read
one by one, a frame's audio takes three times as long."""
Read = TypeVar("Read")


class Image(Protocol):
    """What is on display. ``shape``: (height, width, 3), costs nothing."""

    @property
    def shape(self) -> tuple[int, int, int]: ...

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB as displayed."""


@dataclass(frozen=True)
class Frame:
    """The 40 ms ``[index / 25, (index + 1) / 25)`` after the video's first presentation time.

    index: number of the frame at 25 frames/s, from 0.
    image: on display at the centre of the 40 ms; None in a hole of the video, or where no images are read.
    samples: (640,) int16, 16 kHz mono; None where more than 20 ms have no audio, or where none is read.
    """

    index: int
    image: Image | None
    samples: np.ndarray | None

    def rgb(self) -> np.ndarray | None:
        """(H, W, 3) uint8 RGB as displayed; None where there is no image. Converted at each call."""
        return None if self.image is None else self.image.rgb()


@dataclass(frozen=True)
class ReadStats:
    """Counts of what reading has met so far.

    frames: frames of 40 ms read.
    damaged_packets: packets of either stream that could not be decoded and were skipped.
    damaged_frames: frames of audio that the decoder patched up, which are used; images that it patched up,
        and those from there to the next key frame, which are not.
    dropped_frames: source frames due no later than the one before, so without a place in time.
    repeated_frames: frames with the same image as the one before.
    empty_frames: frames without an image.
    audio_gaps: jumps in the time stamps of the audio.
    padded_samples: zeros in place of missing audio, at 16 kHz.
    corrected: sentences on what was altered and is not in the headers (those: ``probe.corrections``).
    unshown_frames: source frames not shown for another reason, as of sources above 25 frames/s.
    """

    frames: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0
    dropped_frames: int = 0
    repeated_frames: int = 0
    empty_frames: int = 0
    audio_gaps: int = 0
    padded_samples: int = 0
    corrected: tuple[str, ...] = ()
    unshown_frames: int = 0


class FrameReader(Iterator[Frame]):
    """Iterates over the frames of one video and counts in ``stats``; closing it closes the file."""

    def __init__(
        self,
        path: Path,
        info: MediaInfo,
        decoder: str,
        images: bool,
        audio: bool,
        threads: int,
        first_frame: int,
    ) -> None:
        self._tally: Counter[str] = Counter()
        self._first_frame = first_frame
        self._before: Counter[str] | None = None if first_frame else Counter()
        shown = (
            DECODERS[decoder](path, info, threads, self._tally, first_frame)
            if images
            else frames_by_packets(path, info, self._tally)
        )
        windows = partial(audio_windows, path, info)
        heard = read_ahead(windows, self._tally) if audio and info.audio_codec else repeat(None)
        self._frames = _side_by_side(shown, heard)

    def __next__(self) -> Frame:
        frame = next(self._frames)
        if frame.index == self._first_frame and self._before is None:
            self._before = self._tally.copy()
        self._tally["frames"] = frame.index + 1
        return frame

    @property
    def stats(self) -> ReadStats:
        """What was met from ``first_frame`` on; ``frames`` and ``corrected`` from the beginning on."""
        before = self._tally if self._before is None else self._before
        names = (field.name for field in fields(ReadStats) if field.name not in ("frames", "corrected"))
        counts = {name: self._tally[name] - before[name] for name in names}
        return ReadStats(self._tally["frames"], **counts, corrected=sentences(self._tally))

    def close(self) -> None:
        self._frames.close()


def read_frames(
    path: Path,
    info: MediaInfo,
    decoder: str = "pyav",
    images: bool = True,
    audio: bool = True,
    threads: int = 1,
    first_frame: int = 0,
) -> FrameReader:
    """Read a video frame by frame in the order of time; memory does not grow with its length.

    info: ``probe(path)``; all readings of a file share it and so agree on its time zero.
    decoder: a key of ``DECODERS``.
    images: False decodes the audio only.
    audio: False decodes the images only.
    threads: of the video decoder.
    first_frame: the first that is wanted. Those before it come too, for the sake of time, some without their
        image.

    Reading ends with the video; audio that goes on longer is not read. Damage is skipped and counted in
    ``stats``. Raises OptionError for a decoder that is unknown or not installed; while reading only
    SourceRefused (``no decodable picture``, ``no decodable audio``).
    """
    if decoder not in DECODERS:
        raise no_such("decoder", decoder, DECODERS)
    return FrameReader(path, info, decoder, images, audio, threads, first_frame)


def joins(info: MediaInfo) -> list[int]:
    """Indices of the first frames of joined recordings; no face or shot goes on across them."""
    return [max(0, ceil(jump.at_s * FPS - 0.5)) for jump in info.jumps]


DECODERS: dict[str, Callable[[Path, MediaInfo, int, Counter, int], Generator]] = {
    "pyav": read_images,
    "decord": decord_images,
}


def read_ahead(windows: Callable[[Counter], Iterator[Read]], tally: Counter) -> Iterator[Read]:
    """What ``windows(counts)`` yields, read ``BLOCK_FRAMES`` at a time.

    tally: gets the counts of each window when that is handed out, so of none that nobody asks for.
    """
    counts: Counter = Counter()
    source = windows(counts)
    while block := [(window, _taken(counts)) for window in islice(source, BLOCK_FRAMES)]:
        for window, counted in block:
            tally.update(counted)
            yield window


def _taken(counts: Counter) -> Counter:
    """A copy of the counts, which begin anew."""
    taken = counts.copy()
    counts.clear()
    return taken


def _side_by_side(shown: Generator, heard: Iterable) -> Generator[Frame]:
    """zip, which also closes the files when it is closed."""
    with closing(shown):
        for index, (image, samples) in enumerate(zip(shown, heard, strict=False)):
            yield Frame(index, image, samples)
