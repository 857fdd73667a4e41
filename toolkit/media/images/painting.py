"""Decoded frames → (H, W, 3) uint8 RGB as displayed: square pixels, upright, SDR."""

from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

from speechlip.errors import SourceRefused
from speechlip.media.images.colours import SDR, Colours, ToneMapper, colours_of, matrix_instead
from speechlip.media.images.geometry import Geometry


class Painter:
    """Converts the frames of one file; keeps the converters of the last size and kind of colours."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._made_for: tuple[Colours, int, int] | None = None
        self._mapper: ToneMapper

    def paint(self, frame: Any, geometry: Geometry) -> np.ndarray:
        """RGB of a frame, by the matrix and range in its tags; BT.601 and limited range where it has none.

        FFmpeg and OpenCV take the same. Raises SourceRefused (stage ``video``): colours that swscale cannot
        convert.
        """
        colours, width, height = colours_of(frame), geometry.square_width, geometry.stored_height
        form, matrix = "rgb24" if colours == SDR else "gbrpf32le", matrix_instead(frame)
        try:
            square = self._reformatter.reformat(
                frame, width, height, form, src_colorspace=matrix, dst_colorspace=matrix, threads=1
            )
        except (OSError, ValueError) as error:
            raise SourceRefused(
                "video", "colours cannot be read", f"{frame.format.name} of {width}×{height}: {error}"
            ) from error
        if colours == SDR:
            return geometry.upright(square.to_ndarray())
        if self._made_for != (colours, width, height):
            self._mapper, self._made_for = ToneMapper(colours, width, height), (colours, width, height)
        return geometry.upright(self._mapper(square))
