"""Features of a person's video that lie in files: of ``export-features``, or of another program.

``features:DIR`` holds the folders that ``export-features`` wrote (``aud_NAME.json`` says of which video they
are), or ``features.json`` and one ``VIDEO.npy``, as for ``score-encoder``; ``deepspeech:DIR`` holds
``VIDEO.npy``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.encoders.features.stored import DESCRIPTION, StoredFeatures, open_deepspeech, open_stored
from speechlip.errors import OptionError, ShardError, SourceRefused
from speechlip.exporting.video import frame_parts
from speechlip.files.stamps import file_stamp
from speechlip.files.strict_json import strict_json
from speechlip.rendering.features import FeatureSource, Recording
from speechlip.shards.read.decode import ClipSample
from speechlip.shards.sample_meta import SampleMeta
from speechlip.timing import FPS
from speechlip.urls import path_here
from speechlip.wording import listed

KINDS = ("features", "deepspeech")
EXPORTED = "aud_*.json"


def stored_source(name: str) -> FeatureSource | None:
    """The features that ``features:DIR`` or ``deepspeech:DIR`` names; None for any other name.

    Raises OptionError for a folder without features.
    """
    kind, _, where = name.partition(":")
    if kind not in KINDS or not where:
        return None
    folder = path_here(where, f"{kind}:")
    if kind == "deepspeech":
        return ByName(folder, open_deepspeech(folder))
    if (folder / DESCRIPTION).is_file():
        return ByName(folder, open_stored(folder))
    facts = tuple(sorted(folder.rglob(EXPORTED)))
    if not facts:
        raise OptionError(
            f"{folder} holds neither {EXPORTED} of export-features nor {DESCRIPTION}; "
            "run export-features ENCODER VIDEO first"
        )
    return Exported(folder, facts)


@dataclass(frozen=True)
class Exported:
    """Folders that ``export-features`` wrote.

    facts: the JSON of each.
    """

    folder: Path
    facts: tuple[Path, ...]

    def described(self, videos: Collection[str]) -> dict[str, Any]:
        """Name, size and time of the exported files of these videos."""
        return {"exported": _stamps([path for path in self.facts if _source(path) in videos])}

    def steps(self, recording: Recording) -> np.ndarray:
        """The recording's frames of what was exported for the whole video."""
        path = self._of(recording.path.name)
        steps = _opened(path.with_suffix(".npy"))
        last = recording.start + len(recording)
        if len(steps) != recording.whole or len(steps) < last:
            less = "end early, or are" if len(steps) < recording.whole else "are"
            raise OptionError(
                f"{path.with_suffix('.npy').name} has {len(steps)} frames ({len(steps) / FPS:.2f} s), "
                f"{recording.path.name} has {recording.whole} ({recording.whole / FPS:.2f} s): the features "
                f"{less} of another video of that name; export them again"
            )
        return _finite(np.array(steps[recording.start : last], np.float32), path)

    def _of(self, video: str) -> Path:
        """The JSON of the features of this video. Raises OptionError for none, and for several."""
        sources = {path: _source(path) for path in self.facts}
        own = [path for path, source in sources.items() if source == video]
        if len(own) == 1:
            return own[0]
        others = f"{listed(sorted({*sources.values()}))}, and those of {video} are wanted"
        what = f"{video} twice" if own else others
        raise OptionError(
            f"{self.folder} holds features of {what}; give the folder that export-features wrote for it"
        )


@dataclass(frozen=True)
class ByName:
    """One ``.npy`` a video, called as the video is, at a clock that is declared."""

    folder: Path
    stored: StoredFeatures

    def described(self, videos: Collection[str]) -> dict[str, Any]:
        """Name, size and time of the .npy of these videos, and their clock."""
        names = {*videos, *(Path(video).stem for video in videos)}
        files = [path for path in sorted(self.folder.rglob("*.npy")) if path.stem in names]
        return {"stored": _stamps(files), "clock": str(self.stored.clock)}

    def steps(self, recording: Recording) -> np.ndarray:
        """The recording's part of its video's .npy, cut into frames by the clock."""
        name, frames = recording.path.name, len(recording)
        meta = SampleMeta(
            n_frames=frames, speaker="", source_sha256="", start_s=recording.start / FPS, source=name
        )
        features = self.stored.of_clip(ClipSample(name, meta))
        return np.concatenate([*frame_parts(features, self.stored.clock, frames)])


def _source(path: Path) -> str:
    """Name of the video whose features a JSON of ``export-features`` describes. Raises OptionError."""
    try:
        return Path(strict_json(path.read_text(encoding="utf-8"))["source"]).name
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{path} is no JSON of export-features ({error}); export again") from error


def _opened(path: Path) -> np.ndarray:
    """(T, W, D), mapped. Raises ShardError where it is no such array."""
    try:
        steps = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ShardError(f"{path} cannot be read as .npy ({error}); export the features again") from error
    if steps.ndim != 3 or steps.dtype.kind not in "fiu" or not steps.size:
        raise ShardError(f"{path} has shape {steps.shape} and type {steps.dtype}, wanted numbers (T, W, D)")
    return np.asarray(steps)


def _finite(steps: np.ndarray, path: Path) -> np.ndarray:
    if not np.isfinite(steps).all():
        raise SourceRefused("features", "not finite", f"{path.stem}.npy holds NaN or infinite numbers")
    return steps


def _stamps(paths: Sequence[Path]) -> list[list[Any]]:
    """Name, size and time of each file, and of the .npy beside it."""
    files = [file for path in paths for file in dict.fromkeys((path, path.with_suffix(".npy")))]
    return [[str(file), *file_stamp(file)] for file in files]
