"""SyncNet's two branches, arranged to run fast: same weights, same numbers, another order of the same sums.

Goal: windows of 5 face crops and of 20 MFCC columns → 1024 numbers each.
Conventions: crops are (F, 224, 224, 3) uint8, BGR, values 0…255 as they are; MFCC windows (N, 13, 20) float.
Features are not normalised.
Source: Chung & Zisserman, "Out of time" (ACCV-W 2016); layers and state-dict names of joonson/syncnet_python
and the PyPI package ``syncnet-python`` 0.2.3 (``SyncNetModel.S``, MIT), which the tests compare with.
Class: SyncNet. Function: official_shapes.

What is rearranged: only the first lip layer reads along time (5 frames, no stride), the others are spatial.
So the 3-D network over windows is a 2-D network whose first layer reads 5 frames stacked on the channels.
Batch norm is folded into the convolution before it, and max pooling done before ReLU (they commute). In
channels-last memory this is about twice as fast on a CPU; features agree to 1e-5.

In ``bf16`` the convolutions of the lips multiply bfloat16 numbers and add up float32 ones, everything else
stays float32: docs/decisions/syncnet-precision.md.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

WINDOW_FRAMES = 5
MFCC_COLUMNS = 20
FEATURES = 1024
BATCH_NORM_EPS = 1e-5
FP32, BF16 = "fp32", "bf16"


@dataclass(frozen=True)
class Conv:
    """One convolution + batch norm + ReLU (+ max pooling).

    index: its number in the official Sequential; the batch norm's is one more
    inputs, outputs: channels
    kernel: (time,) height, width
    stride, padding: of the convolution
    pool: (size, stride, padding) or None
    """

    index: int
    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    stride: int = 1
    padding: tuple[int, int] = (1, 1)
    pool: tuple | None = None


LIP_CONVS = (
    Conv(0, 3, 96, (5, 7, 7), 2, (0, 0), (3, 2, 0)),
    Conv(4, 96, 256, (1, 5, 5), 2, (1, 1), (3, 2, 1)),
    Conv(8, 256, 256, (1, 3, 3)),
    Conv(11, 256, 256, (1, 3, 3)),
    Conv(14, 256, 256, (1, 3, 3), pool=(3, 2, 0)),
    Conv(18, 256, 512, (1, 6, 6), padding=(0, 0)),
)
AUDIO_CONVS = (
    Conv(0, 1, 64, (3, 3)),
    Conv(4, 64, 192, (3, 3), pool=(3, (1, 2), 0)),
    Conv(8, 192, 384, (3, 3)),
    Conv(11, 384, 256, (3, 3)),
    Conv(14, 256, 256, (3, 3), pool=(3, 2, 0)),
    Conv(18, 256, 512, (5, 4), padding=(0, 0)),
)
BRANCHES = {"lip": LIP_CONVS, "aud": AUDIO_CONVS}


def official_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the official state dict, without batch norm's ``num_batches_tracked``.

    (Newer files have it, the official one not.)

    >>> shapes = official_shapes()
    >>> len(shapes), shapes["netcnnlip.0.weight"], shapes["netfcaud.3.weight"]
    (88, (96, 3, 5, 7, 7), (1024, 512))
    """
    shapes: dict[str, tuple[int, ...]] = OrderedDict()
    for branch, convs in BRANCHES.items():
        for conv in convs:
            shapes[f"netcnn{branch}.{conv.index}.weight"] = (conv.outputs, conv.inputs, *conv.kernel)
            shapes[f"netcnn{branch}.{conv.index}.bias"] = (conv.outputs,)
            shapes |= _batch_norm_shapes(f"netcnn{branch}.{conv.index + 1}", conv.outputs)
        shapes[f"netfc{branch}.0.weight"], shapes[f"netfc{branch}.0.bias"] = (512, 512), (512,)
        shapes |= _batch_norm_shapes(f"netfc{branch}.1", 512)
        shapes[f"netfc{branch}.3.weight"], shapes[f"netfc{branch}.3.bias"] = (FEATURES, 512), (FEATURES,)
    return shapes


class SyncNet(torch.nn.Module):
    """The network in eval mode, batch norm folded.

    state: a state dict that has ``official_shapes``
    sha256: of the file of the weights
    official: whether that is the file that published scores rest on
    precision: FP32, or BF16 for the convolutions of the lips
    """

    def __init__(
        self,
        state: dict[str, torch.Tensor],
        sha256: str = "",
        official: bool = False,
        precision: str = FP32,
    ) -> None:
        super().__init__()
        self.sha256, self.official = sha256, official
        self.lip_type = torch.bfloat16 if precision == BF16 else torch.float32
        for branch, convs in BRANCHES.items():
            for place, conv in enumerate(convs):
                weight, bias = _folded(
                    state, f"netcnn{branch}.{conv.index}", f"netcnn{branch}.{conv.index + 1}"
                )
                numbers = self.lip_type if branch == "lip" else torch.float32
                self._keep(f"{branch}_conv{place}", _planar(weight).to(numbers), bias.to(numbers))
            self._keep(f"{branch}_fc0", *_folded(state, f"netfc{branch}.0", f"netfc{branch}.1"))
            self._keep(
                f"{branch}_fc1",
                state[f"netfc{branch}.3.weight"].float(),
                state[f"netfc{branch}.3.bias"].float(),
            )
        self.eval()

    @property
    def device(self) -> torch.device:
        return next(self.buffers()).device

    @torch.inference_mode()
    def lip_features(self, crops: np.ndarray) -> np.ndarray:
        """Every window of 5 neighbouring crops: (F, 224, 224, 3) uint8 BGR → (F − 4, 1024) float32."""
        images = torch.from_numpy(crops).to(self.device).to(self.lip_type)  # 0…255 is exact in either
        windows = len(images) - WINDOW_FRAMES + 1
        stacked = torch.cat([images[k : k + windows] for k in range(WINDOW_FRAMES)], dim=3)
        return self._branch("lip", stacked.permute(0, 3, 1, 2))

    @torch.inference_mode()
    def audio_features(self, mfcc: np.ndarray) -> np.ndarray:
        """(N, 13, 20) MFCC windows → (N, 1024) float32."""
        columns = torch.from_numpy(np.ascontiguousarray(mfcc)).to(self.device).float()
        return self._branch("aud", columns[:, None].contiguous(memory_format=torch.channels_last))

    def _branch(self, branch: str, x: torch.Tensor) -> np.ndarray:
        for place in range(len(BRANCHES[branch])):
            x = self.layer(branch, place, x)
        x = F.relu_(F.linear(x.flatten(1).float(), *self._kept(f"{branch}_fc0")))
        return F.linear(x, *self._kept(f"{branch}_fc1")).cpu().numpy()

    @torch.inference_mode()
    def layer(self, branch: str, place: int, x: torch.Tensor) -> torch.Tensor:
        """Convolution number ``place`` of a branch, with its max pooling and ReLU."""
        conv = BRANCHES[branch][place]
        x = F.conv2d(x, *self._kept(f"{branch}_conv{place}"), stride=conv.stride, padding=conv.padding)
        return F.relu_(F.max_pool2d(x, *conv.pool) if conv.pool else x)

    def _keep(self, name: str, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.register_buffer(f"{name}_weight", weight)
        self.register_buffer(f"{name}_bias", bias)

    def _kept(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias")


def _batch_norm_shapes(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def _folded(state: dict[str, torch.Tensor], layer: str, norm: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a layer with the batch norm behind it, summed up in float64.

    ``γ (W x + b − μ) / √(σ² + ε) + β``
    """
    part = {
        name: state[f"{norm}.{name}"].double() for name in ("weight", "bias", "running_mean", "running_var")
    }
    scale = part["weight"] / torch.sqrt(part["running_var"] + BATCH_NORM_EPS)
    weight, bias = state[f"{layer}.weight"].double(), state[f"{layer}.bias"].double()
    weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    return weight.float(), ((bias - part["running_mean"]) * scale + part["bias"]).float()


def _planar(weight: torch.Tensor) -> torch.Tensor:
    """(out, in, time, h, w) → (out, time · in, h, w), as frames are stacked; 2-D stays as it is."""
    if weight.ndim == 5:
        weight = weight.transpose(1, 2).flatten(1, 2)
    return weight.contiguous(memory_format=torch.channels_last)
