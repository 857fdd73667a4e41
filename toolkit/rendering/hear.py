"""One encoder: opened, its features, the crops they say. Whatever fails is a reason, and others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechlip.errors import ModelError, OptionError, ShardError, SourceRefused, WriteError
from speechlip.exporting.job import label_of
from speechlip.exporting.opening import open_exporter
from speechlip.metrics.declared import NotScored
from speechlip.progress import Progress
from speechlip.rendering.features import Encoded, FeatureSource, Recording, frame_features
from speechlip.rendering.material import Material
from speechlip.rendering.renderers.declared import Heard, Renderer
from speechlip.rendering.stored import stored_source
from speechlip.workers.unexpected import unexpected_refused


def open_named(encoder: str, device: str) -> FeatureSource:
    """Raises NotScored with the reason of an encoder that cannot be opened."""
    with reasons("encoder"):
        stored = stored_source(encoder)
        return stored or Encoded(open_exporter(encoder, label_of(encoder), device, random_init=False))


def hear(
    source: FeatureSource,
    renderer: Renderer,
    material: Material,
    kept: Path,
    progress: Progress,
    other: Recording | None = None,
) -> Heard:
    """Learn a person's crops from features. Raises NotScored with the reason where it fails, WriteError.

    kept: a folder for what a run that is stopped goes on from.
    other: what drives the lips instead of the person's own test part.
    """
    with reasons("features"):
        own = material.person.recording
        recordings = [own, other] if other else [own]
        features = frame_features(source, recordings, material.first)
        return renderer.hear(features, material, len(own) if other else material.first, kept, progress)


@contextmanager
def reasons(stage: str) -> Iterator[None]:
    """Around the work on one row: whatever fails is raised as NotScored with its reason, but WriteError."""
    try:
        with unexpected_refused(stage, ModelError, OptionError, ShardError, WriteError):
            yield
    except (SourceRefused, ModelError, OptionError, ShardError) as error:
        raise NotScored(str(error)) from error
