"""Encoders for tests, opened as ``tiny_encoders:NAME``: one that sees the lips and so must win, and some that
are broken each in its own way.
"""

import numpy as np

from speechlip.encoders.features.protocol import FeatureClock

PER_FRAME = FeatureClock(rate_hz=25, centre_ms=20, past_ms=0, future_ms=0)


class Features:
    def __init__(self, name, make, dim=48, clock=PER_FRAME, fields=("lips",)):
        self.name, self.make, self.dim, self.clock, self.fields, self.parameters = (
            name,
            make,
            dim,
            clock,
            fields,
            7,
        )

    def of_clip(self, clip):
        return self.make(clip)


def patches(clip):
    return clip.lips[:, 12::24, 12::24].reshape(len(clip.lips), -1).astype(np.float32) * 3 + 100


def seeing():
    return Features("seeing", patches)


def constant():
    return Features("constant", lambda clip: np.ones((clip.meta.n_frames, 48), np.float32))


def short():
    return Features("short", lambda clip: patches(clip)[:-10])


def twice_the_rate():
    return Features("twice", lambda clip: patches(clip).repeat(2, axis=0))


def not_a_number():
    def make(clip):
        values = patches(clip)
        values[3, 0] = np.nan
        return values

    return Features("nan", make)


def other_width():
    return Features("wide", patches, dim=47)


def failing():
    def make(clip):
        raise RuntimeError("no such luck")

    return Features("failing", make)


def out_of_memory():
    def make(clip):
        raise MemoryError

    return Features("hungry", make)


def hearing():
    """As ``seeing``, but spoilt by whatever makes a clip's audio louder than it was written."""

    def make(clip):
        too_loud = max(0.0, float(np.sqrt(np.square(clip.audio.astype(float)).mean())) - 3200)
        spoilt = np.random.default_rng(0).normal(size=(clip.meta.n_frames, 48)) * 3 * too_loud
        return patches(clip) + spoilt.astype(np.float32)

    return Features("hearing", make, fields=("lips", "audio"))
