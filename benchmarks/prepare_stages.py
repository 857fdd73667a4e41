"""CPU milliseconds of each stage of preparation, by clip, and of a bare decode + MediaPipe loop beside it.

    python benchmarks/prepare_stages.py CLIP … [--detector auto] [--turns 3]

No thread decodes ahead here; what the process's other threads take is the detector's. A frame is
40 ms of video. Of several turns the one with the least sum is shown. The bare loop shows each of PyAV's
frames as RGB to MediaPipe's Face Landmarker (VIDEO, four faces) and keeps nothing.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import av
import numpy as np

from speechlip import assets, recipes
from speechlip.faces.detectors.opening import choose_detector
from speechlip.faces.tracking import stage as face_stage
from speechlip.media import frames
from speechlip.media.source_frames import DecodedImage
from speechlip.preparing.cut import kept_regions, passes, unit
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.make_plan import Plan, make_plan
from speechlip.shards import writer
from speechlip.timing import FPS

REST = "tar, ledger, all else"
STAGES = (
    *(
        "probe",
        "SHA-256",
        "decode",
        "audio",
        "to RGB",
        "detector",
        "shots",
        "keep mouths",
        "quality",
        "speech",
        "tracks, crop plans",
    ),
    *("decode again", "audio again", "to RGB again", "cut", "JPEG", "STFT", "FLAC", REST),
)
CLOCK, ALL_THREADS = time.thread_time, time.process_time


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    detector, _ = choose_detector(given.detector)
    print_stages(given.clips, detector, given.turns)


def print_stages(clips: list[Path], detector: str, turns: int) -> None:
    """The table: a column a clip, CPU milliseconds of a frame of 40 ms."""
    titles, columns, bare = [], [], []
    stage_seconds(plan_of(clips[0], PrepOptions(detector=detector)), PrepOptions(detector=detector))
    for clip in clips:
        plan = plan_of(clip, PrepOptions(detector=detector))
        n_frames = sum(planned.part_s for planned in plan.sources) * FPS
        spent: list[Counter] = []
        loops: list[float] = []
        for _ in range(turns):
            spent.append(stage_seconds(plan, PrepOptions(detector=detector)))
            begin = ALL_THREADS()
            loops += [ALL_THREADS() - begin] if bare_loop([clip]) is not None else []
        least = min(spent, key=lambda stages: sum(stages.values()))
        columns.append({stage: 1000 * seconds / n_frames for stage, seconds in least.items()})
        bare.append(1000 * min(loops) / n_frames if loops else None)
        titles.append(title(clip))
    print(f"| CPU ms a frame, `{detector}` | " + " | ".join(titles) + " |\n|---|" + "---|" * len(titles))
    for stage in STAGES:
        if any(column.get(stage, 0) >= 0.005 for column in columns):
            print(f"| {stage} | " + " | ".join(f"{column.get(stage, 0):.2f}" for column in columns) + " |")
    print("| all | " + " | ".join(f"{sum(column.values()):.2f}" for column in columns) + " |")
    if None not in bare:
        print("| bare decode + MediaPipe loop | " + " | ".join(f"{ms:.2f}" for ms in bare) + " |")
        ratios = [ms / sum(column.values()) for ms, column in zip(bare, columns, strict=True)]
        print("| bare loop : preparation | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


def title(clip: Path) -> str:
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        rate = round(float(video.average_rate or 0))
        return f"{video.width} × {video.height} {video.codec_context.name}, {rate} fps"


def plan_of(videos: Path, options: PrepOptions) -> Plan:
    return make_plan(list(recipes.get("folder").sources(videos)), options)


def bare_loop(clips: list[Path]) -> tuple[int, int] | None:
    """Show every frame of the clips to MediaPipe: how many there are, and in how many it finds a face.

    None where mediapipe is not installed.
    """
    try:
        import mediapipe
        from mediapipe.tasks.python import vision
    except ImportError:
        return None
    options = vision.FaceLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(assets.path("face_landmarker"))),
        running_mode=vision.RunningMode.VIDEO,
        num_faces=4,
    )
    shown = faces = 0
    for clip in clips:
        with (
            vision.FaceLandmarker.create_from_options(options) as landmarker,
            av.open(str(clip)) as container,
        ):
            for index, frame in enumerate(container.decode(video=0)):
                pixels = np.ascontiguousarray(frame.to_ndarray(format="rgb24"))  # it reads rows without gaps
                image = mediapipe.Image(mediapipe.ImageFormat.SRGB, pixels)
                faces += bool(landmarker.detect_for_video(image, index * 33).face_landmarks)
                shown += 1
    return shown, faces


def stage_seconds(plan: Plan, options: PrepOptions) -> Counter:
    """CPU seconds of every stage while all units of a plan are prepared in this process."""
    spent: Counter[str] = Counter()
    with stopwatches(spent), tempfile.TemporaryDirectory() as out:
        begin, begin_all = CLOCK(), ALL_THREADS()
        for work in plan.units:
            done = unit.prepare_unit(
                work,
                lambda source, seconds: None,
                options=options,
                work_folder=Path(out),
                with_phones=plan.with_phones,
            )
            accidents = [row for row in done.rows if row.reason == "unexpected error"]
            if accidents:
                raise RuntimeError(accidents[0].detail)
        own = CLOCK() - begin
        spent[REST] = own - sum(spent.values())
        spent["detector"] += ALL_THREADS() - begin_all - own
    return spent


@contextmanager
def stopwatches(spent: Counter) -> Iterator[None]:
    """Put a stopwatch at the door of each stage, where it is looked up, and take it off again."""
    reading = {"": ""}

    def stage(name: str) -> Callable[[], str]:
        return lambda: name + reading[""]

    def in_reading(which: str, function: Callable, *args, **kwargs):
        reading[""] = which
        return function(*args, **kwargs)

    doors: list[tuple[object, str, Callable]] = [
        (unit, "probe", partial(timed, stage("probe"), spent)),
        (unit, "sha256_of", partial(timed, stage("SHA-256"), spent)),
        (unit, "observe", lambda function: partial(in_reading, "", function)),
        (unit, "cut_clips", lambda function: partial(in_reading, " again", function)),
        (
            frames,
            "DECODERS",
            lambda made: {name: iterated(stage("decode"), spent, make) for name, make in made.items()},
        ),
        (frames, "audio_windows", partial(iterated, stage("audio"), spent)),
        (DecodedImage, "rgb", partial(timed, stage("to RGB"), spent)),
        (passes, "open_detector", partial(timed_detector, spent)),
        (face_stage, "ShotDetector", partial(with_timed, ("see",), lambda: "shots", spent)),
        (kept_regions.KeptRegions, "see", partial(timed, lambda: "keep mouths", spent)),
        (face_stage, "build_tracks", partial(timed, lambda: "tracks, crop plans", spent)),
        (passes, "Appearances", partial(with_timed, ("see",), lambda: "quality", spent)),
        (passes, "SpeechMeter", partial(with_timed, ("hear", "finish"), lambda: "speech", spent)),
        (passes, "clip_quality", partial(timed, lambda: "quality", spent)),
        (passes, "plan_crop", partial(timed, lambda: "tracks, crop plans", spent)),
        (passes, "last_not_kept", partial(timed, lambda: "cut", spent)),
        (kept_regions.FrameParts, "cut", partial(timed, lambda: "cut", spent)),
        (writer, "encode_filmstrip", partial(timed, lambda: "JPEG", spent)),
        (writer, "spectrogram", partial(timed, lambda: "STFT", spent)),
        (writer, "encode_flac", partial(timed, lambda: "FLAC", spent)),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in doors]
    for owner, name, watched in doors:
        setattr(owner, name, watched(getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def timed(stage: Callable[[], str], spent: Counter, function: Callable) -> Callable:
    def run(*args, **kwargs):
        begin = CLOCK()
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage()] += CLOCK() - begin

    return run


def iterated(stage: Callable[[], str], spent: Counter, make: Callable) -> Callable:
    """Time every step of the iterator that ``make`` makes; closing it closes that one."""

    def run(*args, **kwargs):
        inner = make(*args, **kwargs)
        end = object()
        step = timed(stage, spent, partial(next, inner, end))
        try:
            while (item := step()) is not end:
                yield item
        finally:
            inner.close()

    return run


def with_timed(
    methods: tuple[str, ...], stage: Callable[[], str], spent: Counter, make: Callable
) -> Callable:
    """Time methods of what ``make`` makes."""

    def run(*args, **kwargs):
        made = make(*args, **kwargs)
        for method in methods:
            setattr(made, method, timed(stage, spent, getattr(made, method)))
        return made

    return run


def timed_detector(spent: Counter, open_detector: Callable) -> Callable:
    """Time opening a detector, each look of it, and closing it."""

    @contextmanager
    def run(*args):
        opening = open_detector(*args)
        detector = timed(lambda: "detector", spent, opening.__enter__)()
        detector.detect = timed(lambda: "detector", spent, detector.detect)
        try:
            yield detector
        finally:
            timed(lambda: "detector", spent, opening.__exit__)(None, None, None)

    return run


if __name__ == "__main__":
    main()
