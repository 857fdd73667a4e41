"""A video as moments: 40 ms each, one picture and 640 samples, both from the same stretch of presentation time."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from itertools import repeat
from math import ceil
from pathlib import Path

import numpy as np

from speechlip.errors import OptionError
from speechlip.media.audio import windows
from speechlip.media.decord_frames import ArrayImage, decord_images
from speechlip.media.probe import MediaInfo
from speechlip.media.source_frames import DecodedImage, moments_by_packets, pictures
from speechlip.media.streams.corrected import sentences
from speechlip.timing import FPS


@dataclass(frozen=True)
class Frame:
    """``[index / 25, (index + 1) / 25)`` s after the video's first presentation time.

    picture: what is on display at the centre of these 40 ms; None in a hole of the video, or where no pictures were wanted.
    samples: (640,) int16, 16 kHz mono; None where more than 20 ms of them have no sound.
    """

    index: int
    picture: DecodedImage | ArrayImage | None
    samples: np.ndarray | None


@dataclass(frozen=True)
class ReadReport:
    """What reading met so far.

    damaged_packets: of either stream, skipped; damaged_frames: of either stream, patched up by the decoder and used;
    dropped_frames: source frames without a place in time: due no later than the one before; unshown_frames: others that no moment shows,
    as of sources above 25 frames/s; repeated_frames: moments that show the same frame as the one before;
    empty_moments: moments without a picture; audio_gaps: jumps in the audio's stamps; padded_samples: zeros for missing sound at 16 kHz.
    corrected: what was altered that the headers do not tell (``probe.corrections``), as sentences.
    """

    moments: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0
    dropped_frames: int = 0
    repeated_frames: int = 0
    empty_moments: int = 0
    audio_gaps: int = 0
    padded_samples: int = 0
    corrected: tuple[str, ...] = ()
    unshown_frames: int = 0


class Reading(Iterator[Frame]):
    """The moments of one video; ``report`` can be asked at any time. Closing (or dropping) it closes the file."""

    def __init__(self, path: Path, info: MediaInfo, decoder: str, want_pictures: bool, threads: int) -> None:
        self._tally: Counter[str] = Counter()
        shown = (
            DECODERS[decoder](path, info, threads, self._tally)
            if want_pictures
            else moments_by_packets(path, info, self._tally)
        )
        heard = windows(path, info, self._tally) if info.audio_codec else repeat(None)
        self._moments = _side_by_side(shown, heard)

    def __next__(self) -> Frame:
        moment = next(self._moments)
        self._tally["moments"] = moment.index + 1
        return moment

    @property
    def report(self) -> ReadReport:
        counts = {
            field.name: self._tally[field.name] for field in fields(ReadReport) if field.name != "corrected"
        }
        return ReadReport(**counts, corrected=sentences(self._tally))

    def close(self) -> None:
        self._moments.close()


def moments(
    path: Path, info: MediaInfo, decoder: str = "pyav", want_pictures: bool = True, threads: int = 1
) -> Reading:
    """Read a video in the order of time, one moment after another, in memory that does not grow with its length.

    It ends with the video: sound that goes on longer belongs to no picture and is not read. ``info`` is ``probe(path)``, which all readings
    of a file share, so that they agree on its time zero. ``want_pictures=False`` decodes the audio only. ``threads`` is the video decoder's.
    Raises OptionError for a decoder that does not exist or is not installed; while reading, SourceRefused only (``no decodable picture``,
    ``no decodable audio``): damage is skipped and counted in ``report``.
    """
    if decoder not in DECODERS:
        raise OptionError(f"no decoder {decoder!r}; there are: {', '.join(DECODERS)}")
    return Reading(path, info, decoder, want_pictures, threads)


def joins(info: MediaInfo) -> list[int]:
    """The moments that begin a recording joined to another: what was on display before them does not go on."""
    return [max(0, ceil(jump.at_s * FPS - 0.5)) for jump in info.jumps]


DECODERS: dict[str, Callable[[Path, MediaInfo, int, Counter], Generator]] = {
    "pyav": pictures,
    "decord": decord_images,
}


def _side_by_side(shown: Generator, heard: Iterable) -> Generator[Frame]:
    """zip, which also closes the files when it is closed."""
    with closing(shown):
        for index, (picture, samples) in enumerate(zip(shown, heard, strict=False)):
            yield Frame(index, picture, samples)
