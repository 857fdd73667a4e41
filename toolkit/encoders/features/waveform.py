"""Encoders of waveforms, applied to the clips of a dataset and to whole recordings.

What an encoder gives is checked against what it declares, so that a wrong rate or a NaN stops here and not in
a table.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from speechlip.encoders.features.protocol import SpeechEncoder
from speechlip.encoders.networks.layers import parameter_count
from speechlip.errors import ModelError, ShardError
from speechlip.shards.read.decode import ClipSample
from speechlip.timing import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

PIECE_S, MARGIN_S = 20, 5
FULL_SCALE = 32768
SLACK_FRAMES = 2


class FromWaveform:
    """A ``SpeechEncoder`` as ``ClipFeatures``: reads a clip's ``audio``.

    device: where it computes; an encoder that has ``to`` is moved there, and a torch module is set to
    ``eval``. weights: SHA-256 of its weights, ``random, seed 0``, or empty where the encoder does not say.
    parameters: of a torch module, counted; else what the encoder says, or None. stack: how many layers stand
    side by side in a feature.
    """

    fields: tuple[str, ...] = ("audio",)

    def __init__(self, encoder: SpeechEncoder, device: str = "cpu") -> None:
        self.encoder, self.device = encoder, device
        self.name, self.dim, self.clock = encoder.name, encoder.dim, encoder.clock
        self.weights: str = getattr(encoder, "weights", "")
        self.hears_whole: bool = getattr(encoder, "hears_whole", False)
        self.stack: int = getattr(encoder, "stack", 1)
        if hasattr(encoder, "to"):
            encoder.to(device)
        self.parameters: int | None = getattr(encoder, "parameters", None)
        if isinstance(encoder, nn.Module):
            self.parameters = parameter_count(encoder.eval())

    def of_clip(self, clip: ClipSample) -> np.ndarray:
        """(T, D) float32.

        Raises ShardError where the clip has no audio or the features are not finite, ModelError as
        ``encode_waveform``.
        """
        if clip.audio is None:
            raise ShardError(f"clip {clip.key} was read without its sound; read the field 'audio'")
        try:
            return self.encode_waveform(clip.audio)
        except ShardError as error:
            raise ShardError(f"clip {clip.key}: {error}") from error

    def encode_waveform(self, audio: np.ndarray) -> np.ndarray:
        """(N,) int16 at 16 kHz, any length → (T, D) float32 at ``clock``, feature 0 at ``clock.centre_ms``.

        More than 25 s go through in pieces of 20 s with 5 s more on either side, so that memory stays flat:
        an encoder that reaches less than 5 s gives what it gives for all at once, one that hears the whole
        clip gets 30 s. A rate that is no whole number goes through at once, and so does all sound for an
        encoder that has ``hears_whole``. Raises ModelError where the encoder gives another shape or rate than
        it declares, ShardError for no sound or values that are not finite.
        """
        if not len(audio):
            raise ShardError("there is no sound to encode")
        whole = self.hears_whole or not float(self.clock.rate_hz).is_integer()
        return np.concatenate(
            [
                self._kept(audio, *piece)
                for piece in ([(0, len(audio), 0, len(audio))] if whole else pieces(len(audio)))
            ]
        )

    def _kept(self, audio: np.ndarray, start: int, stop: int, first: int, last: int) -> np.ndarray:
        features = self._encode(audio[start:stop])
        begin = round((first - start) * self.clock.rate_hz / SAMPLE_RATE)
        return features[
            begin : None if last == stop else round((last - start) * self.clock.rate_hz / SAMPLE_RATE)
        ]

    @torch.inference_mode()
    def _encode(self, audio: np.ndarray) -> np.ndarray:
        waveform = torch.from_numpy(audio.astype(np.float32) / FULL_SCALE)
        waveform = nn.functional.pad(waveform, (0, max(0, SAMPLES_PER_FRAME - len(waveform))))
        features = self.encoder.encode(waveform[None].to(self.device))
        return checked(features, self.encoder, len(waveform))


def pieces(n_samples: int) -> Iterator[tuple[int, int, int, int]]:
    """How a long recording is cut: (start, stop) to encode, (first, last) of it to keep, in samples.

    All but the end lie on whole seconds.

    >>> [tuple(n / 16000 for n in piece) for piece in pieces(47 * 16000)]
    [(0.0, 25.0, 0.0, 20.0), (15.0, 45.0, 20.0, 40.0), (35.0, 47.0, 40.0, 47.0)]
    """
    piece, margin = PIECE_S * SAMPLE_RATE, MARGIN_S * SAMPLE_RATE
    first = 0
    while first < n_samples:
        last = first + piece if n_samples - first > piece + margin else n_samples
        yield max(0, first - margin), min(n_samples, last + margin), first, last
        first = last


def checked(features: Tensor, encoder: SpeechEncoder, n_samples: int) -> np.ndarray:
    """(1, T, D) of ``encoder`` as (T, D) float32.

    Raises ModelError for another shape or a T that its rate does not give (± two video frames), ShardError
    for values that are not finite.
    """
    shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
    if (
        not isinstance(features, Tensor)
        or features.ndim != 3
        or features.shape[0] != 1
        or features.shape[2] != encoder.dim
    ):
        raise ModelError(
            f"encoder {encoder.name!r} gave {shape}, wanted (1, T, {encoder.dim}) as it declares; mend its "
            "dim or its encode"
        )
    rate_hz = encoder.clock.rate_hz
    wanted = n_samples / SAMPLE_RATE * rate_hz
    if abs(features.shape[1] - wanted) > max(1, SLACK_FRAMES * rate_hz / FPS):
        raise ModelError(
            f"encoder {encoder.name!r} gave {features.shape[1]} features for {n_samples / SAMPLE_RATE:.2f} "
            f"s, wanted {wanted:.0f} "
            f"at the {rate_hz:g} Hz that it declares; mend its clock"
        )
    rows = features[0].float().cpu().numpy()
    refuse_non_finite(rows, encoder.name)
    return rows


def refuse_non_finite(rows: np.ndarray, name: str) -> None:
    """Raises ShardError that says how many features of how many are not finite."""
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if bad:
        raise ShardError(
            f"{bad} of {len(rows)} features of {name!r} are not finite; leave this clip out, or use another "
            "encoder"
        )
