"""Packets of both streams, as they lie in the file → one time line."""

from collections.abc import Sequence
from typing import Any

from speechlip.errors import SourceRefused
from speechlip.media.streams.key_packets import KeyPacket, KeyPackets
from speechlip.media.streams.speeds import Places, apart, side_by_side_s
from speechlip.media.streams.stamps import NAMES, NO_STAMPS, StreamStamps
from speechlip.media.streams.timeline import TimeLine, joined


class TimeLineReader:
    """Shown every packet of both streams in the order of the file."""

    def __init__(self, streams: Sequence[Any], presented: bool) -> None:
        self._places = {} if presented else {stream.type: Places() for stream in streams}
        self.lines = {
            stream.index: StreamStamps(stream, presented or stream.type == "audio") for stream in streams
        }
        self._seen = 0
        self._keys = {
            stream.index: KeyPackets(stream.time_base)
            for stream in streams
            if presented and stream.type == "video"
        }
        self.end_byte = 0  # of the file, behind the last packet

    def see(self, packet: Any) -> None:
        """Take note of a packet.

        Raises SourceRefused (stage ``probe``): no usable time stamps, encrypted.
        """
        line = self.lines[packet.stream.index]  # a flushing packet says 0 of itself
        other = next((other.last for other in self.lines.values() if other is not line), None)
        line.see(packet, self._seen, other)
        if packet.has_sidedata("encryption_info"):
            raise SourceRefused("probe", "encrypted", f"the {NAMES[line.kind]}: prepare a decrypted copy")
        if keys := self._keys.get(packet.stream.index):
            keys.see(packet)
        self._seen += 1
        byte = packet.opaque if packet.pos is None else packet.pos  # of a copy (``packets.shown``)
        self.end_byte = max(self.end_byte, (byte or 0) + packet.size)
        if self._places and packet.size and packet.dts is not None and packet.pos is not None:
            self._places[line.kind].see(packet.pos, packet.dts * line.time_base)

    def time_line(self) -> TimeLine:
        """After the last packet.

        Raises SourceRefused (stage ``probe``): no usable time stamps, too few pictures.
        """
        self._check_speeds()
        return joined({line.kind: line.runs() for line in self.lines.values()})

    def key_packets(self) -> tuple[KeyPacket, ...]:
        """Those of the video, after the last packet; none where stamps jump or tell no presentation."""
        runs = [len(line.runs()) for line in self.lines.values()]
        return next((keys.packets() for keys in self._keys.values() if max(runs) == 1), ())

    def _check_speeds(self) -> None:
        kinds = list(self._places)
        beside = side_by_side_s(*(self._places[kind].kept for kind in kinds)) if len(kinds) == 2 else None
        if beside and apart(*beside):
            lengths = " beside ".join(
                f"{float(length_s):.1f} s of {NAMES[kind]}"
                for kind, length_s in zip(kinds, beside, strict=True)
            )
            raise SourceRefused("probe", NO_STAMPS, f"{lengths} in the file: a rate in its header is wrong")
