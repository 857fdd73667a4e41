"""One encoder: opened, its features, the codes they say. Whatever fails is a reason, and others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from speechlip.errors import ModelError, OptionError, ShardError, SourceRefused
from speechlip.exporting.export import open_exporter
from speechlip.exporting.job import label_of
from speechlip.exporting.records import Exporter
from speechlip.metrics.declared import NotScored
from speechlip.rendering.features import frame_features
from speechlip.rendering.material import Material
from speechlip.rendering.rows import heard_codes
from speechlip.workers.unexpected import unexpected_refused


@dataclass(frozen=True)
class Heard:
    """Codes of the test frames.

    right, shuffled: (T, 48) float32, by right audio and by audio of other times.
    strength: λ of the ridge.
    """

    right: np.ndarray
    shuffled: np.ndarray
    strength: float


def open_named(encoder: str, device: str) -> Exporter:
    """Raises NotScored with the reason of an encoder that cannot be opened or reads no audio."""
    with _reasons("encoder"):
        return open_exporter(encoder, label_of(encoder), device, random_init=False)


def hear(exporter: Exporter, material: Material) -> Heard:
    """Learn a person's crops from an encoder's features. Raises NotScored with the reason where it fails."""
    with _reasons("features"):
        features = frame_features(exporter, material.person.audio, material.first)
        codes = material.codes
        return Heard(*heard_codes(features, codes, material.train, material.first))


@contextmanager
def _reasons(stage: str) -> Iterator[None]:
    try:
        with unexpected_refused(stage, ModelError, OptionError, ShardError):
            yield
    except (SourceRefused, ModelError, OptionError, ShardError) as error:
        raise NotScored(str(error)) from error
