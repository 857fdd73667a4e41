"""Windows out of a filmstrip, decoding only their frames where the file allows it.

A window of 5 frames out of 10 s is a fiftieth of the image. The writer puts a JPEG restart marker after every
frame: there the decoder starts afresh, so any frames in any order, under the same header with another height,
are a JPEG of their own. The pixels are those of a whole decode, because without chroma subsampling no frame
looks at its neighbours. A window of mouths takes 15 kB as it is coded and 138 kB as pixels, so it waits as it
is coded, and the windows of many clips are decoded by one call. Other JPEGs and PNG are decoded whole, once.

How large its frames are, a filmstrip says itself: its width, one of ``CROP_SIZES`` (S below).
"""

import io
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np

from speechlip.format import CROP_SIZE, CROP_SIZES

BLOCK = 8
"""Side of a JPEG block in pixels; without subsampling also that of the unit that restart intervals count (ITU
T.81, A.2)."""
SOF0, SOS, DRI = 0xC0, 0xDA, 0xDD
END_OF_IMAGE = b"\xff\xd9"
PIXELS_AT_ONCE = 80 * CROP_SIZE**2
"""Decoded by one call, 2.2 MB: fewer cost more calls, more leave the cache."""


class CodedFrames(NamedTuple):
    """Some frames of a JPEG filmstrip, not decoded.

    size: height and width of a frame, px.
    before, after: the header without the two bytes of its height.
    frames: the entropy-coded data of each frame.
    """

    size: int
    before: bytes
    after: bytes
    frames: tuple[bytes, ...]

    @property
    def header(self) -> tuple[int, bytes, bytes]:
        """Frames under the same header can be decoded together."""
        return self.size, self.before, self.after


class Filmstrip:
    """An encoded vertical filmstrip of ``n_frames`` S×S RGB frames.

    Raises ValueError where it is another image, and what Pillow raises for damaged data.
    """

    def __init__(self, data: bytes, n_frames: int) -> None:
        self.data, self.n_frames = data, n_frames
        self._cuts = frame_cuts(data, n_frames)

    @cached_property
    def whole(self) -> np.ndarray:
        """All frames, (n_frames, S, S, 3) uint8."""
        return decode_strip(self.data, self.n_frames)

    def coded(self, start: int, length: int) -> CodedFrames | None:
        """Frames ``start … start + length − 1`` without decoding them; None where the file does not allow
        it.
        """
        self._check(start, length)
        if self._cuts is None:
            return None
        size, height_at, frames = self._cuts
        return CodedFrames(
            size,
            self.data[:height_at],
            self.data[height_at + 2 : frames[0][0]],
            tuple(self.data[begin:end] for begin, end in frames[start : start + length]),
        )

    def window(self, start: int, length: int) -> np.ndarray:
        """Frames ``start … start + length − 1``, (length, S, S, 3) uint8, in memory of their own."""
        coded = self.coded(start, length)
        if coded is None:
            return self.whole[start : start + length].copy()
        frames = np.empty((length, coded.size, coded.size, 3), np.uint8)
        decode_coded([coded], frames)
        return frames

    def _check(self, start: int, length: int) -> None:
        if not 0 <= start <= self.n_frames - length:
            raise ValueError(f"frames {start} … {start + length - 1} of a filmstrip of {self.n_frames}")


class FrameCuts(NamedTuple):
    """Where the parts of a JPEG filmstrip lie.

    size: height and width of a frame, px.
    height_at: position of the two bytes of its height.
    frames: (begin, end) of the coded data of each frame.
    """

    size: int
    height_at: int
    frames: list[tuple[int, int]]


def decode_coded(windows: Sequence[CodedFrames], out: np.ndarray) -> None:
    """The frames of all windows, of one size, one after another into ``out``, (frames, S, S, 3) uint8.

    Raises ValueError where OpenCV cannot decode them; it decodes to the same pixels as Pillow, in two thirds
    of the time.
    """
    import cv2

    flags, done = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION, 0
    for together in _runs(windows):
        data, n_frames = jpeg_of(together)
        try:
            strip = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            raise ValueError(f"broken JPEG: {error.err}") from error
        size = together[0].size
        if strip is None or strip.shape != (size * n_frames, size, 3):
            raise ValueError("broken JPEG: its header cannot be decoded")
        out[done : done + n_frames] = strip.reshape(n_frames, size, size, 3)
        done += n_frames


def _runs(windows: Sequence[CodedFrames]) -> Iterator[list[CodedFrames]]:
    """Neighbouring windows that one call decodes: under one header, at most ``PIXELS_AT_ONCE`` or one
    window.
    """
    for _, same in groupby(windows, key=lambda window: window.header):
        together: list[CodedFrames] = []
        n_frames = 0
        for window in same:
            if together and (n_frames + len(window.frames)) * window.size**2 > PIXELS_AT_ONCE:
                yield together
                together, n_frames = [], 0
            together.append(window)
            n_frames += len(window.frames)
        yield together


def jpeg_of(windows: Sequence[CodedFrames]) -> tuple[bytes, int]:
    """The JPEG of frames under one header, and how many they are: the header with their height, their coded
    data, and restart markers counted anew, modulo 8.
    """
    frames = [frame for window in windows for frame in window.frames]
    first = windows[0]
    parts = [first.before, (first.size * len(frames)).to_bytes(2, "big"), first.after]
    for number, frame in enumerate(frames):
        if number:
            parts.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
        parts.append(frame)
    return b"".join([*parts, END_OF_IMAGE]), len(frames)


def decode_strip(data: bytes, n_frames: int) -> np.ndarray:
    """A filmstrip image as (n_frames, S, S, 3) uint8 RGB.

    Raises ValueError for an image of another size.
    """
    from PIL import Image

    try:
        opened = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    except Image.DecompressionBombError as error:
        raise ValueError(error) from error
    with opened as image:
        size = image.width
        if size not in CROP_SIZES or image.height != size * n_frames:
            wanted = " or ".join(f"{each}×{each * n_frames}" for each in CROP_SIZES)
            raise ValueError(
                f"a picture of {size}×{image.height} px, a filmstrip of {n_frames} frames has {wanted}"
            )
        strip = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    return strip.reshape(n_frames, size, size, 3)


def frame_cuts(data: bytes, n_frames: int) -> FrameCuts | None:
    """Where the frames of a JPEG filmstrip begin and end.

    None where it does not restart after every frame and nowhere else, or is no RGB JPEG of so many frames.
    """
    header = _segments(data)
    if header is None or not {SOF0, SOS, DRI} <= header.keys() or not data.endswith(END_OF_IMAGE):
        return None
    height_at, scan_at = header[SOF0][0] + 5, sum(header[SOS])
    if scan_at > len(data) - len(END_OF_IMAGE):
        return None
    height, size, channels, interval = (
        int.from_bytes(data[begin:end], "big")
        for begin, end in (
            (height_at, height_at + 2),
            (height_at + 2, height_at + 4),
            (height_at + 4, height_at + 5),
            (header[DRI][0] + 4, sum(header[DRI])),
        )
    )
    sampling = data[height_at + 6 : sum(header[SOF0]) : 3]
    if size not in CROP_SIZES or (height, channels) != (size * n_frames, 3) or set(sampling) != {0x11}:
        return None
    *restarts, end = _markers(data, scan_at)
    blocks = (size // BLOCK) ** 2
    if interval != blocks or len(restarts) != n_frames - 1 or end != len(data) - len(END_OF_IMAGE):
        return None
    if any(not 0xD0 <= data[restart + 1] <= 0xD7 for restart in restarts):
        return None
    begins = [scan_at, *(restart + 2 for restart in restarts)]
    return FrameCuts(size, height_at, list(zip(begins, [*restarts, end], strict=True)))


def _markers(data: bytes, scan_at: int) -> list[int]:
    """Where markers stand in a scan that ends in one.

    In entropy-coded data every 0xff is followed by 0x00 (ITU T.81, B.1.1.5), so none occurs by chance.
    """
    scan = np.frombuffer(data, np.uint8, offset=scan_at)
    marks = np.flatnonzero(scan[:-1] == 0xFF)
    return (marks[scan[marks + 1] != 0] + scan_at).tolist()


def _segments(data: bytes) -> dict[int, tuple[int, int]] | None:
    """Marker → (position, length with marker) of the header segments up to the first scan; None where this is
    no JPEG header.
    """
    if data[:2] != b"\xff\xd8":
        return None
    segments, position = {}, 2
    while SOS not in segments:
        if position + 4 > len(data) or data[position] != 0xFF:
            return None
        length = 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segments[data[position + 1]] = (position, length)
        position += length
    return segments
