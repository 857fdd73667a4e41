"""The two ends of the relative ambiguity AR*: features of the lips, and of the mel spectrum.

Goal: features per video frame of the lips' landmarks and of the audio, plain enough that nobody can argue
with them.
Conventions: one row a video frame, edges repeated.
Source: the benchmark's specification (20 lip points × 5 frames, mean-subtracted; 40 mel bands, mean over 40
ms).
Functions: lip_anchor, mel_anchor.
"""

import numpy as np

from speechlip.timing import HOP, HOPS_PER_FRAME, N_FFT, SAMPLE_RATE, SAMPLES_PER_FRAME, exact_div

CONTEXT = 2  # frames before and after
MEL_BANDS = 40
FLOOR = 1e-5


def lip_anchor(landmarks: np.ndarray) -> np.ndarray:
    """Shape of the lips over 5 frames: (T, 20, 2) px → (T, 200).

    Each frame's points less their mean: where the mouth is does not count.

    >>> moving = np.arange(3.0)[:, None, None] + np.zeros((3, 20, 2))
    >>> lip_anchor(moving).shape, float(np.abs(lip_anchor(moving)).max())
    ((3, 200), 0.0)
    """
    shapes = (landmarks - landmarks.mean(axis=1, keepdims=True)).reshape(len(landmarks), -1)
    padded = np.pad(shapes, ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    return np.concatenate([padded[step : step + len(shapes)] for step in range(2 * CONTEXT + 1)], axis=1)


def mel_anchor(audio: np.ndarray) -> np.ndarray:
    """Mean log-mel spectrum of each frame's own 40 ms: (640 T,) int16 at 16 kHz → (T, 40).

    Windows of 32 ms every 8 ms, 40 bands of 0–8000 Hz on the Slaney scale, natural logarithm of the
    magnitude, from 1e-5 on.

    >>> mel_anchor(np.zeros(640 * 3, np.int16)).shape
    (3, 40)
    """
    import torch
    import torchaudio

    n_frames = exact_div(len(audio), SAMPLES_PER_FRAME)
    mel = torchaudio.transforms.MelSpectrogram(
        SAMPLE_RATE,
        n_fft=N_FFT,
        win_length=N_FFT,
        hop_length=HOP,
        power=1,
        n_mels=MEL_BANDS,
        f_min=0,
        f_max=8000,
        mel_scale="slaney",
    )
    with torch.inference_mode():
        bands = mel(torch.from_numpy(audio.astype(np.float32) / 32768))[:, : HOPS_PER_FRAME * n_frames]
        return (
            torch.log(bands.clamp(min=FLOOR))
            .reshape(MEL_BANDS, n_frames, HOPS_PER_FRAME)
            .mean(dim=2)
            .T.numpy()
            .copy()
        )
