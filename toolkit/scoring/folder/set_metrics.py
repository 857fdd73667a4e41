"""Metrics of a whole folder, FID and FVD: all renders beside all their real videos, in flat memory.

Frames are those at 25 a second, whole, as they are displayed. Each metric is computed in this process after
the clips were scored, and kept until a file or the weights change; stopped half-way, it begins again.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import OptionError, SourceRefused
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.files.strict_json import record_of, strict_json
from speechlip.files.writing import write_text
from speechlip.media.frames import Frame, read_frames
from speechlip.media.probe import probe
from speechlip.metrics.statistics.frechet import RunningNormal, frechet
from speechlip.progress import Progress
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.set_scores import SetScore, title_of
from speechlip.version import VERSION
from speechlip.wording import shown
from speechlip.workers.engines import here_of

LEAST_CLIPS = 10
"""With a real video: frames of one clip are nearly one frame."""
Features = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Images → a row for each of their windows."""


@dataclass(frozen=True)
class SetMetric:
    """A Fréchet distance of the features of all renders and all real videos.

    name: of ``SetScore.metric``.
    option: of ScoreOptions: where the weights lie.
    window: frames that give one row of features.
    least: windows of either side: one more than there are features, or the covariance has no full rank.
    at_once: windows that the network is shown together.
    opened: weights and device → what computes features. Raises ModelError for other weights.
    """

    name: str
    option: str
    window: int
    least: int
    at_once: int
    opened: Callable[[Path, str], Features]

    def weights(self, options: ScoreOptions) -> Path | None:
        """The file of weights; None where the metric is not asked for."""
        given = getattr(options, self.option)
        return None if given is None else Path(given)

    @property
    def windows(self) -> str:
        """What rows are of, in words."""
        return "frames" if self.window == 1 else f"windows of {self.window} frames"


def _inception(weights: Path, device: str) -> Features:
    from speechlip.metrics.sets.inception import inception_features, load_inception

    return partial(inception_features, load_inception(weights).to(device))


def _i3d(weights: Path, device: str) -> Features:
    from speechlip.metrics.sets.i3d import i3d_features, load_i3d

    return partial(i3d_features, load_i3d(weights).to(device))


FID = SetMetric("fid", "fid_weights", window=1, least=2049, at_once=16, opened=_inception)
FVD = SetMetric("fvd_videogpt", "fvd_weights", window=16, least=401, at_once=1, opened=_i3d)
SET_METRICS = (FID, FVD)


def check_sets(options: ScoreOptions, tasks: Sequence[ScoreTask]) -> None:
    """Raise OptionError where such a metric is asked for and no clip has a real video, ModelError for other
    weights.
    """
    for metric in SET_METRICS:
        if weights := metric.weights(options):
            if not any(task.reference for task in tasks):
                option = "--" + metric.option.replace("_", "-")
                raise OptionError(f"{option} compares renders with real videos; give --reference")
            metric.opened(weights, "cpu")


def set_scores(
    tasks: Sequence[ScoreTask], options: ScoreOptions, folder: Path, progress: Progress
) -> tuple[SetScore, ...]:
    """Requested metrics of the whole folder. folder: where they are kept. Raises ModelError for other
    weights.
    """
    pairs = [(task.render, task.reference) for task in tasks if task.reference]
    return tuple(
        _score(metric, weights, pairs, options, folder, progress)
        for metric in SET_METRICS
        if (weights := metric.weights(options))
    )


def _score(
    metric: SetMetric,
    weights: Path,
    pairs: Sequence[tuple[Path, Path]],
    options: ScoreOptions,
    folder: Path,
    progress: Progress,
) -> SetScore:
    """The metric, or why it says nothing."""
    network = f"{weights.name} {sha256_of(weights)}"
    score = partial(SetScore, metric.name, clips=len(pairs), network=network, window=metric.window)
    if len(pairs) < LEAST_CLIPS:
        return score(reason=f"too few clips: {len(pairs)} with a real video, {LEAST_CLIPS} are wanted")
    ending = f"{metric.name}.set"
    place = folder / f"{_key(pairs, network)}.{ending}"
    if known := _kept(place):
        return known
    sides = [
        Videos([*dict.fromkeys(side)], options.max_picture_px, metric.window)
        for side in zip(*pairs, strict=True)
    ]
    title = title_of(metric.name)
    try:
        of_renders, of_reals = (side.count(metric.least) for side in sides)
        if (fewest := min(of_renders, of_reals)) < metric.least:
            why = f"too few {metric.windows}: {fewest}, {metric.least} are wanted"
            frames, frames_real = of_renders * metric.window, of_reals * metric.window
            why += f", or {title} measures how many there are"
            return score(frames=frames, frames_real=frames_real, reason=why)
        features = metric.opened(weights, here_of(options.device))
        progress.begin(title, sum(len(side.paths) for side in sides), "videos")
        renders, reals = (_normal(features, side, metric.at_once, progress) for side in sides)
    except SourceRefused as refusal:
        return score(reason=f"a video cannot be read: {refusal}")
    value = frechet(renders.mean, renders.covariance, reals.mean, reals.covariance)
    done = score(value=value, frames=renders.n * metric.window, frames_real=reals.n * metric.window)
    for stale in folder.glob(f"*.{ending}"):
        stale.unlink()
    write_text(place, json.dumps(asdict(done)))
    return done


def _kept(place: Path) -> SetScore | None:
    try:
        return record_of(SetScore, strict_json(place.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Videos:
    """One side of the comparison.

    paths: each video once.
    max_picture_px: one whose frames have more pixels is refused.
    window: frames of a window; the first begins with a video, the next where one ends.
    """

    paths: Sequence[Path]
    max_picture_px: int
    window: int = 1

    def frames(self, path: Path) -> Generator[Frame]:
        """Frames of one video that have an image. Raises SourceRefused, which names the video."""
        try:
            info = probe(path, need_audio=False, max_picture_px=self.max_picture_px)
            with closing(read_frames(path, info, audio=False)) as frames:
                yield from (frame for frame in frames if frame.image is not None)
        except SourceRefused as refusal:
            raise SourceRefused(refusal.stage, refusal.reason, shown(path.name)) from refusal

    def windows(self, path: Path) -> Generator[list[Frame]]:
        """Windows of one video, without those that a hole or the end cuts off. Raises SourceRefused."""
        held: list[Frame] = []
        for frame in self.frames(path):
            if held and held[0].index // self.window != frame.index // self.window:
                held = []
            held.append(frame)
            if len(held) == self.window:
                yield held
                held = []

    def count(self, most: int) -> int:
        """How many windows there are, up to ``most``, without looking at them. Raises SourceRefused."""
        return sum(1 for _ in islice(chain.from_iterable(map(self.windows, self.paths)), most))


def _normal(features: Features, videos: Videos, at_once: int, progress: Progress) -> RunningNormal:
    """Mean and covariance of the features of every window. Raises SourceRefused, which names the video."""
    normal: RunningNormal | None = None
    for path in videos.paths:
        windows = videos.windows(path)
        while some := [*chain.from_iterable(islice(windows, at_once))]:
            rows = features([image for frame in some if (image := frame.rgb()) is not None])
            normal = normal or RunningNormal(rows.shape[1])
            normal.see(rows)
        progress.advance(1)
    return normal or RunningNormal(1)


def _key(pairs: Sequence[tuple[Path, Path]], network: str) -> str:
    files: list[Any] = [[str(path), *file_stamp(path)] for pair in pairs for path in pair]
    text = json.dumps([files, network, VERSION]).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:32]
