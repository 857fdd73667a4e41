"""How near a rendered picture is to the real one: PSNR, SSIM, LPIPS, one pair of pictures at a time.

Goal: two pictures of one size → one number; a clip's value is the mean over its frames.
Conventions: pictures are (H, W, 3) uint8 RGB, at the render's own size or cut to a region (``regions``). Cut both pictures by the same box. PSNR in dB
in [0, 100], SSIM in [−1, 1], both higher is better; LPIPS ≥ 0, lower is better.
Source: PSNR over RGB in [0, 1], mean of the frames' dB (RAD-NeRF line), 100 dB for equal pictures (Speech2Lip ``inference.py``); SSIM
(Wang et al. 2004) with scikit-image's defaults (uniform 7×7 window); LPIPS v0.1 AlexNet (Zhang et al. 2018), package ``lpips``.
Functions: psnr, ssim, load_lpips, lpips_distance, alexnet_path.
"""

import hashlib
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechlip.assets import ASSETS, cache_folder
from speechlip.errors import ModelError
from speechlip.metrics.declared import NotScored

if TYPE_CHECKING:
    import torch

PSNR_OF_EQUAL_DB = 100.0
SSIM_WINDOW_PX = 7
LPIPS_LEAST_PX = 31
"""What AlexNet's layers need: below it the second pooling has nothing left."""
ALEXNET = ASSETS["alexnet"]
ALEXNET_SLICES = {0: "slice1", 3: "slice2", 6: "slice3", 8: "slice4", 10: "slice5"}
"""torchvision's ``features.N`` → the part of lpips' trunk that holds it."""


def psnr(render: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two pictures, dB: ``10 log10(255² / mean squared error)``, 100 at most.

    Raises ValueError for pictures that do not match.

    >>> grey = np.full((4, 4, 3), 100, np.uint8)
    >>> round(psnr(grey + 5, grey), 2), psnr(grey, grey)
    (34.15, 100.0)
    """
    _check(render, reference)
    error = np.mean(np.square(render.astype(np.float64) - reference))
    return min(PSNR_OF_EQUAL_DB, float(10 * np.log10(255**2 / error))) if error > 0 else PSNR_OF_EQUAL_DB


def ssim(render: np.ndarray, reference: np.ndarray) -> float:
    """Structural similarity of two pictures: skimage's ``structural_similarity(channel_axis=-1, data_range=255)``.

    Raises ValueError for pictures that do not match, NotScored for one smaller than its window of 7 px.

    >>> grey = np.full((8, 8, 3), 100, np.uint8)
    >>> round(ssim(grey + 50, grey), 4)
    0.9231
    """
    _check(render, reference)
    _refuse_small(render, SSIM_WINDOW_PX, "SSIM")
    from skimage.metrics import structural_similarity

    return float(structural_similarity(render, reference, channel_axis=-1, data_range=255))


def alexnet_path() -> Path:
    """Where AlexNet's ImageNet weights lie: the speechlip cache, or torchvision's own. Raises ModelError that says how to get them.

    The first 8 digits of the SHA-256 are in the file's name, as torchvision publishes it, and are checked.
    """
    import torch

    folders = (cache_folder(), Path(torch.hub.get_dir()) / "checkpoints")
    for file in (folder / ALEXNET.file_name for folder in folders):
        if file.is_file():
            _check_hash(file)
            return file
    raise ModelError(
        f"LPIPS wants AlexNet's weights: `speechlip models fetch alexnet` downloads them (244 MB), or place {ALEXNET.file_name} from {ALEXNET.url} "
        f"into {folders[0]}; it is not there and not in {folders[1]}"
    )


def load_lpips(alexnet: Path | str | None = None) -> "torch.nn.Module":
    """LPIPS v0.1 (AlexNet) in eval mode: the package's own linear layers on torchvision's trunk, and no download behind your back.

    alexnet: file of torchvision's AlexNet, ``alexnet_path()`` by default. Raises ModelError when there is none or it is another network.
    """
    trunk = _trunk(Path(alexnet or alexnet_path()))
    model = random_lpips()
    model.get_submodule("net").load_state_dict(trunk)
    return model


def random_lpips() -> "torch.nn.Module":
    """LPIPS with its published linear layers on an *untrained* trunk, seeded by torch's generator: for tests, its numbers mean nothing."""
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torchvision renamed the argument that lpips passes
        model = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    return model.eval()


def lpips_distance(model: "torch.nn.Module", render: np.ndarray, reference: np.ndarray) -> float:
    """LPIPS of two pictures, scaled to [−1, 1] as the package wants them.

    Raises ValueError for pictures that do not match, NotScored for one under 31 px.

    >>> grey = np.full((64, 64, 3), 100, np.uint8)
    >>> lpips_distance(random_lpips(), grey, grey)
    0.0
    """
    _check(render, reference)
    _refuse_small(render, LPIPS_LEAST_PX, "LPIPS")
    import torch

    device = next(model.parameters()).device
    pair = torch.from_numpy(np.stack([render, reference])).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        return float(model(pair[:1], pair[1:]))


def _check(render: np.ndarray, reference: np.ndarray) -> None:
    if (
        render.shape != reference.shape
        or render.ndim != 3
        or render.shape[2] != 3
        or {render.dtype, reference.dtype} != {np.dtype(np.uint8)}
    ):
        raise ValueError(
            f"two (H, W, 3) uint8 pictures of one size are wanted, got {render.shape} {render.dtype} and {reference.shape} {reference.dtype}"
        )


def _refuse_small(picture: np.ndarray, least: int, name: str) -> None:
    if min(picture.shape[:2]) < least:
        raise NotScored(
            "region too small",
            f"{name} wants at least {least} px a side, the region has {picture.shape[1]}×{picture.shape[0]}",
        )


def _check_hash(file: Path) -> None:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    wanted = ALEXNET.file_name.rsplit("-", 1)[1].removesuffix(".pth")
    if not digest.hexdigest().startswith(wanted):
        raise ModelError(
            f"{file} is damaged: SHA-256 {digest.hexdigest()}, wanted one that begins with {wanted}; fetch it again from {ALEXNET.url}"
        )


def _trunk(file: Path) -> dict[str, "torch.Tensor"]:
    """The convolutions of torchvision's AlexNet under the names of lpips' trunk."""
    import torch

    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        return {
            f"{part}.{layer}.{kind}": state[f"features.{layer}.{kind}"]
            for layer, part in ALEXNET_SLICES.items()
            for kind in ("weight", "bias")
        }
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, OSError) as error:
        raise ModelError(
            f"{file} is not torchvision's AlexNet ({error}); wanted {ALEXNET.file_name} from {ALEXNET.url}"
        ) from error
