"""The speech half of a trained pair as an encoder: one embedding for each frame."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speechlip.encoders.checkpoint import open_checkpoint
from speechlip.encoders.features.protocol import FRAME_MS, FeatureClock
from speechlip.encoders.features.seeded import RANDOM_WEIGHTS, seeded
from speechlip.encoders.features.waveform import FULL_SCALE
from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.encoders.networks.layers import parameter_count
from speechlip.encoders.networks.lips import DIM
from speechlip.encoders.networks.pair import SpeechLipPair, build_pair
from speechlip.encoders.networks.pase.audio import LOOK_AHEAD_MS
from speechlip.encoders.networks.pase.pair import PasePair
from speechlip.encoders.trained import TrainedPair, load_run
from speechlip.shards.pairs.rules import WINDOW
from speechlip.shards.pairs.speech_windows import SpeechWindows
from speechlip.timing import FPS, HOP, N_FFT, SAMPLE_RATE, SAMPLES_PER_FRAME

FROM_THE_BEGINNING = FeatureClock(
    rate_hz=FPS, centre_ms=FRAME_MS / 2, past_ms=math.inf, future_ms=FRAME_MS / 2 + LOOK_AHEAD_MS
)
"""The clock of PASE: a frame, and everything before it."""


class SpeechHalf:
    """Speech embeddings of a ``TrainedPair`` as a ``SpeechEncoder``.

    Feature t is the window of frames t − 2 … t + 2, not of length 1; of PASE frame t and all before it.

    hears_whole: whether it is given recordings in one piece, however long.
    """

    dim = DIM

    def __init__(self, trained: TrainedPair, name: str) -> None:
        self.trained, self.name, self.weights = trained, name, trained.sha256
        self.hears_whole = isinstance(trained.pair, PasePair)
        self.clock = FROM_THE_BEGINNING if self.hears_whole else window_clock(trained.pair.reads)
        self.parameters = parameter_count(trained.pair.speech)
        if isinstance(trained.pair, SpeechLipPair):
            self.parameters += parameter_count(trained.pair.speech_norm)

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, N) float32 in −1 … 1 at 16 kHz → (B, ⌈N / 640⌉, 512); silence fills the last frame.

        Raises ShardError for fewer than 5 frames.
        """
        samples = (
            (waveform.cpu() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1).to(torch.int16).numpy()
        )
        samples = np.pad(samples, ((0, 0), (0, -samples.shape[1] % SAMPLES_PER_FRAME)))
        return torch.from_numpy(np.stack([self.trained.speech_embeddings(row) for row in samples]))


def window_clock(reads: SpeechWindows) -> FeatureClock:
    """The clock of five-frame windows: their middle frame, and the reach of window and transform.

    >>> window_clock(SpeechWindows())
    FeatureClock(rate_hz=25, centre_ms=20.0, past_ms=116.0, future_ms=108.0)
    """
    before, after = (
        (N_FFT // 2, N_FFT // 2 - HOP)
        if reads.form == "spectrogram"
        else (reads.before + reads.grid - 1, reads.after)
    )
    half_ms = WINDOW * FRAME_MS / 2
    to_ms = 1000 / SAMPLE_RATE
    return FeatureClock(
        rate_hz=FPS,
        centre_ms=FRAME_MS / 2,
        past_ms=half_ms + before * to_ms,
        future_ms=half_ms + after * to_ms,
    )


def open_run(run: Path, device: str, random_init: bool = False) -> SpeechHalf:
    """The speech half of a run of ``train-encoder``, or the same network at seeded random weights.

    Raises ModelError as ``load_run``.
    """
    if not random_init:
        return SpeechHalf(load_run(run, device), str(run))
    network = open_checkpoint(run).facts.network | {"lip_input": "mouth"}
    return untrained(lambda: build_pair(**network, rectified=False), str(run), device)


def open_network(name: str, device: str) -> SpeechHalf:
    """A network that ``train-encoder`` knows, at seeded random weights."""
    return untrained(lambda: build_pair(name, "mouth", rectified=False), name, device)


def untrained(build: Callable[[], EncoderPair], name: str, device: str) -> SpeechHalf:
    return SpeechHalf(TrainedPair(seeded(build), name, RANDOM_WEIGHTS, 0, "lips", device), f"random:{name}")
