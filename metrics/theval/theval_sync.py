"""THEval's lip sync: how far the opening of a mouth is from the loudness of its speech.

Goal: mesh, audio and where somebody speaks → mean difference of both, each scaled to 0 … 1.
Conventions: as ``theval.mesh``; audio (640 T,) int16; speech (T,) bool. In 0 … 1. Neither way is better: near
the real video's is. Source: ``Synchronization/lip_sync.py``. Functions: lip_sync, volume.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, NotScored, with_real
from speechlip.metrics.theval.mesh import LOWER, UPPER
from speechlip.timing import FPS, SAMPLE_RATE

EYES = (np.array([33, 133]), np.array([362, 263]))
LEAST_SPEECH = 0.1
"""Share of the frames."""
WINDOW = SAMPLE_RATE // 20
"""Samples, 50 ms, one behind the other; each is centred on its time, silence beyond the ends."""
TINY = 1e-8


def lip_sync(mesh: np.ndarray, size: np.ndarray, audio: np.ndarray, speech: np.ndarray) -> float:
    """Raises NotScored: ``no speech`` under a tenth of the frames, ``no face``."""
    if speech.mean() < LEAST_SPEECH:
        raise NotScored("no speech", f"in {speech.mean():.0%} of the frames, {LEAST_SPEECH:.0%} are wanted")
    points = mesh.astype(np.float64) / np.asarray(size, np.float64)
    eyes = (points[:, each, 0].mean(axis=1) for each in EYES)
    between = np.abs(np.subtract(*eyes))
    opening = np.abs(points[:, UPPER, 1].mean(axis=1) - points[:, LOWER, 1].mean(axis=1))
    opening = np.divide(opening, between, out=np.full(len(mesh), np.nan), where=between > 0)
    heard = speech & np.isfinite(opening)
    if heard.sum() < 2:
        raise NotScored("no face", f"{heard.sum()} frames with a face that speaks, 2 are wanted")
    loud = volume(audio, len(mesh))
    return float(np.mean(np.abs(_scaled(opening[heard]) - _scaled(loud[heard]))))


def volume(audio: np.ndarray, frames: int) -> np.ndarray:
    """RMS of 50 ms at the time of each frame, by straight lines between windows: (frames,).

    >>> volume(np.full(16000, 100, np.int16), 3).round(1).tolist()  # half of the first window is before 0 s
    [70.7, 94.1, 100.0]
    """
    padded = np.pad(audio.astype(np.float64), WINDOW // 2)
    windows = padded[: len(padded) // WINDOW * WINDOW].reshape(-1, WINDOW)
    rms = np.sqrt((windows**2).mean(axis=1))
    return np.interp(np.arange(frames) / FPS, np.arange(len(rms)) * WINDOW / SAMPLE_RATE, rms)


def _scaled(series: np.ndarray) -> np.ndarray:
    low, high = series.min(), series.max()
    scaled: np.ndarray = (series - low) / (high - low + TINY)
    return scaled


METRICS = with_real(
    Metric(
        name="theval_sync",
        title="THEval lip sync",
        unit="ratio",
        higher_is_better=None,
        formula="theval-lip-sync",
        needs=("landmarks", "mesh", "size", "audio", "speech"),
        per=CLIP,
        compute=lip_sync,
        digits=4,
    )
)
