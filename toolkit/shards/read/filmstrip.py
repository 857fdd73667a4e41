"""Windows out of a filmstrip, decoding only their frames where the file allows it.

A window of 5 frames out of 10 s is a fiftieth of the image. The writer puts a JPEG restart marker after every
frame: there the decoder starts afresh, so any run of frames, under the same header with a smaller height, is
a JPEG of its own. The pixels are those of a whole decode, because without chroma subsampling no frame looks
at its neighbours. Other JPEGs and PNG are decoded whole, once.
"""

import io
import re
from functools import cached_property
from typing import NamedTuple

import numpy as np

from speechlip.format import CROP_SIZE

BLOCK = 8
"""Side of a JPEG block in pixels; without subsampling also that of the unit that restart intervals count (ITU
T.81, A.2)."""
BLOCKS_PER_FRAME = (CROP_SIZE // BLOCK) ** 2
SOF0, SOS, DRI = 0xC0, 0xDA, 0xDD
END_OF_IMAGE = b"\xff\xd9"
RESTART = re.compile(rb"\xff[\xd0-\xd7]")
"""Cannot occur by chance: in entropy-coded data every 0xff is followed by 0x00 (ITU T.81, B.1.1.5)."""


class Filmstrip:
    """An encoded vertical filmstrip of ``n_frames`` 96×96 RGB frames.

    Raises ValueError where it is another image, and what Pillow raises for damaged data.
    """

    def __init__(self, data: bytes, n_frames: int) -> None:
        self.data, self.n_frames = data, n_frames
        self._cuts = frame_cuts(data, n_frames)

    @cached_property
    def whole(self) -> np.ndarray:
        """All frames, (n_frames, 96, 96, 3) uint8."""
        return decode_strip(self.data, self.n_frames)

    def window(self, start: int, length: int) -> np.ndarray:
        """Frames ``start … start + length − 1``, (length, 96, 96, 3) uint8, in memory of their own."""
        if not 0 <= start <= self.n_frames - length:
            raise ValueError(f"frames {start} … {start + length - 1} of a filmstrip of {self.n_frames}")
        if self._cuts is None:
            return self.whole[start : start + length].copy()
        return decode_strip(excerpt(self.data, self._cuts, start, length), length)


class FrameCuts(NamedTuple):
    """Where the parts of a JPEG filmstrip lie.

    height_at: position of the two bytes of its height.
    frames: (begin, end) of the coded data of each frame.
    """

    height_at: int
    frames: list[tuple[int, int]]


def decode_strip(data: bytes, n_frames: int) -> np.ndarray:
    """A filmstrip image as (n_frames, 96, 96, 3) uint8 RGB.

    Raises ValueError for an image of another size.
    """
    from PIL import Image

    try:
        opened = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    except Image.DecompressionBombError as error:
        raise ValueError(error) from error
    with opened as image:
        if image.size != (CROP_SIZE, CROP_SIZE * n_frames):
            raise ValueError(
                f"a picture of {image.width}×{image.height} px, "
                f"a filmstrip of {n_frames} frames has {CROP_SIZE}×{CROP_SIZE * n_frames}"
            )
        strip = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    return strip.reshape(n_frames, CROP_SIZE, CROP_SIZE, 3)


def frame_cuts(data: bytes, n_frames: int) -> FrameCuts | None:
    """Where the frames of a JPEG filmstrip begin and end.

    None where it does not restart after every frame, or is no such JPEG.
    """
    header = _segments(data)
    if header is None or not {SOF0, SOS, DRI} <= header.keys():
        return None
    height_at, scan_at = header[SOF0][0] + 5, sum(header[SOS])
    sampling = data[height_at + 6 : sum(header[SOF0]) : 3]
    interval = data[header[DRI][0] + 4 : sum(header[DRI])]
    if set(sampling) != {0x11} or int.from_bytes(interval, "big") != BLOCKS_PER_FRAME:
        return None
    marks = [mark.start() for mark in RESTART.finditer(data, scan_at)]
    if len(marks) != n_frames - 1 or not data.endswith(END_OF_IMAGE):
        return None
    frames = zip([scan_at, *(mark + 2 for mark in marks)], [*marks, len(data) - 2], strict=True)
    return FrameCuts(height_at, list(frames))


def excerpt(data: bytes, cuts: FrameCuts, start: int, length: int) -> bytes:
    """The JPEG of a run of frames: the header with its height, their coded data, and restart markers counted
    anew, modulo 8.
    """
    head = (
        data[: cuts.height_at]
        + (CROP_SIZE * length).to_bytes(2, "big")
        + data[cuts.height_at + 2 : cuts.frames[0][0]]
    )
    parts = [head]
    for number, (begin, end) in enumerate(cuts.frames[start : start + length]):
        if number:
            parts.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
        parts.append(data[begin:end])
    return b"".join([*parts, END_OF_IMAGE])


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
