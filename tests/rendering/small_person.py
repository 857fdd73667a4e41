"""A small head whose mouth opens as far as its audio is loud, with exact landmarks; encoders that hear it."""

import numpy as np
import torch

from speechlip.encoders.features.protocol import FeatureClock
from speechlip.faces.landmarks import mean_face
from speechlip.libraries import load
from speechlip.records import LANDMARKS_ENDING
from zoo import write_clip

SIZE, SAMPLES = 128, 640
CM_PX, MIDDLE = 5.5, np.array([64.0, 58.0])
OPEN_CM = 1.8


def loudness(frames, seed=0):
    """(frames,) in 0 … 1: syllables, a few frames each."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.random(frames // 4 + 1), 4)[:frames] ** 2


def audio_of(loud, seed=0):
    noise = np.random.default_rng(seed).normal(size=(len(loud), SAMPLES))
    return (noise * (100 + 6000 * loud[:, None])).astype(np.int16).ravel()


def landmarks_of(loud, moves=True):
    """(T, 68, 2) px: a slow swing, the lower lip and the jaw down with the mouth."""
    time = np.arange(len(loud)) / 25
    swing = np.stack([4 * np.sin(time), 2 * np.cos(time / 2)], axis=1) * moves
    face = np.tile(mean_face(), (len(loud), 1, 1))
    face[:, [55, 56, 57, 58, 59, 65, 66, 67], 1] += OPEN_CM * loud[:, None]
    face[:, 4:13, 1] += OPEN_CM * loud[:, None] / 2
    return (face * CM_PX + MIDDLE + swing[:, None]).astype(np.float32)


def images_of(landmarks):
    """(T, 128, 128, 3) uint8: background, face, eyes, mouth."""
    cv2 = load("cv2")
    images = np.empty((len(landmarks), SIZE, SIZE, 3), np.uint8)
    ground = np.linspace(90, 140, SIZE)[None, :, None].repeat(SIZE, 0).repeat(3, 2).astype(np.uint8)
    for image, points in zip(images, landmarks, strict=True):
        image[:] = ground
        outline = np.concatenate([points[:17], points[26:16:-1] - [0, 12]])
        for contour, colour in (
            (outline, (205, 165, 140)),
            (points[36:42], (40, 40, 60)),
            (points[42:48], (40, 40, 60)),
            (points[48:60], (170, 70, 80)),
            (points[60:68], (60, 20, 25)),
        ):
            cv2.fillPoly(image, [np.round(contour * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    return images


def write_person(path, seconds=22, *, fps=25, hide=(), seed=0):
    """Write a video with its landmarks, NaN in the frames ``hide``."""
    loud = loudness(round(seconds * fps), seed)
    points = landmarks_of(loud)
    known = points.copy()
    known[list(hide)] = np.nan
    write_clip(path, images_of(points), audio_of(loud, seed) if fps == 25 else _resampled(loud, fps), fps=fps)
    write_sidecar(path, known, fps)
    return path


def write_sidecar(path, points, fps=25):
    times = np.arange(len(points)) / fps
    np.savez(path.with_name(path.stem + LANDMARKS_ENDING), landmarks=points, time_s=times)


def _resampled(loud, fps):
    """Audio of frames that last 1/fps s."""
    per = np.arange(round(len(loud) / fps * 16000)) * fps // 16000
    noise = np.random.default_rng(0).normal(size=len(per))
    return (noise * (100 + 6000 * loud[per])).astype(np.int16)


class Loud:
    """Loudness of each 40 ms, in 8 numbers."""

    name, dim, clock, weights = "loud", 8, FeatureClock(25, 20, 20, 20), "1" * 64

    def encode(self, waveform):
        frames = waveform[:, : waveform.shape[1] // SAMPLES * SAMPLES].reshape(len(waveform), -1, SAMPLES)
        loud = frames.abs().mean(dim=2, keepdim=True)
        return loud ** torch.linspace(0.25, 2, self.dim)


class Deaf(Loud):
    """Numbers that have nothing to do with the audio."""

    name, weights = "deaf", "2" * 64

    def encode(self, waveform):
        return torch.from_numpy(
            np.random.default_rng(5)
            .normal(size=(1, waveform.shape[1] // SAMPLES, self.dim))
            .astype(np.float32)
        )


class Short(Loud):
    """Features that end a second before the audio does."""

    name, weights = "short", "3" * 64

    def encode(self, waveform):
        return super().encode(waveform)[:, :-25]


class Broken(Loud):
    """Fails on every waveform."""

    name, weights = "broken", "4" * 64

    def encode(self, waveform):
        raise RuntimeError("no such kernel")


def loud():
    return Loud()


def deaf():
    return Deaf()


def short():
    return Short()


def broken():
    return Broken()
