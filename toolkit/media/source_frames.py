"""Images at exactly 25 a second: of every 40 ms the source frame on display at their centre.

docs/decisions/time-by-presentation.md says why.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.media.images.geometry import Changes, Geometries, Geometry
from speechlip.media.images.painting import Painter
from speechlip.media.info import MediaInfo
from speechlip.media.probe import limit_image_size
from speechlip.media.streams.key_packets import DECODERS, first_to_decode
from speechlip.media.streams.opening import open_local, video_stream
from speechlip.media.streams.packets import (
    keeps_presentation_times,
    packets,
    stamp_s,
    stamped_frames,
    without_wild_stamps,
)
from speechlip.media.streams.stamps import MAX_HOLD_S
from speechlip.timing import FPS, FRAME_S

ROUNDED = 1e-3
"""Frames by which a length in seconds may be off through rounding."""
Shown = TypeVar("Shown")


@dataclass(frozen=True)
class DecodedImage:
    """One decoded frame, not yet converted.

    ``shape`` costs nothing; ``rgb()`` of 1080 × 1920 px costs 0.6 ms for 8-bit 4:2:0, 3.5 ms for 10-bit, 12
    ms for HDR.

    It keeps the decoder's buffer alive: to collect images, collect their ``rgb()``.
    """

    frame: Any
    geometry: Geometry
    painter: Painter

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, 3) as displayed.

        It changes where the file changes its size, pixel aspect or orientation.
        """
        width, height = self.geometry.size
        return height, width, 3

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB as displayed: square pixels, upright, SDR."""
        return self.painter.paint(self.frame, self.geometry)


def read_images(
    path: Path, info: MediaInfo, threads: int, tally: Counter, first_frame: int = 0
) -> Generator[DecodedImage | None]:
    """One image per frame of 40 ms, from ``info.video_start_s`` to the end of the last packet.

    first_frame: those before it may be None, and what lies before the key frame that it needs is not decoded.

    None in a hole, and where nothing can be decoded. Raises SourceRefused (stage ``video``): no decodable
    picture.
    """
    painter, changes, empty, index = Painter(), Changes(tally, info.interlaced), True, -1
    with open_local(path) as container:
        stream = require_stream(video_stream(container))
        limit_image_size(stream, info.max_picture_px)
        stream.codec_context.thread_count = threads
        stream.codec_context.thread_type = "AUTO" if threads > 1 else "NONE"
        zero_s, geometries = video_zero_s(stream.time_base, info), Geometries(stream)
        known = info.key_packets if info.video_codec in DECODERS else ()
        first_packet = first_to_decode(known, zero_s + centre_s(first_frame)) if first_frame else 0
        frames = stamped_frames(container, stream, tally, info.video_shifts, first_packet, whole=True)
        stamped = (
            (stamp, length_s(frame, info), DecodedImage(frame, geometries.of(frame), painter))
            for stamp, frame in frames
        )
        for index, image in enumerate(one_per_frame(display_spans(stamped, zero_s, tally), tally)):
            if image is not None:
                if empty and first_packet:
                    changes.begin_later(info.stored, info.colours, image.geometry)
                empty = False
                changes.see(image.frame, image.geometry, index / FPS)
            yield image
    if empty and not first_packet:
        raise SourceRefused(
            "video",
            "no decodable picture",
            f"{tally['damaged_packets']} damaged packets, {tally['damaged_frames']} images, none whole",
        )
    for _ in range(index + 1, int(info.video_duration_s * FPS + 0.5 - ROUNDED)):
        tally["empty_frames"] += 1
        yield None


def frames_by_packets(path: Path, info: MediaInfo, tally: Counter) -> Generator[None]:
    """None for every frame that ``read_images`` would yield, by the packets' stamps; decodes nothing."""
    index, stop_s = 0, Fraction(0)
    with open_local(path) as container:
        stream = require_stream(video_stream(container))
        zero_s = video_zero_s(stream.time_base, info)
        presented = keeps_presentation_times(container)
        shown = (
            packet
            for packet in packets(container, stream, tally, info.video_shifts)
            if packet.size and not packet.is_discard
        )
        stamped = ((stamp_s(packet.pts if presented else packet.dts, stream), packet) for packet in shown)
        for stamp, packet in without_wild_stamps(stamped):
            if stamp is not None:
                stop_s = max(stop_s, stamp - zero_s + length_s(packet, info))
            while centre_s(index) < stop_s:
                yield None
                index += 1
    if centre_s(index) == stop_s:
        yield None


def display_spans(
    stamped: Iterable[tuple[Fraction | None, Fraction, Shown]], zero_s: Fraction, tally: Counter
) -> Iterator[tuple[Fraction, Fraction, Shown]]:
    """``(start, stop, frame)`` in seconds from ``zero_s``: a frame is on display until the next one is due.

    stamped: (time in seconds or None, own length in seconds, frame). A frame without a time follows the one
        before.

    A frame is on display for its own length where the next is due more than MAX_HOLD_S later, and where it is
    the last. Frames before the first stamp, and frames due no later than the one before, are dropped and
    counted.
    """
    before: tuple[Fraction, Fraction, Shown] | None = None
    for stamp, length, frame in stamped:
        due_s = stamp - zero_s if stamp is not None else before and before[0] + before[1]
        if due_s is None or (before and due_s <= before[0]):
            tally["dropped_frames"] += 1
            continue
        if before:
            start_s, own_length, shown = before
            yield start_s, due_s if due_s - start_s <= MAX_HOLD_S else start_s + own_length, shown
        before = due_s, length, frame
    if before:
        yield before[0], before[0] + before[1], before[2]


def one_per_frame(
    spans: Iterable[tuple[Fraction, Fraction, Shown]], tally: Counter
) -> Iterator[Shown | None]:
    """The source frame on display at the centre of each 40 ms, None where there is none.

    tally: counts frames that are repeated, unshown or empty.

    The last frame is on display to its very end, so that a centre which falls there has it too, as FFmpeg's
    ``fps`` rounds.

    >>> from collections import Counter
    >>> thirty = [(Fraction(k, 30), Fraction(k + 1, 30), k) for k in range(12)]
    >>> tally = Counter()
    >>> list(one_per_frame(thirty, tally)), tally["unshown_frames"]
    ([0, 1, 3, 4, 5, 6, 7, 9, 10, 11], 2)
    """
    index = 0
    end: list[Any] = [None]
    for (start_s, stop_s, frame), following in pairwise(chain(spans, end)):
        while centre_s(index) < start_s:
            tally["empty_frames"] += 1
            yield None
            index += 1
        times = 0
        while centre_s(index) < stop_s or (following is None and centre_s(index) == stop_s):
            yield frame
            index, times = index + 1, times + 1
        tally["unshown_frames"] += times == 0
        tally["repeated_frames"] += max(0, times - 1)


def centre_s(index: int) -> Fraction:
    """Centre of frame ``index`` in seconds."""
    return (index + Fraction(1, 2)) / FPS


def length_s(timed: Any, info: MediaInfo) -> Fraction:
    """Length of one frame or packet in seconds: its own up to MAX_HOLD_S, else the source's average."""
    own = (timed.duration or 0) * timed.time_base
    return own if 0 < own <= MAX_HOLD_S else nominal_s(info)


def nominal_s(info: MediaInfo) -> Fraction:
    """Average length of a source frame in seconds, at most MAX_HOLD_S; 40 ms where no rate is known."""
    return (
        min(1 / Fraction(info.source_fps).limit_denominator(1001), MAX_HOLD_S)
        if info.source_fps >= 1
        else FRAME_S
    )


def video_zero_s(time_base: Fraction, info: MediaInfo) -> Fraction:
    """First presentation time of the video in seconds, exact in ticks of ``time_base``.

    A float would decide ties at random.
    """
    return round(Fraction(info.video_start_s) / time_base) * time_base


def require_stream(stream: Any) -> Any:
    """The stream of a file that was probed before.

    Raises SourceRefused (stage ``video``) where it is gone.
    """
    if stream is None:
        raise SourceRefused(
            "video",
            "no decodable picture",
            "the stream that probing saw is gone: was the file replaced meanwhile?",
        )
    return stream
