"""Copies of (frames, audio): (frames, audio, further arguments of ``zoo.write_clip``)."""

import numpy as np


def reencoded(frames, audio):
    """At half the size, quieter."""
    return frames[:, ::2, ::2], (audio * 0.4).astype(np.int16), {}


def mirrored(frames, audio):
    return frames[:, :, ::-1], audio, {}


def cut(frames, audio):
    """From 1.2 s on, without the last half second."""
    return frames[30:-12], audio[30 * 640 : -12 * 640], {}


def faster(frames, audio):
    return retimed(frames, audio, 1.05)


def slower(frames, audio):
    return retimed(frames, audio, 1 / 1.05)


def retimed(frames, audio, speed):
    """So many times as fast; the voice rises with it."""
    places = np.arange(0, len(audio) - 1, speed)
    heard = np.interp(places, np.arange(len(audio)), audio).astype(np.int16)
    shown = frames[np.arange(0, len(frames) - 1, speed).astype(int)]
    return shown, heard[: len(shown) * 640], {}
