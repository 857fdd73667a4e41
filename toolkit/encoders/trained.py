"""A trained pair of encoders, applied to whole clips."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speechlip.encoders.checkpoint import FACTS, load_weights, open_checkpoint, read_weights
from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.encoders.networks.pair import build_pair
from speechlip.errors import ModelError, ShardError
from speechlip.faces.crops import MOUTH_PRESETS
from speechlip.format import CROP_SIZE
from speechlip.metrics.declared import NotScored
from speechlip.records import FaceTrack
from speechlip.remote.mirror import run_at
from speechlip.shards.pairs.rules import WINDOW
from speechlip.spectra import spectrogram
from speechlip.timing import SAMPLES_PER_FRAME

BATCH_WINDOWS = 32
CROP_SHAPE = (CROP_SIZE, CROP_SIZE, 3)
LEAST_OF_RUNS = 0.1
"""Runs of train-encoder, whose rows have length 1: foreign speech, noise and music reached 0.15 in 3 to 12 s,
with an interval down to 0 (docs/decisions/offsets-that-may-be-acted-on.md)."""


class TrainedPair:
    """A trained pair of encoders as a ``scoring.sync.SyncModel``: clips in, rows of unit length out.

    name: the run's folder and encoder. sha256: of the weights. step: at which they were saved. crop: preset
    of the crops it was trained on.
    """

    official, is_lse, window_frames, least_confidence = False, False, WINDOW, LEAST_OF_RUNS

    def __init__(
        self, pair: EncoderPair, name: str, sha256: str, step: int, crop: str, device: str = "cpu"
    ) -> None:
        self.pair, self.name, self.sha256, self.step, self.crop, self.device = (
            pair.to(device).eval(),
            name,
            sha256,
            step,
            crop,
            device,
        )

    def features(self, frames: Iterable[np.ndarray], audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of every window of a clip: 512 numbers of length 1, and a 1.

        frames: (96, 96, 3) uint8 RGB crops, read once; audio: (N,) int16 at 16 kHz. Returns (T, 513), (T,
        513) float32. Row i is frames i … i + 4, so that T is four less than the frames that have both image
        and audio. Distances between rows grow as cosines fall. Raises NotScored for fewer than 5 frames.
        """
        parts = [
            self.lip_features(windows) for windows in batches(islice(frames, len(audio) // SAMPLES_PER_FRAME))
        ]
        if not parts:
            raise NotScored("too short", f"the clip gives no window of {WINDOW} frames")
        lips = np.concatenate(parts)
        return lips, self.speech_features(audio[: (len(lips) + WINDOW - 1) * SAMPLES_PER_FRAME])

    def lip_features(self, windows: Tensor) -> np.ndarray:
        """(N, 5, 96, 96, 3) uint8 → (N, 513) float32, as ``features`` gives them."""
        return of_unit_length(self._embed(self.pair.embed_lips, windows))

    def speech_features(self, audio: np.ndarray) -> np.ndarray:
        """(640 L,) int16 at 16 kHz → (L − 4, 513) float32, row i of frames i … i + 4.

        Windows are cut of the whole clip, as from shards.
        """
        return of_unit_length(self._embed_clip(audio))

    @torch.inference_mode()
    def speech_embeddings(self, audio: np.ndarray) -> np.ndarray:
        """One embedding of speech for each frame: (N,) int16 at 16 kHz → (T, 512) float32, T = N // 640.

        As the loss compares them, but not of length 1. Row t is of frames t − 2 … t + 2; the first and the
        last two rows repeat the one beside them, as SyncTalk's features do. Of PASE row t is the audio
        path's at frame t. Raises ShardError for fewer than 5 frames, of PASE for none.
        """
        n_frames, least = len(audio) // SAMPLES_PER_FRAME, self.pair.least_frames
        if n_frames < least:
            raise ShardError(
                f"{n_frames} frames of speech came; a window of {least} is wanted, leave such short clips out"
            )
        return self.pair.frame_features(self._stored(audio[: n_frames * SAMPLES_PER_FRAME]))

    def cropper(self, track: FaceTrack | None) -> Callable[[np.ndarray, int], np.ndarray]:
        """How to cut its crops: ``cropper(track)(image, frame)``.

        None: images are crops already; raises NotScored where they are not 96×96.
        """
        if track is None:
            return checked_crop
        from speechlip.faces.crops import plan_crop
        from speechlip.faces.cutting import cut

        affines = plan_crop(track, self.crop).affines
        return lambda image, frame: cut(image, affines[frame])

    def crop_region(self, track: FaceTrack) -> Callable[[int, tuple[int, int]], tuple[int, int, int, int]]:
        """Which part of an image a crop reads: ``crop_region(track)(frame, (width, height))``."""
        from speechlip.faces.crops import plan_crop
        from speechlip.faces.cutting import region

        affines = plan_crop(track, self.crop).affines
        return lambda frame, size: region(affines[frame], *size)

    @torch.inference_mode()
    def _embed_clip(self, audio: np.ndarray) -> np.ndarray:
        """(640 L,) int16 → (L − 4, 512) float32 of frames i … i + 4."""
        return self.pair.embed_clip(self._stored(audio))

    def _stored(self, audio: np.ndarray) -> np.ndarray:
        """What a shard would hold of the audio, of which the pair is given its windows."""
        return audio if self.pair.reads.form == "waveform" else spectrogram(audio)

    @torch.inference_mode()
    def _embed(self, encoder: Callable[[Tensor], Tensor], windows: Tensor) -> np.ndarray:
        return encoder(windows.to(self.device)).float().cpu().numpy()


def of_unit_length(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, and a 1 behind each.

    Distances among rows stay, and the zero rows that pad the published curve come to lie at √2, as unrelated
    speech does.

    >>> of_unit_length(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8, 1.0]]
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.concatenate(
        [rows / np.maximum(lengths, np.finfo(rows.dtype).tiny), np.ones((len(rows), 1), rows.dtype)], axis=1
    )


def batches(frames: Iterable[np.ndarray]) -> Iterator[Tensor]:
    """Windows of five successive crops: (96, 96, 3) each → (up to 32, 5, 96, 96, 3) uint8."""
    frames = iter(frames)
    held = list(islice(frames, WINDOW - 1))
    while more := list(islice(frames, BATCH_WINDOWS)):
        held += more
        yield torch.from_numpy(np.stack(held)).unfold(0, WINDOW, 1).permute(0, 4, 1, 2, 3)
        held = held[1 - WINDOW :]


def checked_crop(image: np.ndarray, frame: int) -> np.ndarray:
    """The image as it is. Raises NotScored where it is not 96×96."""
    if image.shape != CROP_SHAPE:
        height, width = image.shape[:2]
        raise NotScored(
            "not 96×96",
            f"mouth crops of 96×96 are wanted, this is {width}×{height}; score the whole video with a face "
            "detector",
        )
    return image


def load_run(path: Path | str, device: str = "cpu") -> TrainedPair:
    """The encoders of a run at its last checkpoint.

    path: a folder, or ``hf://user/name[@revision]``, which is fetched once. Raises ModelError for what is no
    run, is damaged, or was saved by another release; HubError for what cannot be reached.
    """
    path = run_at(path)
    checkpoint = open_checkpoint(path)
    facts, weights = checkpoint.facts, read_weights(checkpoint)
    if facts.crop not in MOUTH_PRESETS:
        raise ModelError(
            f"{checkpoint.folder / FACTS} says crops {facts.crop!r}; there are: {', '.join(MOUTH_PRESETS)}"
        )
    pair = build_pair(**facts.network, rectified=facts.rectified)
    load_weights(pair, weights, "pair.", checkpoint.folder)
    name = f"{path.name} ({facts.network['encoder']})"
    return TrainedPair(pair, name, facts.sha256, facts.step, facts.crop, device)
