"""What is read of a file once its faces are known: frames that were kept, and before them the file again."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np

from speechlip.faces.frame_parts import FrameParts
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.media.frames import Frame
from speechlip.metrics.regions import Box
from speechlip.scoring import protocols
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.first_reading import FirstReading
from speechlip.scoring.clip.images import Comparison, Reading, SharedFrames
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.protocols import Protocol
from speechlip.scoring.sync.models import AnyModel
from speechlip.scoring.sync.mouth_models import MouthModel

Looks = list[tuple[int, Box]]
"""Number of a frame, and x0 y0 x1 y1 in px of what will be looked at when it is on display."""


@dataclass(frozen=True)
class PartialImage:
    """An image of which only parts were kept; the rest is black."""

    kept: FrameParts

    @property
    def shape(self) -> tuple[int, int, int]:
        width, height = self.kept.size
        return height, width, 3

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, another array at each call; only where parts lie is its memory touched."""
        image = np.zeros(self.shape, np.uint8)
        for part in self.kept.parts:
            (x, y), (height, width) = part.corner, part.pixels.shape[:2]
            image[y : y + height, x : x + width] = part.pixels
        return image


def frames_again(
    files: ClipFiles,
    first: FirstReading,
    comparison: Comparison,
    options: ScoreOptions,
    model: AnyModel | None,
) -> SharedFrames:
    """The render's frames for what is left to do: the crops of ``model``, and ``comparison``."""
    protocol, render, reference = (
        protocols.get(options.protocol),
        first.faces.of_render,
        first.faces.of_reference,
    )
    compared = looks_of_comparison(comparison)
    crops = looks_of_crops(model, protocol, render) if model and render else []
    looks = None if compared is None or crops is None else compared + crops
    return SharedFrames(
        lambda: read_again(files.read_render, first.of_render, render, looks),
        comparison,
        lambda: read_again(files.read_reference, first.of_reference, reference, compared),
    )


def read_again(
    open_frames: Callable[[], Reading],
    kept: Mapping[int, FrameParts],
    faces: FaceTracks | None,
    looks: Looks | None,
) -> Generator[Frame]:
    """The frames of a file for the second time; it is decoded up to the last look that was not kept.

    kept: number of the frame → what was kept of it.
    faces: of the file; None where nobody looked for any.
    looks: None: at whole frames.
    """
    start = None if faces is None or looks is None else first_kept(kept, faces.has_image, looks)
    with closing(open_frames()) as reading:
        yield from islice(reading, start)
    if faces is None or start is None:
        return
    for index in range(start, faces.n_frames):
        parts = kept.get(index) if faces.has_image[index] else None
        yield Frame(index, PartialImage(parts) if parts else None, None)


def first_kept(kept: Mapping[int, FrameParts], has_image: np.ndarray, looks: Looks) -> int:
    """The frame from which on everything that will be looked at was kept.

    has_image: (N,) bool; a frame without an image shows the one before. Looks beyond N frames, as of the
        boxes of a longer reference, are none.
    """
    shown = np.maximum.accumulate(np.where(has_image, np.arange(len(has_image)), 0)).tolist()
    inside = ((index, box) for index, box in looks if index < len(shown))
    return max((index + 1 for index, box in inside if not _holds(kept.get(shown[index]), box)), default=0)


def looks_of_crops(model: AnyModel, protocol: Protocol, faces: FaceTracks) -> Looks | None:
    """What a sync model is shown; None: whole frames, or what the model does not say (``crop_region``)."""
    if isinstance(model, MouthModel):
        return []
    crop_region = getattr(model, "crop_region", None)
    if crop_region is None or not protocol.crops:
        return None
    looks: Looks = []
    for track in faces.tracks:
        if len(track) >= protocol.min_frames:
            region, size = crop_region(track), faces.size_of(track)
            looks += [(track.start_frame + frame, region(frame, size)) for frame in range(len(track))]
    return looks


def looks_of_comparison(comparison: Comparison) -> Looks | None:
    """What is compared in the second reading; None: whole frames."""
    if comparison.over:
        return []
    if comparison.boxes is None or not comparison.strips.complete:
        return None
    return [(index, box) for index, box in enumerate(comparison.boxes) if box is not None]


def _holds(parts: FrameParts | None, box: Box) -> bool:
    return parts is not None and parts.inside(*box) is not None
