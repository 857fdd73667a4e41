"""Filmstrips for the report: the same few frames of render and reference, the mouth in the middle."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from speechlip.faces.crops import CropPlan, plan_crop
from speechlip.faces.cutting import cut
from speechlip.faces.frame_parts import FrameParts
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.format import CROP_SIZE

MOUTHS = 10
CANDIDATES = 40
"""Mouths are chosen among so many frames: parts of these are kept, 1 MB each of a face 500 px wide."""
JPEG_QUALITY = 80


@dataclass
class Strips:
    """Collects mouths while frames go by.

    frames: which, at most 10, spread over the time that the render's face is there.
    """

    frames: tuple[int, ...] = ()
    _plans: tuple[dict[int, np.ndarray], ...] = ({}, {})
    _mouths: tuple[dict[int, np.ndarray], ...] = field(default_factory=lambda: ({}, {}))

    @classmethod
    def of(cls, frames: int, render: FaceTracks | None, reference: FaceTracks | None) -> "Strips":
        """Strips that are still empty. frames: of the render; without a face that lasts in it they stay
        empty.
        """
        if render is None or not render.selected:
            return cls()
        there = [
            index
            for track in render.selected
            for index in range(track.start_frame, track.stop_frame)
            if index < frames
        ]
        if reference is not None and reference.selected:
            both = {
                index for track in reference.selected for index in range(track.start_frame, track.stop_frame)
            }
            there = [index for index in there if index in both] or there
        kept = sorted(candidates(frames) & {*there}) or there
        wanted = (there[place] for place in spread(len(there), MOUTHS))
        chosen = tuple(sorted({min(kept, key=lambda index: abs(index - frame)) for frame in wanted}))
        return cls(chosen, (affines(render, chosen), affines(reference, chosen) if reference else {}))

    def see(self, index: int, render: np.ndarray, reference: np.ndarray | None) -> None:
        if index not in self.frames:
            return
        for image, plan, mouths in zip((render, reference), self._plans, self._mouths, strict=True):
            if image is not None and index in plan:
                mouths[index] = cut(image, plan[index])

    @property
    def complete(self) -> bool:
        """Whether no frame has to be seen any more."""
        return all(
            plan.keys() <= mouths.keys() for plan, mouths in zip(self._plans, self._mouths, strict=True)
        )

    def fill(self, *parts: Mapping[int, FrameParts]) -> None:
        """Cut the mouths out of what was kept of render and reference, where it shows them whole."""
        for kept, plan, mouths in zip(parts, self._plans, self._mouths, strict=True):
            for index in plan.keys() & kept.keys():
                mouth = kept[index].cut(plan[index])
                if mouth is not None:
                    mouths[index] = mouth

    def encoded(self) -> tuple[str, str]:
        """Both strips as base64 of a JPEG, mouths side by side, black where one is missing."""
        render, reference = (_jpeg(self.frames, mouths) for mouths in self._mouths)
        return render, reference


def candidates(frames: int) -> frozenset[int]:
    """Frames of which strips show some, so that only of these anything has to be kept."""
    return frozenset((*spread(frames, MOUTHS), *spread(frames, CANDIDATES)))


def spread(length: int, count: int) -> list[int]:
    """``count`` places spread over a sequence, its first and last among them.

    >>> spread(7, 3), spread(2, 3)
    ([0, 3, 6], [0, 0, 1])
    """
    return np.linspace(0, length - 1, count).round().astype(int).tolist()


def affines(faces: FaceTracks, frames: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Frame → the affine that cuts its mouth."""
    found: dict[int, np.ndarray] = {}
    for track in faces.selected:
        inside = [index for index in frames if track.start_frame <= index < track.stop_frame]
        if inside:
            plan: CropPlan = plan_crop(track)
            found |= {index: plan.affines[index - track.start_frame] for index in inside}
    return found


def _jpeg(frames: tuple[int, ...], mouths: dict[int, np.ndarray]) -> str:
    from PIL import Image

    if not mouths:
        return ""
    nothing = np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
    strip = np.concatenate([mouths.get(index, nothing) for index in frames], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(strip).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()
