"""Blend-Net: a light U-Net that mends a crop which has been pasted into its frame.

Source: Speech2Lip, section 4.4. The 1 036 035 parameters are those of the release; what is predicted is the
residual, as the paper says, where the release returns the network's output itself.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.rendering.implicit_options import ImplicitOptions
from speechlip.rendering.paste import feathered_mask
from speechlip.rendering.renderers.implicit.lips import Crops, as_pixels, cosine, say
from speechlip.rendering.renderers.implicit.network import LipNetwork

WIDTHS = (64, 128, 128)
RATE = 3e-4
"""Of Adam, going down to 0 on half a cosine."""
FRAMES = 4
FRAMES_AT_ONCE = 8


def two_convolutions(inputs: int, outputs: int, middle: int) -> nn.Sequential:
    """3×3, batch norm, ReLU; twice."""
    steps: list[nn.Module] = []
    for one, other in ((inputs, middle), (middle, outputs)):
        steps += [nn.Conv2d(one, other, 3, padding=1, bias=False), nn.BatchNorm2d(other), nn.ReLU()]
    return nn.Sequential(*steps)


class BlendNet(nn.Module):
    """(B, 3, H, W), 0 to 1 → the same, mended; H and W divisible by 4. As it begins it changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three = WIDTHS
        self.down = nn.ModuleList(
            [
                two_convolutions(3, one, one),
                two_convolutions(one, two, two),
                two_convolutions(two, three, three),
            ]
        )
        self.up = nn.ModuleList(
            [two_convolutions(three + two, one, two), two_convolutions(one + one, one, one)]
        )
        self.residual = nn.Conv2d(one, 3, 1)
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), 0 to 1 → the same shape."""
        fine = self.down[0](images)
        middle = self.down[1](functional.max_pool2d(fine, 2))
        values = self.down[2](functional.max_pool2d(middle, 2))
        for step, beside in zip(self.up, (middle, fine), strict=True):
            values = functional.interpolate(values, scale_factor=2, mode="bilinear", align_corners=True)
            values = step(torch.cat([beside, values], dim=1))
        return images + self.residual(values).float()


def pasted(rendered: Tensor, true: Tensor) -> Tensor:
    """Rendered crops as they stand in their frames, feathered: (B, S, S, 3) uint8 → (B, 3, S, S), 0 to 1."""
    share = torch.from_numpy(feathered_mask(rendered.shape[1])).to(rendered.device)[..., None]
    mixed = share * rendered.float() + (1 - share) * true.float()
    return mixed.permute(0, 3, 1, 2) / 255


class BlendLesson:
    """The finished lip network's crops, pasted, become the true ones."""

    title = "learning to blend"

    def __init__(self, data: Crops, lips: LipNetwork, options: ImplicitOptions) -> None:
        torch.manual_seed(options.seed)
        self.data, self.lips, self.options = data, lips.eval(), options
        self.steps = options.blend_steps
        self.network = BlendNet().to(data.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def rate(self, step: int) -> float:
        """Half a cosine down to 0."""
        return RATE * cosine(step / self.steps)

    def loss(self, step: int) -> Tensor:
        """Of four training crops, said by the lips, pasted and mended, against the true ones."""
        data, options = self.data, self.options
        sample = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
        frames = data.train[torch.randint(len(data.train), (FRAMES,), generator=sample).numpy()]
        rendered = torch.from_numpy(say(self.lips, data, frames, frames, options.precision))
        true = data.crops[torch.from_numpy(frames).to(data.device)]
        with torch.autocast(data.device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            mended = self.network(pasted(rendered.to(data.device), true))
        return functional.mse_loss(mended, true.permute(0, 3, 1, 2).float() / 255)


@torch.inference_mode()
def blended(network: BlendNet, rendered: np.ndarray, true: np.ndarray, device: torch.device) -> np.ndarray:
    """Rendered crops, mended for the frames that ``true`` ones were cut from: (F, S, S, 3) uint8 each."""
    network.eval()
    parts = []
    for first in range(0, len(rendered), FRAMES_AT_ONCE):
        here = slice(first, first + FRAMES_AT_ONCE)
        images = pasted(
            torch.from_numpy(rendered[here]).to(device), torch.from_numpy(true[here].copy()).to(device)
        )
        parts.append(as_pixels(network(images).permute(0, 2, 3, 1)))
    return np.concatenate(parts)
