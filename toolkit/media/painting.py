"""Decoded frames → (H, W, 3) uint8 RGB as displayed: square pixels, upright, SDR."""

from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

from .colours import SDR, Colours, ToneMapper, colours_of
from .geometry import Geometry


class Painter:
    """Paints the frames of one file; it keeps what a size and a kind of colours have needed until another comes."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._made_for: tuple[Colours, int, int] | None = None
        self._mapper: ToneMapper

    def paint(self, frame: Any, geometry: Geometry) -> np.ndarray:
        """YUV by the matrix and range that the frame is tagged with, BT.601 and limited where it is not, as FFmpeg and OpenCV take it."""
        colours, width, height = colours_of(frame), geometry.square_width, geometry.stored_height
        form = "rgb24" if colours == SDR else "gbrpf32le"
        square = self._reformatter.reformat(frame, width=width, height=height, format=form, threads=1)
        if colours == SDR:
            return geometry.upright(square.to_ndarray())
        if self._made_for != (colours, width, height):
            self._mapper, self._made_for = ToneMapper(colours, width, height), (colours, width, height)
        return geometry.upright(self._mapper(square))
