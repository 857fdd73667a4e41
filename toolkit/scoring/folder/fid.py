"""FID of a folder: every frame of the renders beside every frame of their real videos, in flat memory.

Frames are those at 25 a second, whole, as they are displayed. It is computed in this process after the clips
were scored, and kept until a file or the weights change; stopped half-way, it begins again.
"""

import hashlib
import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

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
    if known := _kept(place):
        return known
    score = partial(score, clips=len(pairs))
    sides = [Videos([*dict.fromkeys(side)], options.max_picture_px) for side in zip(*pairs, strict=True)]
    try:
        of_renders, of_reals = (side.count(LEAST_FRAMES) for side in sides)
        if (fewest := min(of_renders, of_reals)) < LEAST_FRAMES:
            why = f"too few frames: {fewest}, {LEAST_FRAMES} are wanted, or FID measures how many there are"
            return score(frames=of_renders, frames_real=of_reals, reason=why)
        features = _opened(weights, here_of(options.device))
        progress.begin("FID", sum(len(side.paths) for side in sides), "videos")
        renders, reals = (_normal(features, side, progress) for side in sides)
    except SourceRefused as refusal:
        return score(reason=f"a video cannot be read: {refusal}")
    value = frechet(renders.mean, renders.covariance, reals.mean, reals.covariance)
    done = score(value=value, frames=renders.n, frames_real=reals.n)
    for stale in folder.glob(f"*.{ENDING}"):
        stale.unlink()
    write_text(place, json.dumps(asdict(done)))
    return done


def _opened(weights: Path, device: str) -> Any:
    """Images → features."""
    from speechlip.metrics.sets.inception import inception_features, load_inception

    return partial(inception_features, load_inception(weights).to(device))


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
    """

    paths: Sequence[Path]
    max_picture_px: int

    def frames(self, path: Path) -> Generator[Frame]:
        """Frames of one video that have an image. Raises SourceRefused, which names the video."""
        try:
            info = probe(path, need_audio=False, max_picture_px=self.max_picture_px)
            with closing(read_frames(path, info, audio=False)) as frames:
                yield from (frame for frame in frames if frame.image is not None)
        except SourceRefused as refusal:
            raise SourceRefused(refusal.stage, refusal.reason, shown(path.name)) from refusal

    def count(self, most: int) -> int:
        """How many frames there are, up to ``most``, without looking at them. Raises SourceRefused."""
        return sum(1 for _ in islice((frame for path in self.paths for frame in self.frames(path)), most))


def _normal(features: Any, videos: Videos, progress: Progress) -> RunningNormal:
    """Mean and covariance of the features of every frame. Raises SourceRefused, which names the video."""
    normal: RunningNormal | None = None
    for path in videos.paths:
        images = (frame.rgb() for frame in videos.frames(path))
        while some := [*islice(images, AT_ONCE)]:
            rows = features(some)
            normal = normal or RunningNormal(rows.shape[1])
            normal.see(rows)
        progress.advance(1)
    return normal or RunningNormal(1)


def _key(pairs: Sequence[tuple[Path, Path]], network: str) -> str:
    files = [[str(path), *file_stamp(path)] for pair in pairs for path in pair]
    text = json.dumps([files, network, VERSION]).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:32]
