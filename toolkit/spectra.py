"""Waveform to STFT or mel windows, exactly what torchaudio gives.

``center=True`` with reflect padding returns ``5 T + 1`` columns for ``640 T`` samples; the last is dropped,
so that video frame ``i`` owns columns ``5 i … 5 i + 4``. Their mean centre lies 4 ms before the middle of the
frame.
Magnitude, not its logarithm, is kept: log, power and mel can be derived from it, the other way round not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from speechlip.errors import no_such
from speechlip.timing import HOP, HOPS_PER_FRAME, N_FFT, SAMPLE_RATE, SAMPLES_PER_FRAME, STFT_BINS, exact_div

if TYPE_CHECKING:
    import torch

N_MELS = 80
SPECTROGRAM_WIDTHS = {"stft": STFT_BINS, "mel": N_MELS}


@lru_cache
def _transform(kind: str) -> "torch.nn.Module":
    import torchaudio

    if kind == "stft":
        return torchaudio.transforms.Spectrogram(n_fft=N_FFT, win_length=N_FFT, hop_length=HOP, power=1)
    if kind == "mel":
        # the Slaney scale: on the HTK scale the lowest of 80 filters are narrower than a bin, and empty
        return torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE,
            n_fft=N_FFT,
            win_length=N_FFT,
            hop_length=HOP,
            power=1,
            n_mels=N_MELS,
            f_min=0,
            f_max=8000,
            mel_scale="slaney",
        )
    raise no_such("spectrogram", kind, SPECTROGRAM_WIDTHS)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: spectra of clips are so small that several threads mostly wait for each other,
    and take seven times the CPU where other work is on the cores.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def spectrogram(audio: np.ndarray, kind: str = "stft") -> np.ndarray:
    """Magnitude spectrogram of whole video frames of speech.

    audio: (640 T,) int16, 16 kHz mono; full scale is ±1, so that a full-scale sine reaches 128.
    kind: ``stft`` or ``mel`` (of the same STFT, 0–8000 Hz).

    Returns (5 T, 257) float16 for ``stft``, (5 T, 80) for ``mel``. Raises OptionError for another kind,
    ValueError where the samples are no whole number of video frames.

    >>> spectrogram(np.zeros(640 * 3, np.int16)).shape
    (15, 257)
    """
    import torch

    n_frames = exact_div(len(audio), SAMPLES_PER_FRAME)
    waveform = torch.from_numpy(audio.astype(np.float32) / 32768)
    with torch.inference_mode():
        columns = _transform(kind)(waveform)[:, : HOPS_PER_FRAME * n_frames]
    return np.ascontiguousarray(columns.T.numpy().astype(np.float16))
