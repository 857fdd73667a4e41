"""Augmentation: colour, shift, size and side of the lips; noise under the speech.

Every random number comes from the seed, the step and the rank, so that a resumed run gets those that it would
have had. All of it runs where the batch is, on whole batches. Names and ranges:

======  ====================================================================================================
colour  brightness, contrast and saturation, each by a factor in 0.8 … 1.25, the same for a window's frames
shift   up to 4 pixels in each direction, size by 0.95 … 1.05, the same for a window's frames; edges repeated
flip    left and right changed, in every second window
noise   white noise under the speech, 5 … 30 dB below that window's own power
======  ====================================================================================================
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from speechlip.errors import OptionError
from speechlip.timing import HOP, N_FFT

AUGMENTATIONS = ("colour", "shift", "flip", "noise")
NONE = "none"
FACTOR = 1.25
SHIFT_PX, SIZE_FACTOR = 4.0, 1.05
"""Small enough that the mouth stays in rows 24–71, which the lip network reads."""
SNR_DB = (5.0, 30.0)
LUMA = (0.299, 0.587, 0.114)
"""Rec. 601, as torchvision's colour jitter has it."""
SILENCE = 1e-12


def parse_augmentations(text: str) -> tuple[str, ...]:
    """Names with commas between them, in the order in which they are applied.

    Raises OptionError for an unknown one.

    >>> parse_augmentations("noise,colour"), parse_augmentations("none")
    (('colour', 'noise'), ())
    """
    names = [name.strip() for name in text.split(",")] if text != NONE else []
    for name in names:
        if name not in AUGMENTATIONS:
            raise OptionError(
                f"no augmentation {name!r}; there are: {', '.join(AUGMENTATIONS)}, with commas between "
                f"them, or {NONE}"
            )
    return tuple(name for name in AUGMENTATIONS if name in names)


def augment(
    batch: Mapping[str, Any], names: Sequence[str], seed: int, step: int, rank: int = 0
) -> dict[str, Any]:
    """A batch of ``pair_loader`` with its lips and its speech changed.

    Everything else, dtypes and devices stay. names: what ``parse_augmentations`` gives. step: of the
    training, by which the random numbers differ.
    """
    if not names:
        return dict(batch)
    changed, random = dict(batch), generator(batch["lips"].device, seed, step, rank)
    for name, change in LIPS_CHANGES.items():
        if name in names:
            changed["lips"] = change(changed["lips"], random)
    for name, noisy in SPEECH_CHANGES.items():
        if "noise" in names and name in batch:
            changed[name] = noisy(changed[name], random)
    return changed


def generator(device: torch.device, seed: int, step: int, rank: int, *purpose: int) -> Generator:
    """A generator of its own for every step and rank, and for every purpose."""
    state = np.random.SeedSequence([seed, step, rank, *purpose]).generate_state(1, np.uint64)[0]
    return Generator(device).manual_seed(int(state))


def recoloured(lips: Tensor, random: Generator) -> Tensor:
    """(B, W, H, H, 3) uint8 → the same: brightness, saturation, then contrast about the mean grey."""
    brightness, saturation, contrast = (_factors(len(lips), FACTOR, random)[:, None, None] for _ in range(3))
    luma = torch.tensor(LUMA, device=lips.device)
    pixels = lips.flatten(1, -2).float()
    grey = (pixels.mean(1, keepdim=True) @ luma)[:, :, None] * brightness
    colours = saturation * torch.eye(3, device=lips.device) + (1 - saturation) * luma[:, None]
    changed = torch.baddbmm((1 - contrast) * grey, pixels, contrast * brightness * colours)
    return _as_pixels(changed).view(lips.shape)


def shifted(lips: Tensor, random: Generator) -> Tensor:
    """(B, W, H, H, 3) uint8 → the same, each window by random numbers of its own."""
    offsets = (2 * _uniform((len(lips), 2), random) - 1) * SHIFT_PX
    return moved(lips, offsets, _factors(len(lips), SIZE_FACTOR, random))


def moved(lips: Tensor, offsets_px: Tensor, size: Tensor) -> Tensor:
    """Every frame of a window moved and resized about its middle; bilinear.

    offsets_px: (B, 2), right and down. size: (B,), the factor.
    """
    n_windows, frames, side = lips.shape[:3]
    affine = torch.zeros(n_windows, 2, 3, device=lips.device)
    affine[:, 0, 0] = affine[:, 1, 1] = 1 / size
    affine[:, :, 2] = -2 * offsets_px / side / size[:, None]
    grid = functional.affine_grid(affine, [n_windows, 3 * frames, side, side], align_corners=False)
    channels = lips.permute(0, 1, 4, 2, 3).flatten(1, 2).float()
    sampled = functional.grid_sample(channels, grid, padding_mode="border", align_corners=False)
    return _as_pixels(sampled).view(n_windows, frames, 3, side, side).permute(0, 1, 3, 4, 2)


def flipped(lips: Tensor, random: Generator) -> Tensor:
    """(B, W, H, H, 3) uint8 → the same, some windows with left and right changed."""
    chosen = _uniform((len(lips),), random) < 0.5
    return torch.where(chosen[:, None, None, None, None], lips.flip(3), lips)


def noisy_magnitude(
    magnitude: Tensor,
    random: Generator,
    snr_db: tuple[float, float] = SNR_DB,
    own_columns: Tensor | None = None,
) -> Tensor:
    """(B, C, 257) STFT magnitude → the same, of speech and noise: |X + N|.

    snr_db: least and greatest. own_columns: (B,) how many columns of each are speech, of which the power is
    taken; None: all.

    N is the STFT of white noise, columns overlapping as those of speech do, at a random level for each
    window. The phase of X is not stored; it is taken for 0, which changes nothing in the distribution of |X +
    N| of a bin, as the phase of N is uniform.
    """
    n_windows, columns, _ = magnitude.shape
    noise = torch.randn(n_windows, (columns - 1) * HOP + N_FFT, generator=random, device=magnitude.device)
    window = torch.hann_window(N_FFT, device=magnitude.device)
    spectrum = torch.stft(noise, N_FFT, HOP, window=window, center=False, return_complex=True).transpose(1, 2)
    power = magnitude.float().square()
    own = power.mean((1, 2)) if own_columns is None else power.mean(2).sum(1) / own_columns
    level = _level(own, spectrum.abs().square().mean((1, 2)), random, snr_db)
    return (magnitude + level[:, None, None] * spectrum).abs().to(magnitude.dtype)


def noisy_waveform(waveform: Tensor, random: Generator) -> Tensor:
    """(B, N) int16 or floating samples → the same with white noise at a random level for each window."""
    samples = waveform.float()
    noise = torch.randn(samples.shape, generator=random, device=samples.device)
    changed = samples + _level(samples.square().mean(1), noise.square().mean(1), random)[:, None] * noise
    return (
        changed if waveform.is_floating_point() else changed.round().clamp(-32768, 32767).to(waveform.dtype)
    )


LIPS_CHANGES = {"colour": recoloured, "shift": shifted, "flip": flipped}
SPEECH_CHANGES: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "spectrogram": noisy_magnitude,
    "waveform": noisy_waveform,
}


def _level(
    speech_power: Tensor, noise_power: Tensor, random: Generator, snr_db: tuple[float, float] = SNR_DB
) -> Tensor:
    """Factors that put noise a random number of decibels below the speech, (B,)."""
    low, high = snr_db
    below_db = low + (high - low) * _uniform(speech_power.shape, random)
    return (speech_power / noise_power.clamp(min=SILENCE) / 10 ** (below_db / 10)).sqrt()


def _factors(count: int, largest: float, random: Generator) -> Tensor:
    """(count,) in 1 / largest … largest, as often above 1 as below."""
    return largest ** (2 * _uniform((count,), random) - 1)


def _uniform(shape: Sequence[int], random: Generator) -> Tensor:
    return torch.rand(tuple(shape), generator=random, device=random.device)


def _as_pixels(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)
