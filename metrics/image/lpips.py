"""LPIPS: perceptual distance of a rendered image and the real one, in the features of AlexNet.

Goal: a network and two images of one size → one number; a clip's value is the mean over its frames.
Conventions: images (H, W, 3) uint8 RGB, at least 31 px a side; LPIPS ≥ 0, lower is better.
Source: LPIPS v0.1 AlexNet (Zhang et al. 2018), package ``lpips``, with torchvision's AlexNet.
Functions: lpips_distance, lpips_distances, load_lpips, random_lpips, alexnet_path.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechlip.assets import ASSETS, cache_folder
from speechlip.errors import ModelError
from speechlip.files.stamps import sha256_of
from speechlip.files.weights import fill, read_tensors
from speechlip.metrics.declared import FRAME_PAIR, Batches, Metric, Network
from speechlip.metrics.image._checks import check_pair, check_size

if TYPE_CHECKING:
    import torch

LEAST_PX = 31
"""Smallest side of an image: below it nothing is left for AlexNet's second pooling."""
ALEXNET = ASSETS["alexnet"]
ALEXNET_SLICES = {0: "slice1", 3: "slice2", 6: "slice3", 8: "slice4", 10: "slice5"}
"""torchvision's ``features.N`` → the part of lpips' trunk that holds it."""
BATCH_PX = 2**19
"""Two pairs of 512 × 512 at once, 54 of 120 × 80: with more a core gains nothing."""
NO_ZERO = 1e-10
"""What the package adds to the length of a feature, which may be 0."""


def lpips_distance(model: "torch.nn.Module", render: np.ndarray, reference: np.ndarray) -> float:
    """LPIPS of two (H, W, 3) uint8 images, scaled to [−1, 1] as the package wants them.

    model: from ``load_lpips``. Raises ValueError for images that do not match, NotScored for images under 31
    px.

    >>> grey = np.full((64, 64, 3), 100, np.uint8)
    >>> lpips_distance(random_lpips(), grey, grey)
    0.0
    """
    return lpips_distances(model, [render], [reference])[0]


def lpips_distances(
    model: "torch.nn.Module", renders: Sequence[np.ndarray], references: Sequence[np.ndarray]
) -> list[float]:
    """LPIPS of several pairs of (H, W, 3) uint8 images of one size, in one pass through the network.

    model: from ``load_lpips``; it computes where its weights are. Raises what ``lpips_distance`` does.
    """
    for render, reference in zip(renders, references, strict=True):
        check_pair(render, reference)
        check_size(render, LEAST_PX, "LPIPS")
    import torch

    device = next(model.parameters()).device
    total = torch.zeros(len(renders), device=device)
    with torch.inference_mode():
        images = torch.from_numpy(np.stack([*renders, *references])).to(device).permute(0, 3, 1, 2)
        values = model.get_submodule("scaling_layer")(images.float() / 127.5 - 1)
        layers = zip(
            model.get_submodule("net").children(), model.get_submodule("lins").children(), strict=True
        )
        for layer, linear in layers:
            values = layer(values)
            features = values / (torch.linalg.vector_norm(values, dim=1, keepdim=True) + NO_ZERO)
            apart = (features[: len(renders)] - features[len(renders) :]).square_()
            total += linear(apart).mean((1, 2, 3))
    return total.tolist()


def alexnet_path() -> Path:
    """File of AlexNet's ImageNet weights, in the speechlip cache or torchvision's own.

    The first 8 digits of its SHA-256 are in its name, as torchvision publishes it, and are checked.
    Raises ModelError that says how to get a file that is not there, or is damaged.
    """
    import torch

    folders = (cache_folder(), Path(torch.hub.get_dir()) / "checkpoints")
    for file in (folder / ALEXNET.file_name for folder in folders):
        if file.is_file():
            _check_hash(file)
            return file
    raise ModelError(
        "LPIPS wants AlexNet's weights: `speechlip models fetch alexnet` downloads them (244 MB), or place "
        f"{ALEXNET.file_name} from {ALEXNET.url} into {folders[0]}; it is not there and not in {folders[1]}"
    )


def load_lpips(alexnet: Path | str | None = None) -> "torch.nn.Module":
    """LPIPS v0.1 (AlexNet) in eval mode: the package's linear layers on torchvision's trunk. No download.

    alexnet: file of torchvision's AlexNet, ``alexnet_path()`` by default.
    Raises ModelError when there is none or it is another network.
    """
    file = Path(alexnet or alexnet_path())
    wanted = f"LPIPS wants torchvision's AlexNet: {ALEXNET.file_name} from {ALEXNET.url}"
    state = read_tensors(file, wanted)
    trunk = {
        f"{part}.{layer}.{kind}": state[name]
        for layer, part in ALEXNET_SLICES.items()
        for kind in ("weight", "bias")
        if (name := f"features.{layer}.{kind}") in state
    }
    model = random_lpips()
    fill(model.get_submodule("net"), trunk, file, wanted)
    return model


def random_lpips() -> "torch.nn.Module":
    """LPIPS on an *untrained* trunk, seeded by torch's generator: for tests, its numbers mean nothing."""
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torchvision renamed the argument that lpips passes
        model = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    return model.eval()


def _check_hash(file: Path) -> None:
    digest = sha256_of(file)
    wanted = ALEXNET.file_name.rsplit("-", 1)[1].removesuffix(".pth")
    if not digest.startswith(wanted):
        raise ModelError(
            f"{file} is damaged: SHA-256 {digest}, wanted one that begins with {wanted}; "
            f"fetch it again from {ALEXNET.url}"
        )


METRIC = Metric(
    name="lpips",
    title="LPIPS",
    unit="distance",
    higher_is_better=False,
    formula="lpips-alex-0.1",
    needs=("reference", "network"),
    per=FRAME_PAIR,
    compute=lpips_distance,
    network=Network(
        weights=alexnet_path,
        open=lambda device: load_lpips().to(device),
        missing="no AlexNet weights",
    ),
    batches=Batches(lpips_distances, BATCH_PX),
    digits=4,
)
