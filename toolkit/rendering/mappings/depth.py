"""The depth of the canonical crop: of the mesh where it is, completed where it is not (Speech2Lip, eq. 9)."""

import numpy as np

from speechlip.format import CROP_SIZE
from speechlip.libraries import load

SMOOTHED_PX = 1.5
"""σ: without it the sides of a nose fold over a slight turn."""
STEPS, RATE_PX = 120, 0.5
STIFFNESS = 4.0
"""Weight of the squared slope, against squared levels of the images."""
IMAGE_BLUR_PX = 2.0
"""σ of what the images are compared by: edges a few px apart still pull."""


def pixel_middles(size: int = CROP_SIZE) -> np.ndarray:
    """(size, size, 2): x, y of every pixel's middle."""
    line = np.arange(size) + 0.5
    return np.stack(np.meshgrid(line, line), axis=-1)


def mesh_depth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(depth, known) of the crop: (96, 96) float64 px and bool.

    points: (478, 3) px of the crop.

    Beyond the outline of the mesh, depth goes on as at its nearest point.
    """
    interpolate = load("scipy.interpolate")
    middles = pixel_middles()
    depth = interpolate.LinearNDInterpolator(points[:, :2], points[:, 2])(middles)
    known = np.isfinite(depth)
    nearest = interpolate.NearestNDInterpolator(middles[known], depth[known])(middles)
    return smoothed(np.where(known, depth, nearest)), known


def smoothed(depth: np.ndarray) -> np.ndarray:
    """(S, S) px without the steps between triangles of the mesh."""
    cv2 = load("cv2")
    return np.asarray(
        cv2.GaussianBlur(np.ascontiguousarray(depth), (0, 0), SMOOTHED_PX, borderType=cv2.BORDER_REPLICATE)
    )


def completed(depth: np.ndarray, known: np.ndarray, images: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Depth with which training frames, warped to the canonical crop, agree where the mesh says nothing.

    depth, known: (96, 96), of the mesh.
    images: (F, S, S, 3) uint8, frames of different poses.
    cameras: (F, 2, 4), (x, y, z, 1) crop px → px of the image.

    Minimises the squared difference of each warped frame to their mean, plus the squared slope of the depth;
    what the mesh knows stays. The same input gives the same depth.
    """
    if known.all() or len(images) < 2:
        return depth
    torch = load("torch")
    functional, blur = load("torch.nn.functional"), load("cv2").GaussianBlur
    soft = np.stack([blur(image, (0, 0), IMAGE_BLUR_PX) for image in images])
    frames = torch.from_numpy(soft.transpose(0, 3, 1, 2).astype(np.float32))
    lenses = torch.from_numpy(cameras.astype(np.float32))
    start = torch.from_numpy(depth.astype(np.float32))
    open_px = torch.from_numpy(~known)
    middles = torch.from_numpy(pixel_middles().astype(np.float32))
    flat = torch.cat([middles, torch.ones(*middles.shape[:2], 1)], dim=2)
    base = torch.einsum("hwc,fkc->fhwk", flat, lenses[:, :, [0, 1, 3]])
    offset = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([offset], RATE_PX)
    for _ in range(STEPS):
        found = start + offset * open_px
        place = base + found[None, :, :, None] * lenses[:, None, None, :, 2]
        warped = functional.grid_sample(
            frames, place * (2 / images.shape[1]) - 1, padding_mode="border", align_corners=False
        )
        apart = ((warped - warped.mean(dim=0, keepdim=True).detach()) ** 2).mean(dim=(0, 1))
        slope = found.diff(dim=0).square().sum() + found.diff(dim=1).square().sum()
        optimizer.zero_grad()
        ((apart * open_px).sum() + STIFFNESS * slope).backward()
        optimizer.step()
    return smoothed((start + offset.detach() * open_px).numpy().astype(np.float64))
