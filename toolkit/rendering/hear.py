"""One encoder: opened, its features, the crops they say. Whatever fails is a reason, and others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechlip.errors import ModelError, OptionError, ShardError, SourceRefused
from speechlip.exporting.export import open_exporter
from speechlip.exporting.job import label_of
from speechlip.exporting.records import Exporter
from speechlip.metrics.declared import NotScored
from speechlip.progress import Progress
from speechlip.rendering.features import frame_features
from speechlip.rendering.material import Material
from speechlip.rendering.renderers.declared import Heard, Renderer
from speechlip.workers.unexpected import unexpected_refused


def open_named(encoder: str, device: str) -> Exporter:
    """Raises NotScored with the reason of an encoder that cannot be opened or reads no audio."""
    with _reasons("encoder"):
        return open_exporter(encoder, label_of(encoder), device, random_init=False)


def hear(exporter: Exporter, renderer: Renderer, material: Material, kept: Path, progress: Progress) -> Heard:
    """Learn a person's crops from an encoder's features. Raises NotScored with the reason where it fails.

    kept: a folder for what a run that is stopped goes on from.
    """
    with _reasons("features"):
        features = frame_features(exporter, material.person.audio, material.first)
        return renderer.hear(features, material, kept, progress)


@contextmanager
def _reasons(stage: str) -> Iterator[None]:
    try:
        with unexpected_refused(stage, ModelError, OptionError, ShardError):
            yield
    except (SourceRefused, ModelError, OptionError, ShardError) as error:
        raise NotScored(str(error)) from error
