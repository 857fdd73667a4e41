"""Speech networks of SE4Lip's ablation: 25 STFT columns (200 ms, five frames of video) to 512 numbers.

================  ==================  ==========================  ==========
name              input               network                     parameters
================  ==================  ==========================  ==========
se4lip, stft-gru  log STFT, 25×257    GRU 257 → 512, 8 layers     12 215 808
stft-gru-small    log STFT, 25×257    GRU 257 → 256, 8 layers,    3 290 368
                                      linear 256 → 512
mel-gru           log mel, 25×80      GRU 80 → 512, 8 layers      11 943 936
mel-cnn           log mel, 80×25      convolutions of Wav2Lip's   3 403 264
                                      kind, pooled to 3×3
stft-cnn          log STFT, 257×25    the same                    3 403 264
================  ==================  ==========================  ==========

Each changes the one thing that its name says. The paper gives the STFT's sizes and the eight layers; widths, scaling and the CNN are chosen
(docs/training.md). ``stft-gru-small`` is there because the paper compares 12 million GRU parameters with about 3 million of a CNN.
"""

import torch
from speechlip.errors import ShardError
from speechlip.spectra import N_MELS
from speechlip.timing import HOPS_PER_FRAME, N_FFT, SAMPLE_RATE, STFT_BINS
from torch import Tensor, nn

from .layers import ConvRow, ResidualRow
from .lips import DIM

FLOOR = 1e-5
"""The smallest magnitude that the logarithm tells apart from silence; full scale reaches 128."""
WINDOW_COLUMNS = 5 * HOPS_PER_FRAME


class LogSpectrum(nn.Module):
    """STFT magnitude as stored → log, each bin with mean 0 and deviation 1 over the training speech.

    (B, T, 257) float16 or float32 → (B, T, F) float32; F is 257, or 80 for ``mel``: 80 Slaney filters, 0–8000 Hz, of the same magnitude.
    ``fit`` sets mean and deviation; they are saved with the weights. Raises ShardError for another width.
    """

    mean: Tensor
    deviation: Tensor
    filters: Tensor | None

    def __init__(self, mel: bool = False) -> None:
        super().__init__()
        self.bins = N_MELS if mel else STFT_BINS
        self.register_buffer("filters", mel_filters() if mel else None, persistent=False)
        self.register_buffer("mean", torch.zeros(self.bins))
        self.register_buffer("deviation", torch.ones(self.bins))

    def fit(self, magnitude: Tensor) -> None:
        """Take mean and deviation from (N, T, 257) of speech; a bin that never changes keeps its scale."""
        values = self.log(magnitude).flatten(0, 1)
        self.mean.copy_(values.mean(0))
        deviation = values.std(0)
        self.deviation.copy_(torch.where(deviation > FLOOR, deviation, 1.0))

    def log(self, magnitude: Tensor) -> Tensor:
        """(…, 257) → (…, F): the logarithm without scaling.

        >>> LogSpectrum().log(torch.full((1, 1, 257), 0.0))[0, 0, 0].item()  # ln 1e-5
        -11.51292...
        """
        if magnitude.shape[-1] != STFT_BINS:
            raise ShardError(f"an STFT of {STFT_BINS} bins is wanted, these have {magnitude.shape[-1]}; prepare with --spectrogram stft")
        magnitude = magnitude.float()
        return torch.log((magnitude if self.filters is None else magnitude @ self.filters).clamp(min=FLOOR))

    def forward(self, magnitude: Tensor) -> Tensor:
        with torch.autocast(magnitude.device.type, enabled=False):
            return (self.log(magnitude) - self.mean) / self.deviation


class GruEncoder(nn.Module):
    """A GRU over the columns of a window, its last state the embedding: (B, 25, 257) magnitude → (B, 512).

    width: of each layer; another than 512 is brought to it by a linear layer.

    >>> GruEncoder(layers=2)(torch.ones(3, 25, 257)).shape
    torch.Size([3, 512])
    """

    def __init__(self, mel: bool = False, width: int = DIM, layers: int = 8) -> None:
        super().__init__()
        self.spectrum = LogSpectrum(mel)
        self.gru = nn.GRU(self.spectrum.bins, width, layers, batch_first=True)
        self.project = nn.Identity() if width == DIM else nn.Linear(width, DIM)

    def forward(self, magnitude: Tensor) -> Tensor:
        states, _ = self.gru(self.spectrum(magnitude))
        return self.project(states[:, -1])


class CnnEncoder(nn.Module):
    """Convolutions over a window as a picture, bins × columns: (B, 25, 257) magnitude → (B, 512).

    The rows are those of Wav2Lip's speech network, made for 80×16; the pool to 3×3 before the last two lets them take 80×25 and 257×25. As in
    ``LipEncoder``, the last ReLU is left to the training objective.

    >>> CnnEncoder(mel=True).eval()(torch.ones(3, 25, 257)).shape
    torch.Size([3, 512])
    """

    def __init__(self, mel: bool = False) -> None:
        super().__init__()
        self.spectrum = LogSpectrum(mel)
        self.layers = nn.Sequential(
            ConvRow(1, 32, 3, padding=1),
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

    def forward(self, magnitude: Tensor) -> Tensor:
        picture = self.spectrum(magnitude).transpose(1, 2).unsqueeze(1)
        return self.layers(picture.contiguous(memory_format=torch.channels_last)).flatten(1)


def mel_filters() -> Tensor:
    """(257, 80): the filters that ``spectra.spectrogram(…, "mel")`` applies.

    >>> mel_filters().shape, bool((mel_filters().sum(0) > 0).all())
    (torch.Size([257, 80]), True)
    """
    from torchaudio.functional import melscale_fbanks

    return melscale_fbanks(N_FFT // 2 + 1, 0.0, 8000.0, N_MELS, SAMPLE_RATE, mel_scale="slaney")
