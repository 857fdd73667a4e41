"""Sentences said by espeak-ng, whose phones are known to the sample, as videos with a still image."""

import numpy as np
from scipy.signal import resample_poly

import zoo
from speechlip.recipes._synthetic.voice import speak

BASE = ("--detector", "sidecar", "--quiet", "--split", "train=1", "--max-clip", "4s")
"""How the tests here prepare videos."""
OTHER = "Open the window, and let the warm wind blow through."


def said(text, voice="en-us+m1", rate=150, pitch=40):
    """Its samples at 16 kHz, int16, and what espeak-ng said."""
    utterance = speak(text, voice, rate, pitch)
    samples = resample_poly(utterance.samples.astype(float), 320, 441)
    return np.clip(samples, -32768, 32767).astype(np.int16), utterance


def film(path, samples):
    frames = np.full((-(-len(samples) // 640), 16, 16, 3), 90, np.uint8)
    padded = np.zeros(len(frames) * 640, np.int16)
    padded[: len(samples)] = samples
    path.parent.mkdir(parents=True, exist_ok=True)
    return zoo.write_clip(path, frames, padded)
