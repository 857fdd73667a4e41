"""How far damage in a video reaches: to the next key frame.

What a decoder patches up, and what it predicts from that, looks like a face whose mouth is smeared or stands
still. Decoders mark the first only.
"""

from typing import Any

MAX_WAITING = 64
"""Packets whose images are kept in mind until they come out; decoders hold back 16 at most."""


class Damage:
    """Shown every packet of a video, and then the images that come of it.

    Where a transport stream lacks something, FFmpeg marks the packet before the one that lacks it; also the
    last but one before a join, where nothing is lacking. So the packet behind a marked one counts as damaged
    where it is a key frame, else where the decoder says so; those behind it in any case.
    """

    def __init__(self) -> None:
        self._number = self._group = 0
        self._is_behind_mark = False
        self._places: dict[int | None, tuple[int, int]] = {}  # stamp → place in decoding order, group
        self._begins: dict[int, int | None] = {}  # group → stamp of its key frame
        self._damaged: dict[int, int] = {}  # group → first place that damage reaches

    def see(self, packet: Any) -> None:
        """Take note of a packet before it is decoded."""
        self._number += 1
        if packet.is_keyframe:
            self._group += 1
            self._begins[self._group] = packet.pts
            self._forget(self._group - 2)
        self._places[packet.pts] = self._number, self._group
        if self._is_behind_mark:
            self._damaged.setdefault(self._group, self._number + (not packet.is_keyframe))
        self._is_behind_mark = packet.is_corrupt
        while len(self._places) > MAX_WAITING:
            self._places.pop(next(iter(self._places)))

    def lost(self) -> None:
        """The packet that was seen last cannot be decoded."""
        self._damaged.setdefault(self._group, self._number)

    def reaches(self, frame: Any) -> bool:
        """Whether an image is not as it was encoded, as far as the decoder knows."""
        number, group = self._places.pop(frame.pts, (self._number, self._group))
        if frame.is_corrupt:
            self._damaged[group] = min(number, self._damaged.get(group, number))
        return self._damaged.get(group, number + 1) <= number or self._leads(frame, group)

    def _leads(self, frame: Any, group: int) -> bool:
        """Whether an image is shown before the key frame of its group, and the group before is damaged."""
        begin = self._begins.get(group)
        shown_before = begin is not None and frame.pts is not None and frame.pts < begin
        return shown_before and group - 1 in self._damaged

    def _forget(self, group: int) -> None:
        self._damaged.pop(group, None)
        self._begins.pop(group, None)
