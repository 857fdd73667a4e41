"""Packets of one stream → frames with the time at which each is due, over damage."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain, pairwise
from typing import Any, TypeVar

import av
from av.container import InputContainer

from speechlip.media.streams.damage import Damage
from speechlip.media.streams.stamps import MAX_REORDER, WILD_S
from speechlip.media.streams.timeline import Shift
from speechlip.workers.processes import alive

DEMUX_ATTEMPTS = 100
"""Failures to read a packet, one after another, after which the file is taken to end."""
Shown = TypeVar("Shown")
MediaStream = av.VideoStream | av.AudioStream


def keeps_presentation_times(container: InputContainer) -> bool:
    """False for AVI, which stores frames in decoding order and no time at which to show them."""
    return container.format.name != "avi"


def stamped_frames(
    container: InputContainer,
    stream: MediaStream,
    tally: Counter,
    shifts: Sequence[Shift] = (),
    first_packet: int = 0,
    whole: bool = False,
) -> Iterator[tuple[Fraction | None, Any]]:
    """Yield ``(time in seconds or None, frame)`` in the order in which the decoder gives them out.

    tally: counts ``damaged_packets``, which could not be read or decoded and are skipped, and
        ``damaged_frames``, which the decoder patched up, and which are yielded unless ``whole``.
    shifts: of this stream, from ``probe``. Times are shifted ones on the container's clock; frames outside
        the limits of their shift are left out.
    first_packet: of the stream, from 0; those before it are read and not decoded.
    whole: leave out images that damage reaches (``damage``), and count them all.

    A stamp far off that the next frame does not confirm is damage too and becomes None. In AVI the n-th frame
    takes the n-th of the times of its packets in order, since decoders give frames out in the order of
    display.
    """
    yield from without_wild_stamps(_decoded(container, stream, tally, shifts, first_packet, whole))


def without_wild_stamps(
    stamped: Iterable[tuple[Fraction | None, Shown]],
) -> Iterator[tuple[Fraction | None, Shown]]:
    """Replace by None every stamp more than WILD_S from the one before, unless the next is as far away.

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
    container: InputContainer,
    stream: MediaStream,
    tally: Counter,
    shifts: Sequence[Shift],
    first_packet: int,
    whole: bool,
) -> Iterator[tuple[Fraction | None, Any]]:
    damage = Damage() if whole else None
    waiting: list[int] | None = None if stream.type == "audio" or keeps_presentation_times(container) else []
    for packet, shift in shifted_packets(container, stream, tally, shifts, first_packet):
        if waiting is not None and packet.dts is not None:
            heappush(waiting, packet.dts)
        if damage and packet.size:
            damage.see(packet)
        try:
            frames = packet.decode()
        except av.FFmpegError:
            tally["damaged_packets"] += 1
            if damage:
                damage.lost()
            if waiting is not None and packet.dts in waiting:
                waiting.remove(packet.dts)
                waiting.sort()
            continue
        for frame in frames:
            reached = damage.reaches(frame) if damage else False
            tally["damaged_frames"] += reached or frame.is_corrupt
            ticks = heappop(waiting) if waiting else frame.pts
            if reached:
                continue
            if (stamp := stamp_s(ticks, stream)) is None or _within(stamp, shift):
                yield stamp, frame
        while waiting and len(waiting) > MAX_REORDER:
            heappop(waiting)


def _within(stamp: Fraction, shift: Shift | None) -> bool:
    if shift is None:
        return True
    return (shift.begin_s is None or shift.begin_s <= stamp) and (shift.end_s is None or stamp < shift.end_s)


def stamp_s(ticks: int | None, stream: MediaStream) -> Fraction | None:
    """Ticks of a stream in seconds."""
    return None if ticks is None or stream.time_base is None else ticks * stream.time_base


def packets(
    container: InputContainer, stream: MediaStream, tally: Counter, shifts: Sequence[Shift] = ()
) -> Iterator[av.Packet]:
    """All packets of one stream, stamps shifted, at the end the empty one that flushes the decoder.

    Other packets without data are left out, such as dropped frames in AVI.
    """
    return (packet for packet, _ in shifted_packets(container, stream, tally, shifts))


def shifted_packets(
    container: InputContainer,
    stream: MediaStream,
    tally: Counter,
    shifts: Sequence[Shift],
    first_packet: int = 0,
) -> Iterator[tuple[av.Packet, Shift | None]]:
    """The packets of ``packets`` from ``first_packet`` on, each with its shift."""
    coming, shift, ticks = list(reversed(shifts)), None, 0
    for number, packet in enumerate(demuxed(container, [stream], tally)):
        while coming and coming[-1].first_packet <= number:
            shift = coming.pop()
            ticks = round(shift.offset_s / packet.time_base)
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        if number >= first_packet and (packet.size or packet.dts is None):
            yield packet, shift


def demuxed(container: InputContainer, streams: Sequence[MediaStream], tally: Counter) -> Iterator[av.Packet]:
    """All packets of these streams in the order of the file.

    tally: counts packets that cannot be read, in ``damaged_packets``.

    Fragments of MP4 whose stamps start again are among them, although FFmpeg marks them as not to be shown.
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
        except IndexError:  # PyAV, at the end of a damaged transport stream in which new streams turned up
            return


def shown(packet: av.Packet) -> av.Packet:
    """A copy of a packet without the mark that hides its frames; ``opaque`` is its place in the file."""
    copy = av.Packet(bytes(packet))
    copy.stream, copy.time_base, copy.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
    copy.pts, copy.dts, copy.duration, copy.opaque = packet.pts, packet.dts, packet.duration, packet.pos
    for data in packet.iter_sidedata():
        copy.set_sidedata(data)
    return copy
