"""Harms of the audio: (640 T,) int16 at 16 kHz in, as many samples out.

Functions: late, early, of_another, of_elsewhere, silent, noisy, louder.
"""

import numpy as np

from speechlip.judging.harms.material import Material, require_audio
from speechlip.metrics.declared import NotScored
from speechlip.timing import SAMPLES_PER_FRAME

FULL_SCALE = np.iinfo(np.int16)


def late(material: Material, frames: float) -> np.ndarray:
    """Audio that many frames late; what leaves at the end enters at the beginning.

    Raises NotScored where the clip is no longer than that.
    """
    audio = require_audio(material)
    if len(audio) <= abs(frames) * SAMPLES_PER_FRAME:
        raise NotScored("too short", f"the clip is no longer than {frames:g} frames")
    return np.roll(audio, round(frames * SAMPLES_PER_FRAME))


def early(material: Material, frames: float) -> np.ndarray:
    """Audio that many frames early. Raises NotScored as ``late``."""
    return late(material, -frames)


def of_another(material: Material, step: float) -> np.ndarray:
    """Another clip's audio. Raises NotScored where there is none."""
    require_audio(material)
    if not len(material.foreign):
        raise NotScored("no other speaker", "another speaker's clip with audio is needed; give more clips")
    return material.foreign


def of_elsewhere(material: Material, step: float) -> np.ndarray:
    """The end of the same recording. Raises NotScored where that is too short."""
    require_audio(material)
    if not len(material.elsewhere):
        raise NotScored("too short", "the recording goes on for less than a second; take fewer --seconds")
    return material.elsewhere


def silent(material: Material, step: float) -> np.ndarray:
    """Zeros."""
    return np.zeros_like(require_audio(material))


def noisy(material: Material, snr_db: float) -> np.ndarray:
    """White noise added, seeded; its power is ``snr_db`` below that of the clip.

    Raises NotScored for a clip of zeros.
    """
    audio = require_audio(material).astype(np.float64)
    power = np.mean(audio**2)
    if not power:
        raise NotScored("silent", "noise is measured beside the clip's own audio, which is silent")
    noise = np.random.default_rng(0).standard_normal(len(audio))
    return _as_int16(audio + noise * np.sqrt(power / 10 ** (snr_db / 10)))


def louder(material: Material, gain_db: float) -> np.ndarray:
    """Audio ``gain_db`` louder, clipped at full scale."""
    return _as_int16(require_audio(material) * 10 ** (gain_db / 20))


def _as_int16(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.round(samples), FULL_SCALE.min, FULL_SCALE.max).astype(np.int16)
