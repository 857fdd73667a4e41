"""FID of a folder: every frame of the renders beside every frame of their real videos, in flat memory.

Frames are those at 25 a second, whole, as they are displayed. It is computed in this process after the clips
were scored, and kept until a file or the weights change; stopped half-way, it begins again.
"""

import hashlib
import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import OptionError, SourceRefused
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.files.writing import write_text
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.statistics.frechet import RunningNormal, frechet
from speechlip.progress import Progress
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.set_scores import SetScore
from speechlip.version import VERSION
from speechlip.wording import shown
from speechlip.workers.engines import here_of

LEAST_CLIPS = 10
"""With a real video: frames of one clip are nearly one frame."""
LEAST_FRAMES = 2049
"""Of either side: one more than the network has features, or the covariance has no full rank."""
AT_ONCE = 16
ENDING = "set"


def check_fid(options: ScoreOptions, tasks: Sequence[ScoreTask]) -> None:
    """Raise OptionError where FID is asked for and no clip has a real video, ModelError for other weights."""
    if options.fid_weights is None:
        return
    if not any(task.reference for task in tasks):
        raise OptionError("--fid-weights compares renders with real videos; give --reference")
    from speechlip.metrics.sets.inception import load_inception

    load_inception(options.fid_weights)


def fid_score(
    tasks: Sequence[ScoreTask], options: ScoreOptions, folder: Path, progress: Progress
) -> SetScore:
    """FID, or why it says nothing. folder: where it is kept. Raises ModelError for other weights."""
    weights = Path(options.fid_weights or "")
    score = partial(SetScore, "fid", network=f"{weights.name} {sha256_of(weights)}")
    pairs = [(task.render, task.reference) for task in tasks if task.reference]
    if len(pairs) < LEAST_CLIPS:
        why = f"too few clips: {len(pairs)} with a real video, {LEAST_CLIPS} are wanted"
        return score(clips=len(pairs), reason=why)
    place = folder / f"{_key(pairs, score().network)}.{ENDING}"
    if place.is_file():
        return SetScore(**json.loads(place.read_text(encoding="utf-8")))
    features = _opened(weights, here_of(options.device))
    sides = (dict.fromkeys(render for render, _ in pairs), dict.fromkeys(real for _, real in pairs))
    progress.begin("FID", sum(map(len, sides)), "videos")
    try:
        renders, reals = (_normal(features, [*side], progress) for side in sides)
    except SourceRefused as refusal:
        return score(clips=len(pairs), reason=f"a video cannot be read: {refusal}")
    score = partial(score, clips=len(pairs), frames=renders.n, frames_real=reals.n)
    if (fewest := min(renders.n, reals.n)) < LEAST_FRAMES:
        why = f"too few frames: {fewest}, {LEAST_FRAMES} are wanted, or FID measures how many there are"
        return score(reason=why)
    done = score(value=frechet(renders.mean, renders.covariance, reals.mean, reals.covariance))
    for stale in folder.glob(f"*.{ENDING}"):
        stale.unlink()
    write_text(place, json.dumps(asdict(done)))
    return done


def _opened(weights: Path, device: str) -> Any:
    """Images → features."""
    from speechlip.metrics.sets.inception import inception_features, load_inception

    return partial(inception_features, load_inception(weights).to(device))


def _normal(features: Any, videos: Sequence[Path], progress: Progress) -> RunningNormal:
    """Mean and covariance of the features of every frame. Raises SourceRefused, which names the video."""
    normal: RunningNormal | None = None
    for video in videos:
        try:
            images = _images(video)
            while some := [*islice(images, AT_ONCE)]:
                rows = features(some)
                normal = normal or RunningNormal(rows.shape[1])
                normal.see(rows)
        except SourceRefused as refusal:
            raise SourceRefused(refusal.stage, refusal.reason, shown(video.name)) from refusal
        progress.advance(1)
    return normal or RunningNormal(1)


def _images(video: Path) -> Generator[np.ndarray]:
    info = probe(video, need_audio=False)
    with closing(read_frames(video, info, audio=False)) as frames:
        for frame in frames:
            if (image := frame.rgb()) is not None:
                yield image


def _key(pairs: Sequence[tuple[Path, Path]], network: str) -> str:
    files = [[str(path), *file_stamp(path)] for pair in pairs for path in pair]
    text = json.dumps([files, network, VERSION]).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:32]
