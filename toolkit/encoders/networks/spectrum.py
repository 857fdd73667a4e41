"""What a speech network sees of its 200 ms: a spectrum of the window, in one of several scales.

==========  =============================================  =========================
feature     of magnitude |X| (mel: of the filtered |X|)    reads
==========  =============================================  =========================
logmag      ln max(|X|, 1e-5)                              the stored STFT
mag         |X|                                            the stored STFT
power       |X|²                                           the stored STFT
complex     Re X and Im X, 257 each                        the waveform
==========  =============================================  =========================

Each bin has mean 0 and deviation 1 over the training speech; both numbers are saved with the weights.
``Wav2LipMel`` is another transform, with a scale of its own. A spectrum says what it reads (``reads``), how
wide it is (``bins``) and how many images of that width it gives (``channels``).
"""

import torch
from torch import Tensor, nn

from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.rules import WINDOW
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS, SpeechWindows
from speechlip.spectra import N_MELS
from speechlip.timing import HOP, N_FFT, SAMPLE_RATE, SAMPLES_PER_FRAME, STFT_BINS

FEATURES = ("logmag", "mag", "power", "complex")
MEL_FEATURES = FEATURES[:3]
FLOOR = 1e-5
"""The smallest magnitude that the logarithm tells apart from silence; full scale reaches 128."""
FULL_SCALE = 32768


class ScaledSpectrum(nn.Module):
    """A spectrum with mean 0 and deviation 1 in every bin: (B, 25, channels · bins) float32.

    It takes what the network reads. A subclass gives ``values``.
    """

    mean: Tensor
    deviation: Tensor
    bins: int = STFT_BINS
    channels: int = 1
    reads = STFT_WINDOWS

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def values(self, speech: Tensor) -> Tensor:
        """(B, …) as the loader gives it → (B, T, channels · bins) float32, not scaled."""
        raise NotImplementedError

    def fit(self, speech: Tensor) -> None:
        """Take mean and deviation from training speech, clips one behind the other: (1, T, 257) or (1, N).

        A bin that never changes keeps its scale.
        """
        values = self.values(speech).flatten(0, 1)
        self.mean.copy_(values.mean(0))
        deviation = values.std(0)
        self.deviation.copy_(torch.where(deviation > FLOOR, deviation, 1.0))

    def forward(self, speech: Tensor) -> Tensor:
        with torch.autocast(speech.device.type, enabled=False):
            return (self.values(speech) - self.mean) / self.deviation


class Magnitude(ScaledSpectrum):
    """The STFT magnitude as stored: (B, T, 257) float16 or float32 → (B, T, F) float32.

    F is 257, or 80 for ``mel``. feature: ``logmag``, ``mag`` or ``power``. mel: 80 Slaney filters, 0–8000 Hz,
    of the same magnitude. Raises ShardError for another width.
    """

    filters: Tensor | None

    def __init__(self, feature: str = "logmag", mel: bool = False) -> None:
        super().__init__(N_MELS if mel else STFT_BINS)
        self.bins, self.feature = len(self.mean), feature
        self.register_buffer("filters", mel_filters() if mel else None, persistent=False)

    def values(self, speech: Tensor) -> Tensor:
        """Without scaling.

        >>> silence = torch.zeros(1, 1, 257)
        >>> Magnitude().values(silence)[0, 0, 0].item()  # ln 1e-5
        -11.51292...
        >>> Magnitude("power").values(silence + 3)[0, 0, 0].item()
        9.0
        """
        if speech.shape[-1] != STFT_BINS:
            raise ShardError(
                f"an STFT of {STFT_BINS} bins is wanted, these have {speech.shape[-1]}; prepare with "
                "--spectrogram stft"
            )
        magnitude = speech.float() if self.filters is None else speech.float() @ self.filters
        if self.feature == "logmag":
            return torch.log(magnitude.clamp(min=FLOOR))
        return magnitude.square() if self.feature == "power" else magnitude


class ComplexStft(ScaledSpectrum):
    """The complex STFT of a waveform: (B, N) int16 → (B, 25, 514) float32, real parts, then imaginary.

    Window and hop are those of the stored magnitude, and so are the columns, except that beyond a clip there
    are zeros here and its mirror image there.
    """

    channels = 2
    reads = SpeechWindows("waveform", before=N_FFT // 2, after=N_FFT // 2 - HOP)

    def __init__(self) -> None:
        super().__init__(2 * STFT_BINS)

    def values(self, speech: Tensor) -> Tensor:
        """Without scaling.

        >>> ComplexStft().values(torch.zeros(2, 256 + 3200 + 128, dtype=torch.int16)).shape
        torch.Size([2, 25, 514])
        """
        window = torch.hann_window(N_FFT, device=speech.device)
        spectrum = torch.stft(
            speech.float() / FULL_SCALE, N_FFT, HOP, window=window, center=False, return_complex=True
        )
        return torch.cat([spectrum.real, spectrum.imag], dim=1).transpose(1, 2)


class Wav2LipMel(nn.Module):
    """Wav2Lip's mel of the waveform: (B, N) int16 → (B, 16, 80) float32 in −4 … 4.

    Pre-emphasis 0.97, Hann window of 800 samples, hop 200, magnitude, 80 Slaney filters of equal area over
    55–7600 Hz, then 20 log10 max(x, 1e-5) − 20 dB with −100 dB brought to −4 and 0 dB to 4, cut off there
    (Wav2Lip's audio.py and hparams.py). A window of frames from i has the clip's columns ⌊3.2 i⌋ … ⌊3.2 i⌋ +
    15, so that it begins up to 10 ms before the lips. Beyond the clip there are zeros.
    """

    N_FFT, HOP, COLUMNS, PREEMPHASIS = 800, 200, 16, 0.97
    RANGE_HZ = (55.0, 7600.0)
    bins = N_MELS
    channels = 1
    reads = SpeechWindows(
        "waveform",
        before=N_FFT // 2 + 1,  # one more for the pre-emphasis
        after=(COLUMNS - 1) * HOP + N_FFT // 2 - WINDOW * SAMPLES_PER_FRAME,
        grid=HOP,
    )
    filters: Tensor

    def __init__(self) -> None:
        from torchaudio.functional import melscale_fbanks

        super().__init__()
        filters = melscale_fbanks(
            self.N_FFT // 2 + 1, *self.RANGE_HZ, N_MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """
        >>> Wav2LipMel()(torch.zeros(1, 401 + 3200 + 200, dtype=torch.int16)).unique().tolist()
        [-4.0]
        """
        with torch.autocast(waveform.device.type, enabled=False):
            samples = waveform.float() / FULL_SCALE
            emphasised = samples[:, 1:] - self.PREEMPHASIS * samples[:, :-1]
            window = torch.hann_window(self.N_FFT, device=waveform.device)
            spectrum = torch.stft(
                emphasised, self.N_FFT, self.HOP, window=window, center=False, return_complex=True
            )
            decibels = 20 * torch.log10((spectrum.abs().transpose(1, 2) @ self.filters).clamp(min=1e-5)) - 20
            return ((decibels + 100) * 0.08 - 4).clamp(-4, 4)


def spectrum_of(feature: str, mel: bool) -> ScaledSpectrum:
    """The spectrum for ``--feature``. Raises OptionError for an unknown one, and for a complex mel.

    >>> spectrum_of("cepstrum", mel=False)
    Traceback (most recent call last):
    speechlip.errors.OptionError: no feature 'cepstrum'; there are: logmag, mag, power, complex
    """
    known = MEL_FEATURES if mel else FEATURES
    if feature not in known:
        raise OptionError(
            f"no feature {feature!r}{' of a mel' if mel else ''}; there are: {', '.join(known)}"
        )
    return ComplexStft() if feature == "complex" else Magnitude(feature, mel)


def mel_filters() -> Tensor:
    """(257, 80): the filters that ``spectra.spectrogram(…, "mel")`` applies.

    >>> mel_filters().shape, bool((mel_filters().sum(0) > 0).all())
    (torch.Size([257, 80]), True)
    """
    from torchaudio.functional import melscale_fbanks

    return melscale_fbanks(N_FFT // 2 + 1, 0.0, 8000.0, N_MELS, SAMPLE_RATE, mel_scale="slaney")
