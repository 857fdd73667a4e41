"""How fast preparation is, and where its time goes.

    python benchmarks/throughput.py VIDEO_DIR [--detector landmarker]

Prints video-seconds prepared per second with one worker and with two (whole runs of prep-shards, start of
processes included), their ratio, and the share of each stage in one process. Give it a few minutes of video
at the least, or the start of the processes is what is measured.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from speechlip import recipes
from speechlip.commands.cli import prep_shards
from speechlip.faces.detectors.opening import choose_detector
from speechlip.faces.tracking import stage as face_stage
from speechlip.media.source_frames import DecodedImage
from speechlip.preparing.cut import passes
from speechlip.preparing.cut import unit as prepare
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.shards import writer

DECODE_OR_DETECT = ("decode", "detector")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path)
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    detector, _ = choose_detector(given.detector)
    options = PrepOptions(detector=detector)
    plan = make_plan(list(recipes.get("folder").sources(given.videos)), options)
    length_s = sum(planned.seconds for planned in plan.sources)
    print(f"{len(plan.sources)} videos, {length_s:.0f} s, detector {detector}\n")
    speeds = {1: [], 2: []}
    for _ in range(given.repeats):
        for workers in speeds:
            speeds[workers].append(length_s / seconds_of_run(given.videos, detector, workers))
    print("| workers | video-seconds per second |\n|---|---|")
    for workers, found in speeds.items():
        print(f"| {workers} | {np.median(found):.2f} |")
    print(f"\ntwo workers : one = {np.median(speeds[2]) / np.median(speeds[1]):.2f}\n")
    print_shares(stage_seconds(plan, options))


def seconds_of_run(videos: Path, detector: str, workers: int) -> float:
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        try:
            prep_shards(
                [
                    str(videos),
                    "-o",
                    f"{out}/shards",
                    "--detector",
                    detector,
                    "--workers",
                    str(workers),
                    "--quiet",
                ]
            )
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"prep-shards ended with {end.code}") from end
        return time.perf_counter() - begin


def stage_seconds(plan, options: PrepOptions) -> Counter:
    """Prepare every unit in this process with a stopwatch at the door of each stage."""
    spent: Counter[str] = Counter()
    with stopwatches(spent), tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        for unit in plan.units:
            done = prepare.prepare_unit(
                unit,
                lambda source, seconds: None,
                options=options,
                work_folder=Path(out),
                with_phones=plan.with_phones,
            )
            accidents = [row for row in done.rows if row.reason == "unexpected error"]
            if accidents:
                raise RuntimeError(accidents[0].detail)
        spent["everything else"] = time.perf_counter() - begin - sum(spent.values())
    return spent


@contextmanager
def stopwatches(spent: Counter) -> Iterator[None]:
    """Put a timer around each stage's function where prepare and writer look it up, and take it off again."""
    doors: list[tuple[object, str, str]] = [
        (DecodedImage, "rgb", "decode"),
        (prepare, "probe", "decode"),
        (face_stage, "build_tracks", "tracks"),
        (passes, "plan_crop", "crop"),
        (passes, "cut", "crop"),
        (writer, "spectrogram", "STFT"),
        (writer, "encode_filmstrip", "encode lips"),
        (writer, "encode_flac", "encode audio"),
        (prepare, "sha256_of", "hash"),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in doors]
    kept += [
        (passes, "read_frames", passes.read_frames),
        (passes, "open_detector", passes.open_detector),
        (face_stage, "ShotDetector", face_stage.ShotDetector),
    ]
    for owner, name, label in doors:
        setattr(owner, name, timed(getattr(owner, name), label, spent))
    passes.read_frames = lambda *args, inner=passes.read_frames, **kwargs: TimedIterator(
        inner(*args, **kwargs), spent
    )
    passes.open_detector = timed_detector(passes.open_detector, spent)
    face_stage.ShotDetector = timed_method(face_stage.ShotDetector, "see", "shots", spent)
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def timed(function: Callable, stage: str, spent: Counter) -> Callable:
    def run(*args, **kwargs):
        begin = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage] += time.perf_counter() - begin

    return run


def timed_method(make: Callable, method: str, stage: str, spent: Counter) -> Callable:
    """Time ``make`` itself and one method of what it makes."""

    def run(*args, **kwargs):
        made = timed(make, stage, spent)(*args, **kwargs)
        setattr(made, method, timed(getattr(made, method), stage, spent))
        return made

    return run


def timed_detector(open_detector: Callable, spent: Counter) -> Callable:
    """Time opening a detector and each look of it."""

    @contextmanager
    def run(*args):
        opening = open_detector(*args)
        detector = timed(opening.__enter__, "detector", spent)()
        detector.detect = timed(detector.detect, "detector", spent)
        try:
            yield detector
        finally:
            opening.__exit__(None, None, None)

    return run


class TimedIterator:
    def __init__(self, inner, spent: Counter) -> None:
        self.inner, self.spent = inner, spent

    def __iter__(self):
        return self

    def __next__(self):
        return timed(self.inner.__next__, "decode", self.spent)()

    def __getattr__(self, name: str):
        return getattr(self.inner, name)


def print_shares(spent: Counter) -> None:
    total = sum(spent.values())
    print("| stage | share of one process |\n|---|---|")
    for stage, seconds in spent.most_common():
        print(f"| {stage} | {seconds / total:.1%} |")
    rest = 1 - sum(spent[stage] for stage in DECODE_OR_DETECT) / total
    print(f"\nneither decode nor detector: {rest:.1%}")


if __name__ == "__main__":
    main()
