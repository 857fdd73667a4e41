"""A sync model that is really trained, in seconds: two small networks, one for five frames of a mouth, one
for the 200 ms of speech that go with them.

Both see a clip relative to itself (without its mean, at spread 1), so that who speaks and in what light tells
them nothing; what is left is how the mouth moves. They learn from unlabelled clips by InfoNCE: of all the
windows in a batch, which speech belongs to which mouth. Neighbours in time are among the wrong answers, which
is what makes the offset sharp.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from speechlip.faces.detectors.sidecar import face_box
from speechlip.metrics.declared import NotScored
from speechlip.scoring.sync.crops224 import cut224, square
from speechlip.scoring.sync.models import whole_frame
from speechlip.spectra import spectrogram
from speechlip.timing import SAMPLES_PER_FRAME
from zoo import read_clip

Windows = tuple[Tensor, Tensor]

WINDOW_FRAMES = 5
MOUTH = slice(125, 185), slice(62, 162)
"""Rows and columns of the mouth in a 224×224 crop: 60×100 px, averaged down to 12×20."""
DOWN = 5
HIDDEN, WIDTH = 32, 16
STEPS, BATCH, TEMPERATURE = 200, 256, 0.2


class SmallSyncModel:
    """The trained pair behind the interface ``speechlip.scoring.sync.models.SyncModel``."""

    name, sha256, official, is_lse, window_frames = "small", "0" * 64, False, False, WINDOW_FRAMES

    def __init__(self, lips: nn.Module, speech: nn.Module) -> None:
        self.lips, self.speech = lips.eval(), speech.eval()

    def cropper(self, track):
        if track is None:
            return whole_frame
        squares = square(track.boxes)
        return lambda picture, frame: cut224(picture, *squares[frame])

    def features(self, frames, audio):
        mouths, speech = windows_of(np.stack([mouth(crop) for crop in frames]), audio)
        return above_zero(embed(self.lips, mouths)), above_zero(embed(self.speech, speech))


def above_zero(rows: Tensor) -> np.ndarray:
    """(T, D) of length 1 → (T, D + 1), the last column 1.

    Distances between rows stay as they are. The published score compares with rows of zeros beyond the clip's
    ends; they now lie at √2, as far as
    speech of another frame does, not at 1: nearer than that, the largest shifts, which meet most of the
    zeros, would look best.
    """
    return np.hstack([rows.detach().numpy(), np.ones((len(rows), 1), np.float32)])


def mouth(crop: np.ndarray) -> np.ndarray:
    """(224, 224, 3) crop → (12, 20) grey."""
    grey = crop[MOUTH].mean(axis=2)
    return grey.reshape(grey.shape[0] // DOWN, DOWN, -1, DOWN).mean(axis=(1, 3))


def windows_of(mouths: np.ndarray, audio: np.ndarray) -> Windows:
    """(L, 12, 20) grey, (N,) int16 → (L − 4, 5 · 240), (L − 4, 25 · 80) float32: row ``i`` is frames i … i +
    4.
    """
    frames = min(len(mouths), len(audio) // SAMPLES_PER_FRAME)
    if frames < WINDOW_FRAMES:
        raise NotScored("too short", f"{WINDOW_FRAMES} frames are the least, there are {frames}")
    mel = np.log(spectrogram(audio[: frames * SAMPLES_PER_FRAME], "mel").astype(np.float32) + 1e-2)
    return stacked(standard(mouths[:frames].reshape(frames, -1))), stacked(standard(mel).reshape(frames, -1))


def standard(series: np.ndarray) -> np.ndarray:
    """(T, D) without its mean over the clip, with one spread for all D: what does not move stays small."""
    centred = series - series.mean(axis=0)
    return centred / max(float(centred.std()), 1e-6)


def stacked(rows: np.ndarray) -> Tensor:
    """(L, D) → (L − 4, 5 D) float32."""
    views = np.lib.stride_tricks.sliding_window_view(rows, WINDOW_FRAMES, axis=0)
    return torch.tensor(views.swapaxes(1, 2).reshape(len(views), -1), dtype=torch.float32)


def embed(net: nn.Module, rows: Tensor) -> Tensor:
    return normalize(net(rows), dim=1)


def clip_windows(clip: Path) -> Windows:
    """The windows of one clip of the synthetic corpus; the face is where the landmarks beside it say."""
    pictures, audio = read_clip(clip)
    with np.load(clip.with_name(clip.stem + ".landmarks.npz")) as sidecar:
        squares = square(np.stack([face_box(points) for points in sidecar["landmarks"]]))
    return windows_of(
        np.stack([mouth(cut224(picture, *place)) for picture, place in zip(pictures, squares, strict=False)]),
        audio,
    )


def train(clips: list[Windows], seed: int = 0) -> SmallSyncModel:
    """Train on the ``clip_windows`` of some clips. The same clips and seed give the same network."""
    with one_thread_seeded(seed):
        mouths, speech = (torch.cat(parts) for parts in zip(*clips, strict=True))
        lip_net, speech_net = small_net(mouths.shape[1]), small_net(speech.shape[1])
        learner = torch.optim.AdamW(
            [*lip_net.parameters(), *speech_net.parameters()], lr=1e-3, weight_decay=1e-2
        )
        for _ in range(STEPS):
            chosen = torch.randperm(len(mouths))[:BATCH]
            alike = (
                embed(lip_net, louder(mouths[chosen]))
                @ embed(speech_net, louder(speech[chosen])).T
                / TEMPERATURE
            )
            answers = torch.arange(len(chosen))
            loss = cross_entropy(alike, answers) + cross_entropy(alike.T, answers)
            learner.zero_grad()
            loss.backward()
            learner.step()
        return SmallSyncModel(lip_net, speech_net)


def small_net(width: int) -> nn.Module:
    """Half of what it sees is dropped in training: a few hundred windows are soon learnt by heart."""
    return nn.Sequential(
        DropColumns(), nn.Linear(width, HIDDEN), nn.ReLU(), nn.Dropout(0.2), nn.Linear(HIDDEN, WIDTH)
    )


class DropColumns(nn.Module):
    """Half of the columns, the same for the whole batch: an element of each row by itself costs most of the
    training.
    """

    def forward(self, rows: Tensor) -> Tensor:
        return rows * 2 * (torch.rand(1, rows.shape[1]) < 0.5) if self.training else rows


def louder(rows: Tensor) -> Tensor:
    """Windows of more or less contrast: ± 20 % and seldom more."""
    return rows * (1 + 0.1 * torch.randn(len(rows), 1))


@contextmanager
def one_thread_seeded(seed: int) -> Iterator[None]:
    """Everyone else's random numbers and threads are as before afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
