"""Where the time of score-sync goes: CPU ms per frame by stage, each stage without those inside it.

    python benchmarks/score_stages.py CLIP [CLIP …] [--protocol direct] [--metrics lse,lmd,psnr,ssim,cpbd]

Every clip is its own reference. SyncNet and AlexNet have random weights: the numbers mean nothing, the work
is the same. Everything runs in one thread; files are read one after the other, not side by side.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from score_speed import beginnings, random_syncnet

from speechlip.faces.detectors.opening import choose_detector
from speechlip.faces.tracking.shots import ShotDetector
from speechlip.faces.tracking.stage import FaceStage
from speechlip.media import source_frames
from speechlip.media.images.painting import Painter
from speechlip.metrics.image.lpips import random_lpips
from speechlip.metrics.sync import syncnet
from speechlip.scoring.clip import files, first_reading, sync
from speechlip.scoring.clip.frame_sums import FrameSum
from speechlip.scoring.clip.kept_frames import KeptFrames
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.clip.second_reading import PartialImage
from speechlip.scoring.clip.strips import Strips
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.sync import footage, models
from speechlip.scoring.transcode import reading, write
from speechlip.workers.processes import use_one_thread

REST = "everything else"


class Stopwatch:
    """CPU seconds by stage; while an inner stage runs, the outer one does not count."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._running = [REST]
        self._since = time.process_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._count()
        self._running.append(name)
        try:
            yield
        finally:
            self._count()
            self._running.pop()

    def _count(self) -> None:
        now = time.process_time()
        self.spent[self._running[-1]] += now - self._since
        self._since = now

    def calls(self, function: Callable, name: str | Callable[..., str]) -> Callable:
        def run(*given: Any, **named: Any) -> Any:
            with self.stage(name if isinstance(name, str) else name(*given)):
                return function(*given, **named)

        return run

    def items(self, function: Callable, name: str) -> Callable:
        def run(*given: Any, **named: Any) -> Iterator:
            made, over = function(*given, **named), object()
            try:
                while True:
                    with self.stage(name):
                        item = next(made, over)
                    if item is over:
                        return
                    yield item
            finally:
                made.close()

        return run


CALLS: list[tuple[Any, str, str | Callable[..., str]]] = [
    (files, "probe", "probe, count frames"),
    (files, "count_frames", "probe, count frames"),
    (Painter, "paint", "RGB"),
    (first_reading.Watched, "_open_stage", "open detector"),
    (FaceStage, "see", "detect faces"),
    (ShotDetector, "see", "shot cuts"),
    (FaceStage, "finish", "tracks"),
    (KeptFrames, "see", "keep what is around faces"),
    (PartialImage, "rgb", "kept → image"),
    (Strips, "fill", "filmstrips"),
    (Strips, "see", "filmstrips"),
    (Strips, "encoded", "filmstrips"),
    (FrameSum, "add", lambda each, *_: each.metric.name),
    (FrameSum, "total", lambda each, *_: each.metric.name),
    (models, "cut224", "SyncNet: crops"),
    (models.SyncNetModel, "features", "SyncNet: network"),
    (syncnet, "mfcc_columns", "SyncNet: MFCC"),
    (models, "sync_score", "SyncNet: scores"),
    (sync, "delay", "delay of the codec path"),
    (sync, "through", "codec path: encode"),
    (reading.TranscodeImage, "rgb", "codec path: RGB of the transcode"),
]
ITEMS: list[tuple[Any, str, str]] = [
    (source_frames, "stamped_frames", "decode"),
    (footage, "audio_windows", "audio"),
    (write, "frames", "codec path: decode the render"),
    (reading, "_decoded", "codec path: decode the transcode"),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--protocol", default="direct")
    parser.add_argument("--metrics", default="lse,lmd,psnr,ssim,cpbd")
    parser.add_argument("--region", default="full")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each clip, from its beginning")
    given = parser.parse_args()
    use_one_thread()
    detector, _ = choose_detector(given.detector)
    options = ScoreOptions(tuple(given.metrics.split(",")), given.protocol, detector, region=given.region)
    with tempfile.TemporaryDirectory() as folder:
        model = models.SyncNetModel(random_syncnet(Path(folder) / "random.model"), True, "cpu")
        tools = Tools(model, {"lpips": random_lpips()})
        clips = beginnings(given.clips, given.seconds, Path(folder))
        spent = {clip.name: ms_per_frame(clip, options, tools) for clip in clips}
    print_table(spent)


def ms_per_frame(clip: Path, options: ScoreOptions, tools: Tools) -> Counter:
    watch = Stopwatch()
    with doors(watch):
        scored = score_clip(
            ScoreTask(clip.name, clip, clip), options, tools, lambda *_: None, side_by_side=False
        )
        with watch.stage(REST):
            pass
    if scored.missing:
        raise SystemExit(f"{clip.name}: {scored.missing}")
    return Counter({stage: 1000 * spent_s / scored.detail.frames for stage, spent_s in watch.spent.items()})


@contextmanager
def doors(watch: Stopwatch) -> Iterator[None]:
    """The stopwatch at the door of every stage."""
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in (*CALLS, *ITEMS)]
    for owner, name, stage in CALLS:
        setattr(owner, name, watch.calls(getattr(owner, name), stage))
    for owner, name, stage in ITEMS:
        setattr(owner, name, watch.items(getattr(owner, name), stage))
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def print_table(spent: dict[str, Counter]) -> None:
    together = sum(spent.values(), Counter())
    print(f"| CPU ms per frame | {' | '.join(spent)} |\n|---|{'---|' * len(spent)}")
    for stage, _ in together.most_common():
        print(f"| {stage} | {' | '.join(f'{clip[stage]:.2f}' for clip in spent.values())} |")
    print(f"| **together** | {' | '.join(f'{sum(clip.values()):.1f}' for clip in spent.values())} |")


if __name__ == "__main__":
    main()
