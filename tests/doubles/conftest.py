"""A talk of some seconds, other speech of the same person before the same images, and copies of both."""

import numpy as np
import pytest

RATE = 16000
SAID = (
    "Pack my box with five dozen jugs of warm apple juice. Three thin thieves thought it was Thursday.",
    "How vexingly quick daft zebras jump in the morning. Nobody knows how long the moon has been there.",
)


def speech(text):
    """int16 at 16 kHz of one synthetic voice."""
    from speechlip.recipes._synthetic.voice import speak

    said = speak(text, "en-us", 165, 45)
    return stretched(said.samples, said.sample_rate / RATE)


def stretched(samples, speed):
    """As if played so many times as fast, pitch and all."""
    places = np.arange(0, len(samples) - 1, speed)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.int16)


@pytest.fixture(scope="session")
def talks(talking):
    """Two recordings of one person, (frames (T, H, W, 3), audio (640 T,)) each: other speech, same images."""
    import zoo

    clip = sorted(talking.glob("speaker-000/*.mp4"))[0]
    frames, _ = zoo.read_clip(clip)
    made = []
    for text in SAID:
        audio = speech(text)
        n_frames = len(audio) // 640
        made.append((frames[np.arange(n_frames) % len(frames)], audio[: 640 * n_frames]))
    return made
