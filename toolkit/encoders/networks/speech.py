"""Speech networks of SE4Lip's ablation: 200 ms of speech, five frames of video, to 512 numbers.

================  ==========================  ==========================  ==========
name              input                       network                     parameters
================  ==========================  ==========================  ==========
se4lip, stft-gru  log STFT, 25×257            GRU 257 → 512, 8 layers     12 215 808
stft-gru-small    log STFT, 25×257            GRU 257 → 256, 8 layers,    3 290 368
                                              linear 256 → 512
mel-gru           log mel, 25×80              GRU 80 → 512, 8 layers      11 943 936
mel-cnn           log mel, 80×25              convolutions of Wav2Lip's   3 403 264
                                              kind, pooled to 3×3
stft-cnn          log STFT, 257×25            the same                    3 403 264
mel-cnn-wav2lip   Wav2Lip's mel, 80×16, of    the same, where the pool    3 403 264
                  the waveform                changes nothing
================  ==========================  ==========================  ==========

Each changes the one thing that its name says. The paper gives the STFT's sizes and the eight layers; widths,
scaling and the CNN are chosen (docs/training.md). ``stft-gru-small`` is there because the paper compares 12
million GRU parameters with about 3 million of a CNN; ``mel-cnn-wav2lip`` stands in for SyncTalk's
audio-visual encoder, which has one residual row less at 256.
"""

import torch
from torch import Tensor, nn

from speechlip.encoders.networks.layers import ConvRow, ResidualRow
from speechlip.encoders.networks.lips import DIM
from speechlip.encoders.networks.spectrum import ScaledSpectrum, Wav2LipMel
from speechlip.errors import no_such

POOLS = ("last", "mean")
"""Which state of a GRU is the embedding: that of the last column, or the mean over all."""


class GruEncoder(nn.Module):
    """A GRU over the columns of a window: what ``spectrum`` reads → (B, 512).

    pool: of ``POOLS``. width: of each layer; another than 512 is brought to it by a linear layer. Raises
    OptionError for another pool.

    >>> from .spectrum import Magnitude
    >>> GruEncoder(Magnitude(), layers=2)(torch.ones(3, 25, 257)).shape
    torch.Size([3, 512])
    """

    def __init__(
        self, spectrum: ScaledSpectrum, pool: str = "last", width: int = DIM, layers: int = 8
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise no_such("pool", pool, POOLS)
        self.spectrum, self.reads, self.pool = spectrum, spectrum.reads, pool
        self.gru = nn.GRU(spectrum.channels * spectrum.bins, width, layers, batch_first=True)
        self.project = nn.Identity() if width == DIM else nn.Linear(width, DIM)

    def forward(self, speech: Tensor) -> Tensor:
        states, _ = self.gru(self.spectrum(speech))
        return self.project(states[:, -1] if self.pool == "last" else states.mean(1))


class CnnEncoder(nn.Module):
    """Convolutions over a window as an image, bins × columns: what ``spectrum`` reads → (B, 512).

    The rows are those of Wav2Lip's speech network, made for 80×16; the pool to 3×3 before the last two lets
    them take 80×25 and 257×25. Real and imaginary parts are two channels of the image. As in
    ``LipEncoder``, the last ReLU is left to the training objective.

    >>> from .spectrum import Magnitude
    >>> CnnEncoder(Magnitude(mel=True)).eval()(torch.ones(3, 25, 257)).shape
    torch.Size([3, 512])
    """

    def __init__(self, spectrum: ScaledSpectrum | Wav2LipMel) -> None:
        super().__init__()
        self.spectrum, self.reads = spectrum, spectrum.reads
        self.layers = nn.Sequential(
            ConvRow(spectrum.channels, 32, 3, padding=1),
            ResidualRow(32),
            ResidualRow(32),
            ConvRow(32, 64, 3, stride=(3, 1), padding=1),
            ResidualRow(64),
            ResidualRow(64),
            ConvRow(64, 128, 3, stride=3, padding=1),
            ResidualRow(128),
            ResidualRow(128),
            ConvRow(128, 256, 3, stride=(3, 2), padding=1),
            ResidualRow(256),
            ResidualRow(256),
            nn.AdaptiveAvgPool2d(3),
            ConvRow(256, 512, 3),
            ConvRow(512, DIM, 1, rectified=False),
        )

    def forward(self, speech: Tensor) -> Tensor:
        image = (
            self.spectrum(speech)
            .unflatten(2, (self.spectrum.channels, self.spectrum.bins))
            .permute(0, 2, 3, 1)
        )
        return self.layers(image.contiguous(memory_format=torch.channels_last)).flatten(1)
