"""The packets from which decoding may begin: a part of a long video does not decode what lies before it.

Packets are read all the same, so that stamps, shifts and numbers are those of reading through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from speechlip.media.streams.stamps import WILD_S

APART_S = 1
"""Of two key packets nearer than that one is kept: there are codecs all of whose packets are."""
LEAD_S = Fraction(10)
"""Decoded at least before the first frame that is wanted: by then a decoder knows its reordering, images that
are refreshed bit by bit are whole (x264: 250 frames), and no leading image of an open group is left.
"""
DECODERS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "libaom-av1", "mpeg4", "mpeg2video", "mjpeg")
"""FFmpeg's names of those that are tested to give the same images (tests/media/test_key_packets.py)."""


@dataclass(frozen=True)
class KeyPacket:
    """A packet that needs none before it.

    number: counted from 0, in its stream.
    shown_s: when its image is presented, on the container's clock.
    """

    number: int
    shown_s: Fraction


class KeyPackets:
    """Shown every packet of the video."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base, self._apart, self._wild = time_base, APART_S / time_base, WILD_S / time_base
        self._kept: list[tuple[int, int]] = []
        self._last: int | None = None
        self._count = 0
        self._plain = True

    def see(self, packet: Any) -> None:
        """Take note of a packet."""
        number, shown = self._count, packet.pts
        self._count += 1
        if not packet.size or packet.is_discard:
            return
        if shown is None or packet.is_corrupt or (number and packet.has_sidedata("new_extradata")):
            self._plain = False
            return
        if self._last is not None and abs(shown - self._last) > self._wild:
            self._plain = False
        self._last = shown
        if packet.is_keyframe and (not self._kept or shown - self._kept[-1][1] >= self._apart):
            self._kept.append((number, shown))

    def packets(self) -> tuple[KeyPacket, ...]:
        """After the last packet; none where one has no stamp, a wild one, is damaged, or brings parameters
        that those after it need.
        """
        return tuple(KeyPacket(number, shown * self._time_base) for number, shown in self._kept * self._plain)


def first_to_decode(packets: Sequence[KeyPacket], wanted_s: Fraction) -> int:
    """Number of the packet to begin with where images are wanted from ``wanted_s`` on; 0: the first.

    >>> group = [KeyPacket(250 * k, Fraction(10 * k)) for k in range(4)]
    >>> [first_to_decode(group, Fraction(at)) for at in (5, 19, 20, 45)]
    [0, 0, 250, 750]
    """
    return max((each.number for each in packets if each.shown_s <= wanted_s - LEAD_S), default=0)
