"""The frames that an evaluation reads after its transcode, in order."""

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from speechlip.errors import SourceRefused
from speechlip.libraries import load
from speechlip.media.frames import Frame
from speechlip.media.streams.packets import packets
from speechlip.scoring.transcode.write import Transcode

JPEGS_ENDING = ".mjpeg"


@dataclass(frozen=True)
class TranscodeImage:
    """One frame of a transcode, not yet converted.

    width, height: to which it is scaled, in px.
    side_px: of the square that it is scaled to instead, whatever its shape; 0: none.
    """

    frame: Any
    width: int
    height: int
    painter: VideoReformatter
    side_px: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.side_px or self.height, self.side_px or self.width, 3

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB; a square is scaled by OpenCV's linear resize, as SyncNet's evaluation does."""
        painted = self.painter.reformat(
            self.frame, width=self.width, height=self.height, format="rgb24", threads=1
        ).to_ndarray()
        return load("cv2").resize(painted, (self.side_px, self.side_px)) if self.side_px else painted


def transcode_images(transcode: Transcode, side_px: int = 0) -> Generator[Frame]:
    """The frames of a transcode, numbered from 0, 25 a second, without audio.

    side_px: as in ``TranscodeImage``. Raises SourceRefused where the file ends too soon.
    """
    painter, number, shown = VideoReformatter(), -1, None
    with av.open(
        f"file:{transcode.path}", format="mjpeg" if transcode.path.suffix == JPEGS_ENDING else None
    ) as container:
        decoded = _decoded(container)
        for index, wanted in enumerate(transcode.order):
            while number < wanted or shown is None:
                shown, number = next(decoded, None), number + 1
                if shown is None:
                    raise SourceRefused(
                        "sync",
                        "damaged hop",
                        f"{transcode.path.name} holds {number} pictures, wanted {max(transcode.order) + 1}",
                    )
            image: Any = TranscodeImage(
                shown, transcode.width or shown.width, transcode.height or shown.height, painter, side_px
            )
            yield Frame(index, image, None)


def _decoded(container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    stream = container.streams.video[0]
    for packet in packets(container, stream, Counter()):
        yield from packet.decode()
