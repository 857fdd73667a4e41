"""Plan, run with stub media, finish, verify, select and append over very many sources: seconds and memory.

    python benchmarks/million_sources.py [--sources 1000000] [--work FOLDER] [--only plan,run]

Every source gives one clip of five frames, whose lips and audio are the same; what is measured is all that
grows with the number of sources: the plan, results of units, ledger, manifest, clips.parquet, pairs. Opening
videos and preparing them are left out. Each step is a process of its own; its memory is the peak of that
process. Says CPU and wall seconds, and CPU microseconds a source. Two sizes tell whether a step grows faster
than its sources.
"""

import argparse
import multiprocessing
import re
import shutil
import tempfile
import time
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np

import speechlip
from speechlip import recipes
from speechlip.cards.dataset import write_card
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.files.strict_json import encode_json
from speechlip.files.writing import write_text
from speechlip.preparing.cut.source_stats import SourceStats
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.placing import result_path, tar_path
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.prepare import declarations
from speechlip.preparing.run_array import end_array, plan_job
from speechlip.preparing.run_job import finished_already, plan_of_job
from speechlip.preparing.run_units import run_units
from speechlip.progress import SILENT
from speechlip.records import Clip, Source
from speechlip.shards.pairs.rules import pair_clip
from speechlip.shards.sample_meta import meta_of
from speechlip.shards.writer import encode_clip, sample_key, write_shard
from speechlip.workers.events import Finished

OPTIONS = PrepOptions(detector="cascade", spectrogram="mel", min_clip_s=0.2)
FRAMES, VIDEOS_OF_A_SPEAKER, SECONDS = 5, 20, 6.0
STEPS = ("plan", "run", "resume", "finish", "again", "verify", "select", "append")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sources", type=int, default=1_000_000)
    parser.add_argument(
        "--work", type=Path, help="Kept; steps that are done there may be left out by --only."
    )
    parser.add_argument("--only", default=",".join(STEPS))
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp())
    try:
        for step in STEPS:
            if step in given.only.split(","):
                cpu_s, wall_s, peak = in_a_process(step, work, given.sources)
                print(
                    f"{step:<8}{given.sources:>9} sources: {cpu_s:8.1f} CPU-s, {wall_s:8.1f} s, "
                    f"{cpu_s / given.sources * 1e6:7.0f} µs a source, {peak / 1e9:.2f} GB",
                    flush=True,
                )
    finally:
        if not given.work:
            shutil.rmtree(work, ignore_errors=True)


def in_a_process(step: str, work: Path, n: int) -> tuple[float, float, int]:
    """CPU and wall seconds of a step, and the peak of memory."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measured, args=(far, step, work, n))
    process.start()
    far.close()
    said = near.recv()
    process.join()
    return said


def measured(pipe, step: str, work: Path, n: int) -> None:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    globals()[step](work, n)
    peak = 1024 * int(re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[0])
    pipe.send((time.process_time() - cpu_s, time.perf_counter() - wall_s, peak))


def sources(work: Path, n: int, first: int = 0) -> list[Source]:
    """Sources by number; all of them are one file."""
    work.mkdir(parents=True, exist_ok=True)
    video = work / "video.mp4"
    if not video.exists():
        video.write_bytes(b"a video")
    numbers = range(first, first + n)
    return [Source(video, f"{speaker(each)}/{each:07d}.mp4", speaker(each)) for each in numbers]


def speaker(number: int) -> str:
    return f"s{number // VIDEOS_OF_A_SPEAKER:06d}"


def opened(tasks):
    """Sources as if they had been opened."""
    facts = {"split": "", "transcript": "", "phones": "", "more": ""}
    return (
        PlannedSource(task.source, *file_stamp(task.source.path), SECONDS, dict(facts), task.key_digits)
        for task in tasks
    )


def job_of(work: Path, n: int) -> Job:
    about = declarations(recipes.get("folder"))
    return Job(work / "out", sources(work, n), OPTIONS, about, inspect=opened)


def plan(work: Path, n: int) -> None:
    plan_job(job_of(work, n))


def run(work: Path, n: int) -> None:
    job, made, done = plan_of_job(job_of(work, n), SILENT)
    run_units(job, made.units, made.with_phones, made_up, 1, SILENT, done)


def resume(work: Path, n: int) -> None:
    """A run that finds every unit done."""
    run(work, n)


def finish(work: Path, n: int) -> None:
    end_array(job_of(work, n), card=write_card)


def again(work: Path, n: int) -> None:
    """The same command on the finished folder."""
    assert finished_already(job_of(work, n))


def verify(work: Path, n: int) -> None:
    problems = speechlip.verify(work / "out").problems
    assert not problems, problems[:3]


def select(work: Path, n: int) -> None:
    speechlip.select_clips(work / "out", work / "selected", "speaker < 's001000'")


def append(work: Path, n: int) -> None:
    """Ten more videos."""
    from speechlip.editing import append as module
    from speechlip.preparing import prep_run

    module.settle_models = lambda options, out, progress: options
    module.find_sources = lambda videos, out, options: sources(work, 10, n)
    module.inspect_on = lambda workers, limits: opened
    prep_run.get_engine = lambda *given: made_up
    speechlip.append_videos(work / "out", work, work / "grown")


def made_up(job_work, units, workers):
    """An engine that gives every source one clip that is there already."""
    folder = job_work.keywords["work_folder"]
    while units:
        unit = units.popleft()
        clips, rows, samples = [], [], []
        for planned in unit.sources:
            key, meta, members = sample_of(planned)
            clips.append(pair_clip(key, meta))
            samples.append((key, members))
            stats = SourceStats(planned)
            stats.n_frames = FRAMES
            stats.kept, stats.sha256 = np.ones(FRAMES, bool), meta.source_sha256
            stats.faces, stats.speech = np.ones(FRAMES, np.int32), np.ones(FRAMES, bool)
            stats.clip_frames, stats.face_widths_px, stats.speech_shares = [FRAMES], [80.0], [1.0]
            rows.append(stats.row(unit.split))
        fields = write_shard(tar_path(folder, unit), iter(samples))
        shard = tar_path(folder, unit)
        result = UnitResult(sha256_of(shard), shard.stat().st_size, fields, tuple(clips), tuple(rows))
        write_text(result_path(folder, unit), encode_json(asdict(result)).decode())
        yield Finished(unit, result)


@cache
def still() -> tuple[Clip, dict[str, bytes]]:
    """A clip, and its members."""
    source = Source(Path("a.mp4"), "a.mp4", "a")
    lips = np.zeros((FRAMES, 96, 96, 3), np.uint8)
    speech = np.ones(FRAMES, bool)
    clip = Clip(source, 0, 0, lips, np.zeros(640 * FRAMES, np.int16), None, None, 1.0, 80.0, 0, speech=speech)
    return clip, encode_clip(clip, meta_of(clip, OPTIONS.clip_format, "a", "0" * 64, ()), OPTIONS.clip_format)


def sample_of(planned: PlannedSource):
    """Key, meta and members of the one clip of a source."""
    clip, members = still()
    clip = replace(clip, source=planned.source)
    key = sample_key(clip, planned.key_digits)
    number = int(planned.source.name.rpartition("/")[2].removesuffix(".mp4"))
    meta = meta_of(clip, OPTIONS.clip_format, key, f"{number:064x}", ())
    return key, meta, members | {"json": encode_json(meta.dump())}


if __name__ == "__main__":
    main()
