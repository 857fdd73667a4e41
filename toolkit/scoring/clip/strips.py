"""Filmstrips for the report: the same few frames of render and reference, the mouth in the middle."""

import base64
import io
from dataclasses import dataclass, field

import numpy as np

from speechlip.faces.crops import CropPlan, cut, plan_crop
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.format import CROP_SIZE

MOUTHS = 10
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
        chosen = tuple(
            sorted({there[place] for place in np.linspace(0, len(there) - 1, MOUTHS).round().astype(int)})
        )
        return cls(chosen, (affines(render, chosen), affines(reference, chosen) if reference else {}))

    def see(self, index: int, render: np.ndarray, reference: np.ndarray | None) -> None:
        if index not in self.frames:
            return
        for image, plan, mouths in zip((render, reference), self._plans, self._mouths, strict=True):
            if image is not None and index in plan:
                mouths[index] = cut(image, plan[index])

    def encoded(self) -> tuple[str, str]:
        """Both strips as base64 of a JPEG, mouths side by side, black where one is missing."""
        render, reference = (_jpeg(self.frames, mouths) for mouths in self._mouths)
        return render, reference


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
