"""Controls of a benchmark: log spectra, the lips themselves, another clip's features."""

import hashlib
from collections import deque

import numpy as np
import torch
from torch import Tensor

from speechlip.encoders.features.protocol import FRAME_MS, ClipFeatures, FeatureClock
from speechlip.encoders.features.waveform import refuse_non_finite
from speechlip.encoders.networks.spectrum import FLOOR, mel_filters
from speechlip.errors import ShardError
from speechlip.format import CROP_SIZE
from speechlip.shards.read.decode import ClipSample
from speechlip.spectra import N_MELS
from speechlip.timing import FPS, HOP, HOPS_PER_FRAME, N_FFT, SAMPLE_RATE, STFT_BINS

REACH_MS = 1000 * N_FFT / 2 / SAMPLE_RATE
HELD_SPEAKERS, HELD_CLIPS = 8, 4


class LogSpectra:
    """Log STFT magnitude, or log mel of it, five columns a video frame: a ``SpeechEncoder``.

    The same transform as in shards, but column k is centred 64 samples later, at 8 k + 4 ms, so that the five
    of a frame lie evenly in it and ``per_frame`` sets them side by side as they are: 5 × 257 numbers, or 5 ×
    80.
    """

    parameters = 0
    clock = FeatureClock(
        rate_hz=FPS * HOPS_PER_FRAME,
        centre_ms=FRAME_MS / HOPS_PER_FRAME / 2,
        past_ms=REACH_MS,
        future_ms=REACH_MS,
    )

    def __init__(self, mel: bool) -> None:
        self.name, self.dim = ("log-mel", N_MELS) if mel else ("log-stft", STFT_BINS)
        self.filters = mel_filters() if mel else None

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, N) float32 in −1 … 1 at 16 kHz → (B, N // 128, D); the audio is mirrored at both ends."""
        edge = (N_FFT - HOP) // 2
        mirrored = torch.nn.functional.pad(waveform[:, None], (edge, edge), mode="reflect")[:, 0]
        window = torch.hann_window(N_FFT, device=waveform.device)
        magnitude = (
            torch.stft(mirrored, N_FFT, HOP, window=window, center=False, return_complex=True)
            .abs()
            .transpose(1, 2)
        )
        return torch.log(
            (magnitude if self.filters is None else magnitude @ self.filters.to(waveform.device)).clamp(
                min=FLOOR
            )
        )


class LipPoints:
    """The 20 mouth points of each frame less their mean, in crop widths, as ``ClipFeatures``.

    They are what a speech feature could know at best. They are the truth where the sample's ``detector`` is
    ``sidecar``, and otherwise as a detector saw them.
    """

    name, dim, parameters = "lips", 40, 0
    fields: tuple[str, ...] = ("landmarks",)
    clock = FeatureClock(rate_hz=FPS, centre_ms=FRAME_MS / 2, past_ms=0, future_ms=0)

    def of_clip(self, clip: ClipSample) -> np.ndarray:
        """(T, 40) float32: x and y of each point in turn.

        Raises ShardError where the clip has no landmarks or they are not finite.
        """
        if clip.landmarks is None:
            raise ShardError(f"clip {clip.key} was read without its landmarks; read the field 'landmarks'")
        points = clip.landmarks.astype(np.float32)
        rows = ((points - points.mean(1, keepdims=True)) / CROP_SIZE).reshape(len(points), -1)
        refuse_non_finite(rows, f"lips of {clip.key}")
        return rows


class Shuffled:
    """Features of ``base``, but of a clip that was read before: what must be at chance.

    The last 4 clips of the last 8 speakers are held. A clip gets one of another speaker's, chosen by its key;
    one of its own speaker's where no other is held; its own backwards where none is. They begin at a place
    that the key decides too and start again at their end, because the silence with which clips begin would
    still meet the silence of others. The same clips in the same order get the same features.
    """

    def __init__(self, base: ClipFeatures) -> None:
        self.base = base
        self.name, self.dim, self.clock = f"shuffled:{base.name}", base.dim, base.clock
        self.fields, self.parameters = base.fields, base.parameters
        self.stack: int = getattr(base, "stack", 1)
        self._held: dict[str, deque[tuple[str, np.ndarray]]] = {}

    def of_clip(self, clip: ClipSample) -> np.ndarray:
        """(T, D) float32, T as ``base`` gives for this clip. Raises what ``base`` raises."""
        own, speaker = self.base.of_clip(clip), clip.meta.speaker
        strangers = [
            features for other, clips in self._held.items() if other != speaker for _, features in clips
        ]
        others = [features for key, features in self._held.get(speaker, ()) if key != clip.key]
        self._hold(speaker, clip.key, own)
        candidates = strangers or others or [own[::-1]]
        draw, choice = divmod(int(hashlib.sha256(clip.key.encode()).hexdigest(), 16), len(candidates))
        return turned(candidates[choice], draw, len(own))

    def _hold(self, speaker: str, key: str, features: np.ndarray) -> None:
        clips = self._held.pop(speaker, deque(maxlen=HELD_CLIPS))
        clips.append((key, features))
        self._held[speaker] = clips
        if len(self._held) > HELD_SPEAKERS:
            del self._held[next(iter(self._held))]


def turned(rows: np.ndarray, first: int, length: int) -> np.ndarray:
    """``length`` rows from row ``first`` (of as many rounds as it takes) on, from the start again at the end.

    >>> turned(np.array([1, 2, 3]), 7, 5).tolist()
    [2, 3, 1, 2, 3]
    """
    return rows[(first % len(rows) + np.arange(length)) % len(rows)]
