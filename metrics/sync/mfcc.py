"""SyncNet's input: 13 mel-frequency cepstral coefficients every 10 ms.

Goal: audio → the MFCC that SyncNet was trained on, to the last digits.
Conventions: audio at 16 kHz in int16 scale; windows of 25 ms without a taper, bins rounded down, the first
coefficient replaced by the logarithm of the energy.
Source: ``python_speech_features`` 0.6, which the tests compare with. Functions: mfcc, filters.
"""

from functools import cache

import numpy as np
from scipy.fft import dct

from speechlip.timing import SAMPLE_RATE

WINDOW, STEP = 400, 160
N_FFT, N_FILTERS, N_CEPSTRA = 512, 26, 13
PRE_EMPHASIS, LIFTER = 0.97, 22
LEAST = np.finfo(float).eps
"""In place of 0, of which there is no logarithm."""


def mfcc(audio: np.ndarray) -> np.ndarray:
    """(N,) samples at 16 kHz, N ≥ 1 → (n, 13) float64, n = 1 + ⌈(N − 400) / 160⌉; zeros beyond the end.

    >>> tone = (8000 * np.sin(np.arange(16000) / 5)).astype(np.int16)
    >>> mfcc(tone).shape, round(float(mfcc(tone)[50, 0]), 2)
    ((99, 13), 19.34)
    """
    emphasised = np.append(audio[0], audio[1:] - PRE_EMPHASIS * audio[:-1])
    columns = 1 + max(0, -(-(len(audio) - WINDOW) // STEP))
    padded = np.pad(emphasised, (0, (columns - 1) * STEP + WINDOW - len(audio)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    power = np.square(np.abs(np.fft.rfft(windows, N_FFT))) / N_FFT
    energy, bands = power.sum(axis=1), power @ filters().T
    cepstra = dct(np.log(np.where(bands == 0, LEAST, bands)), type=2, axis=1, norm="ortho")[:, :N_CEPSTRA]
    cepstra *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(N_CEPSTRA) / LIFTER)
    cepstra[:, 0] = np.log(np.where(energy == 0, LEAST, energy))
    return cepstra


@cache
def filters() -> np.ndarray:
    """(26, 257): triangles over 0 … 8000 Hz, evenly spaced in mel, their corners on whole bins."""
    mel = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), N_FILTERS + 2)
    corners = np.floor((N_FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / SAMPLE_RATE)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.arange(N_FFT // 2 + 1)
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return np.where(
        (low <= bins) & (bins < middle), rising, np.where((middle <= bins) & (bins < high), falling, 0.0)
    )
