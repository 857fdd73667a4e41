"""What the first reading keeps of a file's frames, so that it need not be decoded again."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.faces.frame_parts import FrameParts, Margins, around, parts_of
from speechlip.metrics.sync.columns import FAMILY
from speechlip.records import Face
from speechlip.scoring import protocols
from speechlip.scoring.clip.strips import candidates
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.sync.models import AnyModel

KEPT_BYTES = 192 * 2**20
"""Kept of each file at most, the last frames of it: 15 to 40 s of a render with a face 300 to 200 px wide."""
MOUTHS = Margins(across=0.6, up=0.6, down=0.85)
"""Enough for a face's box and for the crop of its mouth, however low the mouth is in the box."""
CROPS = Margins(across=0.8, up=0.6, down=1.0)
"""SyncNet's crop reaches 0.7, 0.5 and 0.9 from the medians of a quarter of a second on either side."""


@dataclass(frozen=True)
class Keep:
    """Which frames are kept, and how much of them.

    margins: around each face.
    every_frame: keep as many as fit; else only ``chosen``, for filmstrips.
    chosen: numbers of frames that are kept in any case.
    max_gap_frames: for how long a face that is not seen is taken to be where it was.
    """

    margins: Margins
    every_frame: bool
    chosen: frozenset[int]
    max_gap_frames: int = 0


def what_to_keep(frames: int, options: ScoreOptions, model: AnyModel | None) -> tuple[Keep, Keep]:
    """Of the render, and of the reference.

    frames: of the render.
    model: what scores lip sync; None where nothing does.
    """
    protocol, region = protocols.get(options.protocol), options.region != "full"
    crops = FAMILY in options.metrics and protocol.crops and protocol.codec_path == protocols.NO_CODEC
    crops = crops and hasattr(model, "crop_region")
    chosen, gap = candidates(frames), protocol.tracks.max_gap_frames
    render = Keep(CROPS if crops else MOUTHS, crops or region, chosen, gap)
    return render, Keep(MOUTHS, region, chosen, gap)


class KeptFrames:
    """The surroundings of faces in some frames of a video, shown all of them with ``see``.

    frames: number of the frame → its parts.
    """

    def __init__(self, keep: Keep, most_bytes: int = KEPT_BYTES) -> None:
        self.frames: dict[int, FrameParts] = {}
        self._keep, self._most_bytes, self._bytes = keep, most_bytes, 0
        self._droppable: OrderedDict[int, FrameParts] = OrderedDict()
        self._faces: Sequence[Face] = ()
        self._faces_at = 0
        self._image: np.ndarray | None = None

    def see(self, index: int, image: np.ndarray | None, faces: Sequence[Face]) -> None:
        """Keep what may be cut out of a frame. One without an image shows the one before, if it is chosen."""
        chosen = index in self._keep.chosen
        if image is not None:
            self._image = image
            if faces:
                self._faces, self._faces_at = faces, index
            elif index - self._faces_at > self._keep.max_gap_frames:
                self._faces = ()
        if self._image is None or not (chosen or (self._keep.every_frame and image is not None)):
            return
        self.frames[index] = parts = parts_of(index, self._image, around(self._faces, self._keep.margins))
        if not chosen:
            self._droppable[index] = parts
            self._bytes += parts.n_bytes
        while self._bytes > self._most_bytes:
            dropped, parts = self._droppable.popitem(last=False)
            self._bytes -= parts.n_bytes
            del self.frames[dropped]
