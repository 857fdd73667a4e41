"""How fast preparation is, beside a bare decode + MediaPipe loop, and where its time goes.

    python benchmarks/throughput.py CLIP … [--detector auto] [--seconds 4] [--copies 1] [--turns 3]
        [--stages CLIP …] [--no-stages]

The bare loop decodes with PyAV, turns every frame into RGB, shows it to MediaPipe's Face Landmarker (VIDEO,
four faces) and keeps nothing. Turn by turn it, prep-shards with one worker and prep-shards with two go
through the same clips, each as a program of its own, start and imports included. Printed are video-seconds
per second, the median of the turns, and their ratio to the bare loop, by the clock and by the CPU time of all
processes, which other work on the machine disturbs less; then, from this process, CPU milliseconds of every
stage by clip (benchmarks/prepare_stages.py). Clips that preparation refuses are left out; give it a minute of
video at the least, or the start of the programs is what is measured. With ``--copies`` every clip is there so
many times, so that start and finish weigh less.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import av
from prepare_stages import bare_loop, plan_of, print_stages
from start import count_orphans, cpu_of_orphans_s

from speechlip.faces.detectors.opening import choose_detector
from speechlip.media.listing import videos
from speechlip.preparing.options import PrepOptions


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+", help="videos, or folders of them")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--seconds", type=float, default=0, help="cut clips to their first seconds; 0: whole")
    parser.add_argument("--copies", type=int, default=1, help="how often each clip is prepared")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--stages", type=Path, nargs="*", help="clips of the table of stages; else all")
    parser.add_argument("--no-stages", action="store_true", help="leave that table out")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        print(*(bare_loop(given.clips) or ()))
        return
    count_orphans()
    detector, _ = choose_detector(given.detector)
    with tempfile.TemporaryDirectory() as folder:
        chosen = usable([clip for path in given.clips for clip in listed(path)], detector)
        clips = [
            brought(clip, Path(folder), number, given.seconds)
            for number, clip in enumerate(given.copies * chosen)
        ]
        length_s = sum(seconds_of(clip, detector) for clip in clips)
        print(f"{len(clips)} clips, {length_s:.0f} s, {given.turns} turns\n", flush=True)
        print_speeds(clips, Path(folder), detector, length_s, given.turns)
        named = [
            clip for clip, whole in zip(clips, chosen, strict=False) if whole in (given.stages or chosen)
        ]
        if not given.no_stages:
            print_stages(named, detector, given.turns)


def listed(path: Path) -> list[Path]:
    return videos(path) if path.is_dir() else [path]


def usable(clips: list[Path], detector: str) -> list[Path]:
    return [clip for clip in clips if seconds_of(clip, detector)]


def seconds_of(clip: Path, detector: str) -> float:
    """Length of a clip as it is planned; 0 where it is refused."""
    plan = plan_of(clip, PrepOptions(detector=detector))
    return sum(planned.part_s for planned in plan.sources if not planned.refusal)


def brought(clip: Path, folder: Path, number: int, seconds: float) -> Path:
    """The clip in ``folder``, linked, or a copy of the packets of its first seconds."""
    path = folder / f"{number:03d}{clip.suffix}"
    if not seconds:
        path.symlink_to(clip.absolute())
        return path
    with av.open(str(clip)) as source, av.open(str(path), "w") as out:
        chosen = [source.streams.video[0], source.streams.audio[0]]
        streams = {stream.index: out.add_stream_from_template(stream) for stream in chosen}
        for packet in source.demux(chosen):
            if packet.dts is not None and packet.dts * packet.time_base < seconds:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return path


def print_speeds(clips: list[Path], folder: Path, detector: str, length_s: float, turns: int) -> None:
    programs = {
        "bare loop": bare(clips),
        "prep-shards, one worker": prepare(folder, detector, 1),
        "prep-shards, two workers": prepare(folder, detector, 2),
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    said = ""
    for _ in range(turns):
        for name, program in programs.items():
            *seconds, output = run(program)
            took[name].append(tuple(seconds))
            said = output if name == "bare loop" else said
    if said.strip():
        shown, faces = said.split()
        print(f"The bare loop found a face in {faces} of {shown} frames.\n")
    else:
        print("mediapipe is not installed: there is no bare loop to compare with.\n")
        del took["bare loop"]
    print(
        "| whole programs | video-seconds per second | × bare loop, each turn | median "
        "| CPU s | × bare loop, by CPU |\n|---|---|---|---|---|---|"
    )
    for name, spent in took.items():
        walls, cpus = zip(*spent, strict=True)
        by_clock, by_cpu = (
            [one[place] / other[place] for one, other in zip(took.get("bare loop", ()), spent, strict=False)]
            for place in (0, 1)
        )
        every = ", ".join(f"{ratio:.2f}" for ratio in by_clock)
        middle, middle_cpu = (f"{median(ratios):.2f}" if ratios else "" for ratios in (by_clock, by_cpu))
        print(
            f"| {name} | {length_s / median(walls):.2f} | {every} | {middle} "
            f"| {median(cpus):.1f} | {middle_cpu} |"
        )
    print(flush=True)


def bare(clips: list[Path]) -> list[object]:
    return [sys.executable, __file__, "--bare", *clips]


def prepare(folder: Path, detector: str, workers: int) -> list[object]:
    program = Path(sys.executable).with_name("prep-shards")
    return [program, folder, "-o", "shards", "--detector", detector, "--workers", workers, "--quiet"]


def run(program: list[object]) -> tuple[float, float, str]:
    """Wall and CPU seconds of a program and all its processes in an empty folder, and what it printed."""
    with tempfile.TemporaryDirectory() as here:
        begin, before_s = time.perf_counter(), cpu_of_children_s()
        done = subprocess.run(
            [str(word) for word in program],
            cwd=here,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        wall_s = time.perf_counter() - begin
        cpu_of_orphans_s()  # waits for them, so that they count as children
        return wall_s, cpu_of_children_s() - before_s, done.stdout


def cpu_of_children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
