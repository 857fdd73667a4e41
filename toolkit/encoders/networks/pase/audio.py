"""PASE's audio path: a causal GRU over the STFT, one feature of 512 numbers for each video frame."""

import torch
from torch import Tensor, nn

from speechlip.encoders.networks.lips import DIM
from speechlip.encoders.networks.pase.sizes import PaseSize
from speechlip.encoders.networks.spectrum import ScaledSpectrum
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS
from speechlip.timing import HOP, HOPS_PER_FRAME, N_FFT, SAMPLE_RATE

LOOK_AHEAD_MS = 1000 * (N_FFT // 2 - HOP) / SAMPLE_RATE
"""How far a feature depends on audio after the end of its frame: half a window of the STFT, less a hop."""


MASKED_DEVIATION = 0.5
"""Of the row in place of hidden columns as it begins, about that of other rows: layer norm of zeros would
blow its gradient up."""


class AudioPath(nn.Module):
    """(B, 5 T, 257) magnitudes → features (B, T, 512), and the states to go on with.

    Linear to ``width``, then pre-norm GRU layers that add to their input, layer norm, and the mean of each
    frame's five columns. Every layer looks back only: feature i depends on columns 0 … 5 i + 4, which see 8
    ms beyond the end of frame i. Chunks of whole frames, each given the states that the one before left, are
    the whole.

    >>> from speechlip.encoders.networks.pase.sizes import SIZES
    >>> from speechlip.encoders.networks.spectrum import Magnitude
    >>> features, states = AudioPath(Magnitude(), SIZES["small"])(torch.ones(2, 15, 257))
    >>> features.shape, states.shape, LOOK_AHEAD_MS
    (torch.Size([2, 3, 512]), torch.Size([2, 2, 128]), 8.0)
    """

    reads = STFT_WINDOWS

    def __init__(self, spectrum: ScaledSpectrum, size: PaseSize) -> None:
        super().__init__()
        self.spectrum = spectrum
        self.enter = nn.Linear(spectrum.channels * spectrum.bins, size.width)
        self.masked = nn.Parameter(MASKED_DEVIATION * torch.randn(size.width))
        self.norms = nn.ModuleList(nn.LayerNorm(size.width) for _ in range(size.layers))
        self.grus = nn.ModuleList(
            nn.GRU(size.width, size.width, batch_first=True) for _ in range(size.layers)
        )
        self.norm = nn.LayerNorm(size.width)
        self.project = nn.Identity() if size.width == DIM else nn.Linear(size.width, DIM)

    def forward(
        self, magnitudes: Tensor, masked: Tensor | None = None, states: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """masked: (B, T) bool, frames whose columns are replaced by a learned one; states: (layers, B,
        width).
        """
        rows = self.enter(self.spectrum(magnitudes))
        if masked is not None:
            hidden = masked.repeat_interleave(HOPS_PER_FRAME, dim=1)[:, :, None]
            rows = torch.where(hidden, self.masked.to(rows.dtype), rows)
        left = []
        for number, (norm, gru) in enumerate(zip(self.norms, self.grus, strict=True)):
            out, state = gru(norm(rows), None if states is None else states[number : number + 1])
            rows = rows + out
            left.append(state)
        frames = self.norm(rows).unflatten(1, (-1, HOPS_PER_FRAME)).mean(2)
        return self.project(frames), torch.cat(left)
