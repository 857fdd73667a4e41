"""What the lip network learns from: pixels of the training crops, and in the last steps whole crops."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.rendering.implicit_options import ImplicitOptions
from speechlip.rendering.renderers.implicit.judges import SyncExpert, other_time
from speechlip.rendering.renderers.implicit.network import LipNetwork, context_of, point_code
from speechlip.rendering.renderers.implicit.sampling import centres, corners, jittered, random_shift
from speechlip.shards.pairs.rules import WINDOW

RATE = {"lite": 1e-3, "faithful": 1e-4}
"""Of Adam: going down to 0 on half a cosine (lite), or constant (faithful)."""
FRAMES, PIXELS = 4, 1152
"""A step of ``lite``; ``faithful`` takes every pixel of one frame."""
FRAMES_AT_ONCE = 8


@dataclass(frozen=True)
class Crops:
    """What a person's lips are learned from, on the device of the networks.

    features: (N, D) float32 of all frames.
    crops: (N, S, S, 3) uint8 of all frames; those of other frames than ``train`` are not looked at.
    train: (L,) int, rising.
    first: number of the first test frame.
    """

    features: Tensor
    crops: Tensor
    train: np.ndarray
    first: int

    @property
    def size(self) -> int:
        """px."""
        return self.crops.shape[1]

    @property
    def device(self) -> torch.device:
        """Of features, crops, and the networks that read them."""
        return self.features.device

    def times(self, frames: Tensor) -> Tensor:
        """0 to 1 over the training part; test frames are later."""
        return frames / self.first


class LipLesson:
    """Photometric loss throughout; LPIPS and the sync expert's loss in the last steps."""

    title = "learning lips"

    def __init__(
        self,
        data: Crops,
        options: ImplicitOptions,
        lpips: nn.Module | None = None,
        expert: SyncExpert | None = None,
    ) -> None:
        torch.manual_seed(options.seed)
        self.data, self.options, self.steps = data, options, options.all_steps
        self.network = LipNetwork(options.size, data.features.shape[1], options.time).to(data.device)
        self.lpips, self.expert = lpips, expert
        self.grid = centres(data.size)
        self.codes = point_code(self.grid).to(data.device)
        self.starts = window_starts(data.train)

    def rate(self, step: int) -> float:
        """Half a cosine down to 0 (lite), or constant (faithful)."""
        highest = RATE[self.options.size]
        return highest if self.options.size == "faithful" else highest * cosine(step / self.steps)

    def loss(self, step: int) -> Tensor:
        """Of sampled pixels; in the last steps of five whole crops, where a loss wants these."""
        sample = torch.Generator().manual_seed(self.options.seed * 1_000_003 + step)
        data = self.data
        with torch.autocast(data.device.type, torch.bfloat16, enabled=self.options.precision == "bf16"):
            if len(self.starts) and step >= self.steps - self.options.last_steps:
                return self._whole(sample)
            if self.options.size == "faithful":
                return self._corners(sample)
            return self._pixels(sample)

    def _said(self, codes: Tensor, frames: Tensor) -> Tensor:
        data = self.data
        return self.network(codes, context_of(data.features, frames), data.times(frames))

    def _pixels(self, sample: torch.Generator) -> Tensor:
        """One sample near the middle of each of some pixels of four frames."""
        data = self.data
        frames = self._frames(FRAMES, sample)
        pixels = torch.randint(len(self.grid), (FRAMES, min(PIXELS, len(self.grid))), generator=sample)
        codes = point_code(jittered(self.grid[pixels], data.size, sample).to(data.device))
        true = data.crops[frames].flatten(1, 2).gather(1, pixels.to(data.device)[..., None].expand(-1, -1, 3))
        return functional.mse_loss(self._said(codes, frames), true.float() / 255)

    def _corners(self, sample: torch.Generator) -> Tensor:
        """Four corners around every pixel of one frame."""
        data = self.data
        frames = self._frames(1, sample)
        points, shares = corners(self.grid, random_shift(len(self.grid), sample), data.size)
        said = self._said(point_code(points.to(data.device)).flatten(0, 1), frames)
        mixed = (said.view(-1, 4, 3) * shares.to(data.device)[..., None]).sum(dim=1)
        return functional.mse_loss(mixed, data.crops[frames].view(-1, 3).float() / 255)

    def _whole(self, sample: torch.Generator) -> Tensor:
        """Five frames on end, at the middle of every pixel."""
        data, options = self.data, self.options
        picks = torch.rand(2, generator=sample).tolist()
        start = int(self.starts[int(picks[0] * len(self.starts))])
        frames = torch.arange(start, start + WINDOW, device=data.device)
        said = self._said(self.codes, frames).view(WINDOW, data.size, data.size, 3)
        true = data.crops[frames].float() / 255
        loss = functional.mse_loss(said, true)
        if self.lpips is not None:
            images = (each.permute(0, 3, 1, 2).clamp(0, 1) for each in (said, true))
            loss = loss + options.lpips * self.lpips(*images, normalize=True).mean()
        if self.expert is not None:
            other = other_time(start, self.starts, picks[1])
            times = (torch.tensor([each], device=data.device) for each in (start, other))
            loss = loss + options.sync_weight * self.expert.loss(said[None], *times)
        return loss

    def _frames(self, count: int, sample: torch.Generator) -> Tensor:
        picks = torch.randint(len(self.data.train), (count,), generator=sample).numpy()
        return torch.from_numpy(self.data.train[picks]).to(self.data.device)


def cosine(share: float) -> float:
    """Half a cosine from 1 down to 0.

    >>> cosine(0), round(cosine(0.5), 3), cosine(1)
    (1.0, 0.5, 0.0)
    """
    return (1 + math.cos(math.pi * share)) / 2


def window_starts(train: np.ndarray) -> np.ndarray:
    """First frames of five training frames on end.

    >>> window_starts(np.array([0, 1, 2, 3, 4, 5, 9, 10])).tolist()
    [0, 1]
    """
    first = train[: max(0, len(train) - WINDOW + 1)]
    return first[train[WINDOW - 1 :] - first == WINDOW - 1]


@torch.inference_mode()
def say(network: LipNetwork, data: Crops, heard: np.ndarray, shown: np.ndarray, precision: str) -> np.ndarray:
    """Crops of some frames, at the middle of every pixel: (F, S, S, 3) uint8.

    heard: (F,) int, the frame whose audio drives each.
    shown: (F,) int, the frame that it stands for, whose time the network is told.
    """
    codes = point_code(centres(data.size)).to(data.device)
    crops = np.empty((len(heard), data.size, data.size, 3), np.uint8)
    for first in range(0, len(heard), FRAMES_AT_ONCE):
        here = slice(first, first + FRAMES_AT_ONCE)
        context = context_of(data.features, torch.from_numpy(heard[here]).to(data.device))
        times = data.times(torch.from_numpy(shown[here]).to(data.device))
        with torch.autocast(data.device.type, torch.bfloat16, enabled=precision == "bf16"):
            said = network(codes, context, times)
        crops[here] = as_pixels(said).reshape(-1, data.size, data.size, 3)
    return crops


def as_pixels(values: Tensor) -> np.ndarray:
    """0 … 1 → uint8, rounded."""
    return (values.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
