"""Packets to frames with the time at which each is due, over damage that a file may hold.

One stream at a time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain, pairwise
from typing import Any, TypeVar

import av
from av.container import InputContainer

from speechlip.media.streams.stamps import MAX_REORDER, WILD_S
from speechlip.media.streams.timeline import Shift
from speechlip.workers.processes import alive

DEMUX_ATTEMPTS = 100  # consecutive failures to read a packet after which the file is taken to end here
Shown = TypeVar("Shown")
MediaStream = av.VideoStream | av.AudioStream


def keeps_presentation_times(container: InputContainer) -> bool:
    """False for AVI, which stores frames in decoding order and no time at which to show them."""
    return container.format.name != "avi"


def stamped_frames(
    container: InputContainer, stream: MediaStream, tally: Counter, shifts: Sequence[Shift] = ()
) -> Iterator[tuple[Fraction | None, Any]]:
    """Yield ``(time in seconds on the container's clock or None, frame)`` in the order the decoder gives them
    out.

    shifts: what ``probe`` found for this stream. The time is the shifted one; frames outside the limits of
        their shift are left out.

    Packets that cannot be read or decoded are skipped and counted in ``tally["damaged_packets"]``; decoding
    goes on with the next one, and frames that the decoder had to patch up are given out and counted in
    ``tally["damaged_frames"]``. A stamp far off that the next frame does not bear out is damage too: it
    becomes None. Video in AVI: decoders give frames out in the order of display, so the n-th frame takes the
    n-th of the times its packets came with.
    """
    yield from without_wild_stamps(_decoded(container, stream, tally, shifts))


def without_wild_stamps(
    stamped: Iterable[tuple[Fraction | None, Shown]],
) -> Iterator[tuple[Fraction | None, Shown]]:
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


def _decoded(
    container: InputContainer, stream: MediaStream, tally: Counter, shifts: Sequence[Shift]
) -> Iterator[tuple[Fraction | None, Any]]:
    waiting: list[int] | None = None if stream.type == "audio" or keeps_presentation_times(container) else []
    for packet, shift in shifted_packets(container, stream, tally, shifts):
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
            if (stamp := stamp_s(ticks, stream)) is None or _within(stamp, shift):
                yield stamp, frame
        while waiting and len(waiting) > MAX_REORDER:
            heappop(waiting)


def _within(stamp: Fraction, shift: Shift | None) -> bool:
    if shift is None:
        return True
    return (shift.begin_s is None or shift.begin_s <= stamp) and (shift.end_s is None or stamp < shift.end_s)


def stamp_s(ticks: int | None, stream: MediaStream) -> Fraction | None:
    return None if ticks is None or stream.time_base is None else ticks * stream.time_base


def packets(
    container: InputContainer, stream: MediaStream, tally: Counter, shifts: Sequence[Shift] = ()
) -> Iterator[av.Packet]:
    """All packets of one stream, last the empty one that flushes the decoder.

    Others without data (a dropped frame in AVI) are left out.

    Where ``shifts`` are given, stamps are moved as they say.
    """
    return (packet for packet, _ in shifted_packets(container, stream, tally, shifts))


def shifted_packets(
    container: InputContainer, stream: MediaStream, tally: Counter, shifts: Sequence[Shift]
) -> Iterator[tuple[av.Packet, Shift | None]]:
    """What ``packets`` yields, each with the shift that it took."""
    coming, shift, ticks = list(reversed(shifts)), None, 0
    for number, packet in enumerate(demuxed(container, [stream], tally)):
        while coming and coming[-1].first_packet <= number:
            shift = coming.pop()
            ticks = round(shift.offset_s / packet.time_base)
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        if packet.size or packet.dts is None:
            yield packet, shift


def demuxed(container: InputContainer, streams: Sequence[MediaStream], tally: Counter) -> Iterator[av.Packet]:
    """All packets of these streams in the order of the file, over damage; those that cannot be read are
    counted in ``tally``.

    Fragments of MP4 whose stamps start again are among them: FFmpeg marks theirs as not to be shown.
    """
    failures = 0
    fragmented = container.format.name.startswith("mov") and not any(stream.frames for stream in streams)
    while failures < DEMUX_ATTEMPTS:
        try:
            for packet in container.demux(list(streams)):
                failures = 0
                alive()
                yield shown(packet) if fragmented and packet.size and packet.is_discard else packet
            return
        except av.FFmpegError:
            failures += 1
            tally["damaged_packets"] += 1
        except IndexError:  # PyAV, at the end of a damaged transport stream in which new streams turned up: ours has been flushed
            return


def shown(packet: av.Packet) -> av.Packet:
    """The same packet without the mark that its frames are not to be shown;

    ``opaque`` is its place in the file.
    """
    copy = av.Packet(bytes(packet))
    copy.stream, copy.time_base, copy.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
    copy.pts, copy.dts, copy.duration, copy.opaque = packet.pts, packet.dts, packet.duration, packet.pos
    for data in packet.iter_sidedata():
        copy.set_sidedata(data)
    return copy
