"""Windows of lips that wait as they are coded, and are decoded many at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechlip.errors import ShardError
from speechlip.shards.read.decode import Raw, member_of, place_of, said_of_member
from speechlip.shards.read.filmstrip import CodedFrames, Filmstrip, decode_coded


class LipWindow:
    """Frames of a clip: as they are coded, or as pixels, or not yet cut out of a filmstrip that has to be
    decoded whole.
    """

    def __init__(self, raw: Raw, strip: Filmstrip, start: int, length: int) -> None:
        self.of: Mapping[str, Any] = {name: raw[name] for name in ("__key__", "__url__") if name in raw}
        self.member, self.start, self.length = member_of(raw, "lips"), start, length
        with said_of_member(raw, self.member):
            self.coded: CodedFrames | None = strip.coded(start, length)
        self.strip: Filmstrip | None = None if self.coded else strip
        self.pixels: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Height and width of a frame, px; raises ShardError naming the sample."""
        if self.coded:
            return self.coded.size
        pixels = self.cut().pixels
        assert pixels is not None
        return pixels.shape[1]

    def cut(self) -> "LipWindow":
        """Lets go of the clip: what is not coded by frames becomes pixels. Raises ShardError naming the
        sample.
        """
        if self.strip is not None:
            with said_of_member(self.of, self.member):
                self.pixels = self.strip.window(self.start, self.length)
            self.strip = None
        return self

    def decode(self, out: np.ndarray) -> None:
        """The frames into ``out``; raises ShardError naming the sample."""
        self.cut()
        with said_of_member(self.of, self.member):
            if self.coded:
                decode_coded([self.coded], out)
            else:
                out[:] = self.pixels


def decode_lips(windows: Sequence[LipWindow]) -> np.ndarray:
    """Windows of one length as (B, length, S, S, 3) uint8, S the size of their frames.

    Raises ShardError naming a sample, also where its frames are of another size than the first one's.
    """
    size = windows[0].size
    if other := next((window for window in windows if window.size != size), None):
        raise ShardError(
            f"{place_of(other.of)}: its frames are of {other.size} px, those of {place_of(windows[0].of)} of "
            f"{size} px; a batch takes one size, read shards of one crop preset at a time"
        )
    lips = np.empty((len(windows), windows[0].length, size, size, 3), np.uint8)
    coded = [window.coded for window in windows if window.coded]
    if len(coded) == len(windows):
        try:
            decode_coded(coded, lips.reshape(-1, size, size, 3))
            return lips
        except ValueError:  # of one of them, which is not known
            pass
    for window, out in zip(windows, lips, strict=True):
        window.decode(out)
    return lips
