"""Two short videos of a synthetic head, made the same way on every machine: one to score, one beside it.

No file, no model and no voice is needed: the mouth follows phones that are written here, and the audio is a
hum as loud as the mouth is open. Random numbers come from numpy's ``RandomState``, whose streams are frozen;
the person's from ``default_rng``.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np

from speechlip.exporting.clip_files import FORMATS, VideoFile
from speechlip.recipes._synthetic.features import Gaze
from speechlip.recipes._synthetic.film import write_landmarks
from speechlip.recipes._synthetic.frame import Pose, render_frame
from speechlip.recipes._synthetic.identity import identity
from speechlip.recipes._synthetic.portrait import Portrait, portrait
from speechlip.recipes._synthetic.visemes import mouth_track
from speechlip.records import LANDMARKS_ENDING, Phone
from speechlip.timing import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

FRAMES, SIZE_PX = 50, 256
PHONES = ["SIL", "M", "AA", "M", "AA", "B", "IY", "F", "OW", "P", "AE", "W", "UW", "M", "AY", "B", "SIL"]
SEED, PERSON = 3, 1
DAMPED = 0.7
"""How far the render's mouth opens, of the real one's opening."""
HUM_HZ, HARMONICS, NOISE = 140, 20, 200
"""Of the audio; the noise, in int16 steps, keeps MFCC off the logarithm of silence."""

X264 = {name: value for name, value in FORMATS["mp4"].options.items() if name != "crf"}
LOSSLESS = replace(FORMATS["mp4"], options=X264 | {"qp": "0"})
"""What is decoded is what was made, whatever x264 there is."""


@dataclass(frozen=True)
class Footage:
    """The files of one video; landmarks lie beside it.

    render: mouth damped, paler.
    reference: as it was.
    """

    render: Path
    reference: Path


def write_footage(folder: Path) -> Footage:
    """Write both videos, 256×256 px and 2 s, with their landmarks below ``folder``."""
    person = portrait(identity(SEED, PERSON), [SEED, PERSON], SIZE_PX)
    mouths = real_mouths()
    damped = mouths * np.where(np.arange(mouths.shape[1]) == 0, DAMPED, 1)
    audio = hum(mouths[:, 0])
    images, landmarks = rendered(person, mouths)
    reference = write_one(folder / "reference.mp4", images, landmarks, audio)
    images, landmarks = rendered(person, damped)
    return Footage(write_one(folder / "render.mp4", paler(images), landmarks, audio), reference)


def real_mouths() -> np.ndarray:
    """Poses of a mouth that says ``PHONES``, (FRAMES, 6)."""
    ends = np.linspace(0, FRAMES / FPS, len(PHONES) + 1).tolist()
    phones = [Phone(start, end, phone) for start, end, phone in zip(ends, ends[1:], PHONES, strict=False)]
    return mouth_track(tuple(phones), (np.arange(FRAMES) + 0.5) / FPS)


def rendered(person: Portrait, mouths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images (T, S, S, 3) uint8 RGB and landmarks (T, 68, 2) px of a head that sways while it speaks."""
    sway = np.sin(np.arange(len(mouths)) / 7)
    poses = [Pose(x=2 * float(each), yaw=2 * float(each), roll=0.02 * float(each)) for each in sway]
    frames = [render_frame(person, pose, mouth, Gaze()) for pose, mouth in zip(poses, mouths, strict=True)]
    return np.stack([image for image, _ in frames]), np.stack([points for _, points in frames])


def paler(images: np.ndarray) -> np.ndarray:
    """The same with a sixteenth less contrast, uint8."""
    return (images.astype(np.uint16) * 15 // 16 + 8).astype(np.uint8)


def hum(opening: np.ndarray) -> np.ndarray:
    """A hum as loud as the mouth is open, over a little noise: (T,) → (640 T,) int16 at 16 kHz."""
    samples = np.arange(len(opening) * SAMPLES_PER_FRAME)
    loud = np.interp(samples / SAMPLES_PER_FRAME - 0.5, np.arange(len(opening)), opening.clip(0))
    tones = np.arange(1, HARMONICS + 1)[:, None]
    waves = (np.sin(2 * np.pi * HUM_HZ * tones * samples / SAMPLE_RATE) / tones).sum(axis=0)
    noise = np.random.RandomState(SEED).standard_normal(len(samples))
    return np.round(4000 * loud * waves + NOISE * noise).astype(np.int16)


def write_one(path: Path, images: np.ndarray, landmarks: np.ndarray, audio: np.ndarray) -> Path:
    """Write a video and its landmarks; returns the video's path."""
    with av.open(str(path), "w", format="mp4", container_options={"fflags": "+bitexact"}) as out:
        video = VideoFile(out, LOSSLESS, SIZE_PX, SIZE_PX)
        for image, samples in zip(images, audio.reshape(len(images), -1), strict=True):
            video.add(image, samples)
        video.finish()
    write_landmarks(path.with_name(path.stem + LANDMARKS_ENDING), landmarks, FPS)
    return path
