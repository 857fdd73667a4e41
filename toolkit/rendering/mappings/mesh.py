"""Speech2Lip's mutual explicit mapping: crops warped by depth and pose, there and back (its eqs. 3–5).

O2C takes each pixel of the canonical crop, with its depth, to the frame, and reads what is there. C2O asks
the same of a pixel of the frame: which canonical pixel is seen at it? That is solved for by iteration, so
that what is warped there comes back to where it was.
"""

from dataclasses import dataclass, field

import numpy as np

from speechlip.faces.cutting import OVERSAMPLING, whole_pixels
from speechlip.format import CROP_SIZE
from speechlip.libraries import load
from speechlip.rendering.mappings.depth import pixel_middles
from speechlip.rendering.paste import MASK

ROUNDS, CLOSE_ENOUGH_PX = 10, 0.02
FOLDED_PX = 0.5
"""Of the crop. Where the iteration ends farther off, the face folds over itself: the frame stays."""


@dataclass(frozen=True)
class Patch:
    """Where a crop goes in one frame.

    box: x0 y0 x1 y1, whole px of the frame.
    maps: for every pixel of it, x and y in the crop, as cv2 counts: (h, w) float32 each.
    share: (h, w, 1) float32, how much of the crop is shown.
    """

    box: tuple[int, int, int, int]
    maps: tuple[np.ndarray, np.ndarray]
    share: np.ndarray


@dataclass(frozen=True)
class MeshMapping:
    """Crops by a depth map and a camera a frame.

    depth: (96, 96) float64 px of the crop, away from the camera.
    cameras: (N, 2, 4) float64, (x, y, z, 1) crop px → frame px.
    """

    depth: np.ndarray
    cameras: np.ndarray
    _last: dict[int, Patch] = field(default_factory=dict, repr=False, compare=False)

    def cut(self, image: np.ndarray, number: int) -> np.ndarray:
        """O2C: each pixel of the crop is read where its depth and camera put it, finer frames averaged."""
        cv2, camera = load("cv2"), self.cameras[number]
        shrink = float(np.sqrt(abs(np.linalg.det(camera[:, :2]))))
        samples = max(1, int(np.ceil(min(shrink, OVERSAMPLING) - 0.25)))
        place = seen_at(camera, cv2.resize(self.depth, None, fx=samples, fy=samples), samples)
        x0, y0, x1, y1 = _box(place, image.shape, 2 + shrink)
        part, place = image[y0:y1, x0:x1], place - (x0, y0)
        whole = min(int(shrink / OVERSAMPLING), *part.shape[:2])
        if whole > 1:
            part = part[: part.shape[0] // whole * whole, : part.shape[1] // whole * whole]
            size = part.shape[1] // whole, part.shape[0] // whole
            part, place = cv2.resize(part, size, interpolation=cv2.INTER_AREA), place / whole
        how = {"interpolation": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
        crop = np.asarray(cv2.remap(part, *_maps(place), **how))
        return cv2.resize(crop, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA) if samples > 1 else crop

    def paste(self, image: np.ndarray, crop: np.ndarray, number: int) -> np.ndarray:
        """C2O; where the face folds over itself the frame stays."""
        cv2 = load("cv2")
        if number not in self._last:  # several rows are written side by side, frame by frame
            self._last.clear()
            self._last[number] = self.patch(number, image.shape)
        patch = self._last[number]
        x0, y0, x1, y1 = patch.box
        how = {"interpolation": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
        lips = cv2.remap(crop, *patch.maps, **how)
        pasted = image.copy()
        mixed = patch.share * lips + (1 - patch.share) * image[y0:y1, x0:x1]
        pasted[y0:y1, x0:x1] = np.rint(mixed).astype(np.uint8)
        return pasted

    def patch(self, number: int, shape: tuple[int, ...]) -> Patch:
        """Where the crop goes in a frame of this shape."""
        cv2, camera = load("cv2"), self.cameras[number]
        x0, y0, x1, y1 = _box(seen_at(camera, self.depth), shape, 2)
        places = np.stack(np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5), axis=-1)
        found, residual = seen_from(camera, self.depth, places)
        maps = _maps(found)
        share = cv2.remap(MASK, *maps, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return Patch((x0, y0, x1, y1), maps, (share * (residual < FOLDED_PX))[..., None])


def seen_at(camera: np.ndarray, depth: np.ndarray, samples: int = 1) -> np.ndarray:
    """Eq. 4 of every pixel of the canonical crop: (S, S, 2) px of the frame.

    depth: (S, S) px of the crop, S = 96 · samples.
    """
    middles = pixel_middles(CROP_SIZE * samples) / samples
    return np.asarray(middles @ camera[:, :2].T + depth[..., None] * camera[:, 2] + camera[:, 3])


def seen_from(camera: np.ndarray, depth: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which point of the canonical crop is seen at some places of a frame, and how far off the answer is.

    places: (H, W, 2) px of the frame.

    Returns (H, W, 2) px of the crop, and (H, W) px of the crop between the last two answers.
    """
    cv2 = load("cv2")
    back = np.linalg.inv(camera[:, :2])
    flat, lean = (places - camera[:, 3]) @ back.T, back @ camera[:, 2]
    map32 = np.ascontiguousarray(depth, np.float32)
    found, residual = flat, np.zeros(flat.shape[:2])
    for _ in range(ROUNDS):
        deep = cv2.remap(map32, *_maps(found), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        new = flat - deep[..., None] * lean
        found, residual = new, np.abs(new - found).max(axis=-1)
        if residual.max() < CLOSE_ENOUGH_PX:
            break
    return found, residual


def _box(place: np.ndarray, shape: tuple[int, ...], margin: float) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of the part of a frame in which places (…, 2) px lie."""
    low, high = place.min(axis=(0, 1)) - margin, place.max(axis=(0, 1)) + margin
    x0, x1 = whole_pixels(low[0], high[0], shape[1])
    y0, y1 = whole_pixels(low[1], high[1], shape[0])
    return x0, y0, x1, y1


def _maps(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As cv2 wants them, which counts pixel middles as whole numbers."""
    shifted = (place - 0.5).astype(np.float32)
    return np.ascontiguousarray(shifted[..., 0]), np.ascontiguousarray(shifted[..., 1])
