"""Peak memory of preparing or scoring a short video and the same video looped for minutes.

    python benchmarks/memory.py VIDEO [--minutes 20] [--sources 1000] [--detector landmarker]
    python benchmarks/memory.py VIDEO --score psnr --region face [--short 60]

With --score METRICS the video is its own reference, and SyncNet has random weights. The looped copy repeats
the packets without encoding again; --sources prepares so many links to its first second, too. Peak is the
largest resident size of any process of the run, the workers' included.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
from score_speed import random_syncnet
from throughput import brought

from speechlip.workers.processes import resident_bytes

SHORT_S = 20
SEAM_S = 0.2  # between two rounds, so that stamps never run back where a stream begins before zero


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--short", type=float, default=SHORT_S, help="seconds of the short video")
    parser.add_argument("--sources", type=int, default=0, help="videos of a second, prepared in one run")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--score", metavar="METRICS", help="score-sync instead of prep-shards")
    parser.add_argument("--region", default="full", help="of score-sync")
    given = parser.parse_args()
    print("| video | peak memory |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for name, length_s in (("short", given.short), ("long", given.minutes * 60)):
            looped = Path(folder) / f"{name}.mp4"
            loop(given.video, looped, length_s)
            how = ["--detector", given.detector]
            command = ["prep-shards", looped, *how]
            if given.score:
                weights = random_syncnet(Path(folder) / "random.model")
                how += ["--metrics", given.score, "--region", given.region]
                how += ["--syncnet-weights", weights, "--allow-unknown-weights"]
                command = ["score-sync", looped, "--reference", looped, *how]
            peaks.append(peak_mb([*command, "-o", Path(folder) / name]))
            print(f"| {length_s:g} s | {peaks[-1]:.0f} MB |", flush=True)
        if given.sources:
            links = many(given.video, Path(folder), given.sources)
            command = ["prep-shards", links, "--detector", given.detector, "-o", Path(folder) / "of-many"]
            print(f"| {given.sources} of 1 s | {peak_mb(command):.0f} MB |", flush=True)
    print(f"\nlong : short = {peaks[1] / peaks[0]:.3f}")


def many(video: Path, folder: Path, count: int) -> Path:
    """A folder of ``count`` links to the first second of ``video``."""
    second, links = brought(video, folder, 0, 1.04), folder / "many"
    links.mkdir()
    for number in range(count):
        (links / f"{number:04d}{video.suffix}").symlink_to(second)
    return links


def loop(video: Path, looped: Path, length_s: float) -> None:
    """Write the packets of ``video`` again and again, each round later by the length of both streams."""
    with av.open(str(looped), "w") as out:
        streams = None
        shift_s, period_s = 0.0, None
        while shift_s < length_s:
            with av.open(str(video)) as source:
                chosen = [source.streams.video[0], source.streams.audio[0]]
                streams = streams or {stream.index: out.add_stream_from_template(stream) for stream in chosen}
                period_s = (
                    period_s or max(float(stream.duration * stream.time_base) for stream in chosen) + SEAM_S
                )
                for packet in source.demux(chosen):
                    if packet.dts is None:
                        continue
                    ticks = round(shift_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
            shift_s += period_s


def peak_mb(command: list) -> float:
    """Largest resident size in MB among the processes of one run, looked at twenty times a second."""
    program, *arguments = command
    run = subprocess.Popen(
        [Path(sys.executable).with_name(program), *arguments, "--workers", "1", "--quiet"],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    peak = 0
    while run.poll() is None:
        peak = max([peak, *map(resident_bytes, processes_of(run.pid))])
        time.sleep(0.05)
    if run.returncode:
        raise SystemExit(f"{program} ended with exit code {run.returncode}")
    return peak / 1e6


def processes_of(session: int) -> Iterator[int]:
    """The running processes of a session, by /proc (Linux): workers are forked from a server, so that their
    parent is none of ours.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getsid(int(folder.name)) == session:
                yield int(folder.name)


if __name__ == "__main__":
    main()
