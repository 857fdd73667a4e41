"""Which points of a crop are looked at: one near the middle of a pixel, or four corners around it.

Points are (x, y) in 0 … 1 over the crop; pixel j of S covers [j/S, (j+1)/S).
"""

import torch
from torch import Tensor

JITTER_PX = 0.25
"""σ of one sample's distance from the middle of its pixel."""


def centres(size: int) -> Tensor:
    """The middle of every pixel, row by row: (size², 2).

    >>> centres(2).tolist()
    [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    """
    middle = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


def jittered(points: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Points moved by σ 0.25 px in x and in y: (…, 2) → (…, 2)."""
    return points + torch.randn(points.shape, generator=generator) * JITTER_PX / size


def corners(points: Tensor, shift_px: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Four corners of a pixel-wide square around points, and how much each counts for the point in it.

    points: (P, 2).
    shift_px: (P, 2), of the square, within half a pixel.

    Returns (P, 4, 2) and (P, 4): a corner counts as the area of the rectangle between the point and the
    opposite corner, as in LIIF (Chen et al. 2021).

    >>> around, shares = corners(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.0]]), 1)
    >>> around[0].tolist()
    [[0.25, 0.0], [1.25, 0.0], [0.25, 1.0], [1.25, 1.0]]
    >>> shares[0].tolist()
    [0.375, 0.125, 0.375, 0.125]
    """
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    offsets = signs / 2 + shift_px[:, None]
    shares = (0.5 - signs * shift_px[:, None]).prod(dim=-1)
    return points[:, None] + offsets / size, shares


def random_shift(count: int, generator: torch.Generator) -> Tensor:
    """(count, 2), evenly within half a pixel."""
    return torch.rand((count, 2), generator=generator) - 0.5
