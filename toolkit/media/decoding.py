"""Packets to frames with the time at which each is due, over damage that a file may hold. One stream at a time."""

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain, pairwise
from typing import Any, TypeVar

import av
from av.container import InputContainer

DEMUX_ATTEMPTS = 100  # consecutive failures to read a packet after which the file is taken to end here
WILD_S = 10  # longer than any pause between frames that a recorder leaves on purpose
Shown = TypeVar("Shown")
MediaStream = av.VideoStream | av.AudioStream
MAX_REORDER = 16  # frames an H.264 or HEVC decoder may hold back (H.264 table A-1, max_num_reorder_frames)


def keeps_presentation_times(container: InputContainer) -> bool:
    """False for AVI, which stores frames in decoding order and no time at which to show them."""
    return container.format.name != "avi"


def stamped_frames(container: InputContainer, stream: MediaStream, tally: Counter) -> Iterator[tuple[Fraction | None, Any]]:
    """Yield ``(time in seconds on the container's clock or None, frame)`` in the order the decoder gives them out.

    Packets that cannot be read or decoded are skipped and counted in ``tally["damaged_packets"]``; decoding goes on with the next one, and
    frames that the decoder had to patch up are given out and counted in ``tally["damaged_frames"]``.
    A stamp far off that the next frame does not bear out is damage too: it becomes None.
    Video in AVI: decoders give frames out in the order of display, so the n-th frame takes the n-th of the times its packets came with.
    """
    yield from without_wild_stamps(_decoded(container, stream, tally))


def without_wild_stamps(stamped: Iterable[tuple[Fraction | None, Shown]]) -> Iterator[tuple[Fraction | None, Shown]]:
    """Replace by None every stamp more than WILD_S from the one before, unless the next frame is as far away.

    >>> list(without_wild_stamps([(0, "a"), (9999, "b"), (2, "c"), (500, "d"), (501, "e")]))
    [(0, 'a'), (None, 'b'), (2, 'c'), (500, 'd'), (501, 'e')]
    """
    last: Fraction | None = None
    end: list[tuple[Any, Any]] = [(None, None)]
    for (stamp, frame), (following, _) in pairwise(chain(stamped, end)):
        sane = stamp if not _wild(stamp, last) or _wild(following, last) else None
        yield sane, frame
        last = last if sane is None else sane


def _wild(stamp: Fraction | None, last: Fraction | None) -> bool:
    return stamp is not None and last is not None and abs(stamp - last) > WILD_S


def _decoded(container: InputContainer, stream: MediaStream, tally: Counter) -> Iterator[tuple[Fraction | None, Any]]:
    waiting: list[int] | None = None if stream.type == "audio" or keeps_presentation_times(container) else []
    for packet in packets(container, stream, tally):
        if waiting is not None and packet.dts is not None:
            heappush(waiting, packet.dts)
        try:
            frames = packet.decode()
        except av.FFmpegError:
            tally["damaged_packets"] += 1
            if waiting is not None and packet.dts in waiting:
                waiting.remove(packet.dts)
                waiting.sort()
            continue
        for frame in frames:
            tally["damaged_frames"] += frame.is_corrupt
            ticks = heappop(waiting) if waiting else frame.pts
            yield stamp_s(ticks, stream), frame
        while waiting and len(waiting) > MAX_REORDER:
            heappop(waiting)


def stamp_s(ticks: int | None, stream: MediaStream) -> Fraction | None:
    return None if ticks is None or stream.time_base is None else ticks * stream.time_base


def packets(container: InputContainer, stream: MediaStream, tally: Counter) -> Iterator[av.Packet]:
    """All packets of one stream, last the empty one that flushes the decoder. Others without data (a dropped frame in AVI) are left out."""
    failures = 0
    while failures < DEMUX_ATTEMPTS:
        try:
            for packet in container.demux(stream):
                failures = 0
                if packet.size or packet.dts is None:
                    yield packet
            return
        except av.FFmpegError:
            failures += 1
            tally["damaged_packets"] += 1
        except IndexError:  # PyAV, at the end of a damaged transport stream in which new streams turned up: ours has been flushed
            return
