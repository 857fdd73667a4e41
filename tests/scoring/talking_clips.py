"""Clips for the scoring tests, made from the synthetic corpus: longer, shifted, blurred, at another rate or
size, as face crops.
"""

from functools import cached_property

import numpy as np

from speechlip.scoring.sync.crops224 import cut224, square
from zoo import RATE, read_clip, write_clip

FRAME = RATE // 25


class Talking:
    """A synthetic head that talks for ``frames`` frames, with landmarks: one clip of the corpus, repeated as
    often as needed.
    """

    def __init__(self, clip, frames=150):
        pictures, audio = read_clip(clip)
        with np.load(clip.with_name(clip.stem + ".landmarks.npz")) as sidecar:
            landmarks = sidecar["landmarks"]
        once = min(len(pictures), len(landmarks), len(audio) // FRAME)
        order = np.arange(frames) % once
        self.frames, self.landmarks = pictures[order], landmarks[order]
        self.audio = audio[: once * FRAME].reshape(once, FRAME)[order].ravel()

    def write(self, path, frames=None, audio=None, landmarks=None, fps=25, **options):
        """Write video and sidecar; what is not given is the clip's own. ``audio=False``: no audio."""
        frames = self.frames if frames is None else frames
        landmarks = self.landmarks if landmarks is None else landmarks
        path.parent.mkdir(parents=True, exist_ok=True)
        write_clip(
            path,
            frames,
            None if audio is False else self.audio if audio is None else audio,
            fps=fps,
            **options,
        )
        times = (np.arange(len(landmarks)) / fps).astype(np.float64)
        np.savez(
            path.with_name(path.stem + ".landmarks.npz"), landmarks=landmarks.astype(np.float32), time_s=times
        )
        return path

    def early(self, frames):
        """The audio moved: > 0, so many frames earlier than the frames; noise fills what is missing."""
        noise = np.random.default_rng(0).integers(-20, 20, abs(frames) * FRAME).astype(np.int16)
        if frames >= 0:
            return np.concatenate([self.audio[frames * FRAME :], noise])
        return np.concatenate([noise, self.audio[: frames * FRAME]])

    @cached_property
    def crops(self):
        """(N, 224, 224, 3) uint8 RGB, as protocol precropped wants them."""
        from speechlip.faces.detectors.sidecar import face_box

        squares = square(np.stack([face_box(points) for points in self.landmarks]))
        return np.stack(
            [cut224(picture, *place)[..., ::-1] for picture, place in zip(self.frames, squares, strict=True)]
        )
