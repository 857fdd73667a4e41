"""An encoder's features of every clip, on the video's frames, on disk while its row is made.

``FOLDER/{split}.npy`` holds (frames, D) float32, clip after clip; ``FOLDER/index.json``, written last, where
each clip begins, and the mean and deviation of each dimension over the train split. Files are mapped, not
read, so that memory does not grow with the dataset. All layers of an encoder (``NAME@*``) are float16, so
that they take half the disk.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.encoders.features.protocol import ClipFeatures, per_frame
from speechlip.errors import ShardError
from speechlip.files.writing import mapped_array, write_text
from speechlip.shards.read.decode import ClipSample
from speechlip.shards.read.reader import ClipReader
from speechlip.timing import FPS

INDEX = "index.json"
CONSTANT = 1e-6
"""A dimension whose deviation is below this share of its size never changes: it is centred and not scaled."""
LARGEST_HALF = float(np.finfo(np.float16).max)
LENGTH_TOLERANCE_FRAMES = 2
"""How far the features' duration may be from the clip's: convolutional front ends lose a frame at the end."""


class FeatureCache:
    """Features of the clips of some splits, with mean 0 and deviation 1 over the train split.

    ``raw`` gives them as the encoder gave them. dim: numbers of a video frame, which has ``per_frame``
    features of ``stack`` layers each, one layer after another.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self.dim: int = index["dim"]
        self.stack: int = index["stack"]
        self.per_frame: int = index["per_frame"]
        self.places: dict[str, list[Any]] = index["clips"]
        self.arrays = {
            split: np.load(folder / f"{split}.npy", mmap_mode="r", allow_pickle=False)
            for split in index["splits"]
        }
        self.mean, self.deviation = (np.array(index[name], np.float32) for name in ("mean", "deviation"))

    def raw(self, key: str) -> np.ndarray:
        """(T, D) of a clip, mapped: rows are read when they are used. float16 for a stack of layers."""
        split, first, n_frames = self.places[key]
        return self.arrays[split][first : first + n_frames]

    def frames(self, key: str, start: int, length: int) -> np.ndarray:
        """(length, D) float32 from frame ``start`` of a clip, scaled."""
        split, first, _ = self.places[key]
        return (self.arrays[split][first + start : first + start + length] - self.mean) / self.deviation


def build_cache(
    folder: Path,
    features: ClipFeatures,
    shards: Path,
    splits: Sequence[str],
    after_clip: Callable[[int], None] = lambda frames: None,
) -> FeatureCache:
    """The cache in ``folder``, made where it is not there.

    The first split is the one whose mean and deviation count. after_clip: called with the number of its
    frames. Raises what the encoder raises, and ShardError for features that do not fit their clip.
    """
    if not (folder / INDEX).exists():
        folder.mkdir(parents=True, exist_ok=True)
        statistics, places, dim = RunningStatistics(), {}, 0
        stack = getattr(features, "stack", 1)
        dtype = np.float32 if stack == 1 else np.float16
        for split in splits:
            writer = SplitWriter(folder / f"{split}.npy", frames_of_split(shards, split), dtype)
            for clip in ClipReader(
                shards, split, fields=features.fields, shuffle_clips=0, rank=0, world_size=1
            ):
                values = frames_of(features, clip)
                places[clip.key] = [split, writer.write(clip.key, values), len(values)]
                if split == splits[0]:
                    statistics.add(values)
                dim = values.shape[1]
                after_clip(len(values))
            writer.close()
        mean, deviation = statistics.scale()
        index = {
            "dim": dim,
            "stack": stack,
            "per_frame": max(1, dim // features.dim),
            "splits": list(splits),
            "clips": places,
            "mean": mean.tolist(),
            "deviation": deviation.tolist(),
        }
        write_text(folder / INDEX, json.dumps(index))
    return FeatureCache(folder)


def frames_of(features: ClipFeatures, clip: ClipSample) -> np.ndarray:
    """Features of a clip on its video frames: (T, D) float32, finite.

    Raises ShardError that says what came and what was wanted.
    """
    values = np.asarray(features.of_clip(clip))
    n_frames, rate = clip.meta.n_frames, features.clock.rate_hz
    if values.ndim != 2 or values.shape[1] != features.dim:
        raise ShardError(
            f"clip {clip.key}: {features.name} gave features of shape {values.shape}; (T, {features.dim}) "
            "were wanted"
        )
    if abs(len(values) / rate - n_frames / FPS) * FPS > LENGTH_TOLERANCE_FRAMES:
        raise ShardError(
            f"clip {clip.key}: {len(values)} features at {rate:g} Hz are {len(values) / rate:.2f} s, the "
            f"clip has {n_frames / FPS:.2f} s; "
            "state the rate that they have, or compute them from the clip's sound"
        )
    if not np.isfinite(values).all():
        first = int(np.argmin(np.isfinite(values).all(axis=1)))
        raise ShardError(
            f"clip {clip.key}: feature {first} of {features.name} is not finite; mend the encoder or its "
            "files"
        )
    return per_frame(values.astype(np.float32), features.clock, n_frames)


def frames_of_split(shards: Path, split: str) -> int:
    from speechlip.shards.read.shardset import read_manifest

    return read_manifest(shards).splits[split].frames


class SplitWriter:
    """One ``.npy`` of a known number of frames, filled clip by clip."""

    def __init__(self, path: Path, n_frames: int, dtype: type[np.floating] = np.float32) -> None:
        self.path, self.n_frames, self.dtype, self.filled = path, n_frames, dtype, 0
        self.array: np.ndarray | None = None

    def write(self, key: str, values: np.ndarray) -> int:
        """Append a clip; returns at which frame it begins."""
        if self.array is None:
            self.array = mapped_array(self.path, (self.n_frames, values.shape[1]), self.dtype)
        if self.filled + len(values) > self.n_frames or values.shape[1] != self.array.shape[1]:
            raise ShardError(
                f"clip {key} has features of shape {values.shape}, {self.array.shape} of all clips were "
                "wanted; run verify-shards"
            )
        if self.dtype is np.float16 and (most := float(np.abs(values).max(initial=0))) > LARGEST_HALF:
            raise ShardError(
                f"clip {key}: a layer has values up to {most:.3g}, and a mix of layers keeps them in 16 bits "
                f"(up to {LARGEST_HALF:g}); score single layers, such as NAME@9"
            )
        first, self.filled = self.filled, self.filled + len(values)
        self.array[first : self.filled] = values
        return first

    def close(self) -> None:
        if self.array is None or self.filled != self.n_frames:
            raise ShardError(
                f"{self.filled} frames were read for {self.path.stem}, manifest.json says {self.n_frames}; "
                "run verify-shards"
            )
        self.array.flush()  # type: ignore[attr-defined]


class RunningStatistics:
    """Mean and deviation of rows that come in parts, merged as Chan, Golub and LeVeque 1979 do."""

    def __init__(self) -> None:
        self.n = 0
        self.mean: Any = 0.0
        self.squares: Any = 0.0

    def add(self, rows: np.ndarray) -> None:
        rows = rows.astype(np.float64)
        mean, apart, n = rows.mean(0), rows.mean(0) - self.mean, self.n + len(rows)
        self.squares = (
            self.squares + np.square(rows - mean).sum(0) + np.square(apart) * self.n * len(rows) / n
        )
        self.mean, self.n = self.mean + apart * len(rows) / n, n

    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """(mean, deviation), the deviation 1 for dimensions that never change.

        >>> statistics = RunningStatistics()
        >>> statistics.add(np.array([[1.0, 5.0]])), statistics.add(np.array([[3.0, 5.0], [5.0, 5.0]]))
        (None, None)
        >>> [part.round(3).tolist() for part in statistics.scale()]
        [[3.0, 5.0], [1.633, 1.0]]
        """
        deviation = np.sqrt(self.squares / self.n)
        return self.mean, np.where(deviation > CONSTANT * np.abs(self.mean), deviation, 1.0)
