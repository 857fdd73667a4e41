"""How fast `verify-shards` reads a prepared folder, by number of workers.

    python benchmarks/verify_speed.py SHARDS [--workers 1,2] [--turns 3]

Each run is a process of its own. The shortest of the turns, taken in turn: the clock, the CPU seconds and the
peak memory of the process that is asked; with several workers that one adds up what they read.
"""

import argparse
import multiprocessing
import re
import time
from pathlib import Path

import speechlip

MB = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    mb = sum(path.stat().st_size for path in given.shards.rglob("*.tar")) / MB
    counts = [int(each) for each in given.workers.split(",")]
    turns = [{count: in_a_process(given.shards, count) for count in counts} for _ in range(given.turns)]
    print("| workers | MB | wall, s | MB a second | CPU of the first process, s | its peak, GB |")
    print("|---|---|---|---|---|---|")
    for count in counts:
        wall_s, cpu_s, peak = min(turn[count] for turn in turns)
        print(f"| {count} | {mb:.0f} | {wall_s:.1f} | {mb / wall_s:.1f} | {cpu_s:.1f} | {peak / 1e9:.2f} |")


def in_a_process(shards: Path, workers: int) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds, and the peak of memory."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measured, args=(far, shards, workers))
    process.start()
    far.close()
    said = near.recv()
    process.join()
    return said


def measured(pipe, shards: Path, workers: int) -> None:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    verification = speechlip.verify(shards, workers=workers)
    assert verification.ok, verification.problems[:3]
    peak = 1024 * int(re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[0])
    pipe.send((time.perf_counter() - wall_s, time.process_time() - cpu_s, peak))


if __name__ == "__main__":
    main()
