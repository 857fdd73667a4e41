"""What worker processes take: CPU time by number of workers, threads that work in each, peak memory.

    python benchmarks/workers.py CLIPS [--workers 1,2,4] [--seconds 4] [--commands prep-shards,score-sync]
    [--detector auto]

The first seconds of every clip, cut without encoding, through each command. CPU seconds that grow with the
number of workers are threads that fight. ``working threads``: those of one worker with more than 5 % of its
CPU time, the most of any worker; times workers it should be no more than there are cores. ``peak``: the
largest resident size of one worker, with what it shares with the others, and its own pages alone: what
``--workers auto`` divides the free memory by (``speechlip.workers.auto``). SyncNet has random weights.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import av
import torch
from syncnet_precision import VIDEOS, random_state

from speechlip.workers.auto import usable_cores

TICKS = os.sysconf("SC_CLK_TCK")
MB = 1e6
LOOK_EVERY_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--commands", default="prep-shards,score-sync")
    parser.add_argument("--detector", default="auto")
    given = parser.parse_args()
    print(f"{usable_cores()} cores\n")
    print("| command | workers | wall, s | CPU, s | working threads of one | peak of one, its own, MB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        videos, weights = Path(folder) / "videos", Path(folder) / "random.model"
        videos.mkdir()
        torch.save(random_state(0), weights)
        for path in sorted(path for path in given.clips.iterdir() if path.suffix in VIDEOS):
            cut(path, videos / path.name, given.seconds)
        for name in given.commands.split(","):
            for workers in given.workers.split(","):
                out = Path(folder) / f"{name}-{workers}"
                options = ["--detector", given.detector, "--workers", workers, "--quiet"]
                if name == "score-sync":
                    options += ["--syncnet-weights", weights, "--allow-unknown-weights", "--metrics", "lse"]
                print(f"| {name} | {workers} | {row(name, videos, out, options)} |", flush=True)


def cut(path: Path, short: Path, seconds: float) -> None:
    """Write the packets of the first seconds of both streams."""
    with av.open(str(path)) as source, av.open(str(short), "w") as out:
        chosen = [stream for kind in ("video", "audio") for stream in getattr(source.streams, kind)[:1]]
        streams = {stream.index: out.add_stream_from_template(stream) for stream in chosen}
        for packet in source.demux(chosen):
            if packet.dts is not None and packet.dts * packet.time_base < seconds:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)


def row(name: str, videos: Path, out: Path, options: list) -> str:
    """One run of a command, looked at ten times a second."""
    command = [Path(sys.executable).with_name(name), videos, "-o", out, *options]
    began, before = time.monotonic(), os.times()
    threads: dict[tuple[int, int], float] = {}
    held: dict[int, tuple[int, int]] = {}
    with subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE) as run:
        while run.poll() is None:
            for pid in workers_of(run.pid):
                with suppress(OSError, ValueError, IndexError):
                    threads |= {(pid, thread): spent for thread, spent in thread_times(pid)}
                    held[pid] = tuple(map(max, held.get(pid, (0, 0)), memory(pid)))
            time.sleep(LOOK_EVERY_S)
        said = run.stderr.read().decode()
    if run.returncode not in (0, 3):
        raise SystemExit(said)
    after = os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    cpu = own + sum(threads.values())  # the workers are children of a server, whose time nobody is told
    total = {pid: sum(spent for (of, _), spent in threads.items() if of == pid) for pid in held}
    busy = [sum(spent > total[pid] / 20 for (of, _), spent in threads.items() if of == pid) for pid in held]
    whole, alone = (max(sizes) / MB for sizes in zip(*held.values(), strict=True))
    return f"{time.monotonic() - began:.1f} | {cpu:.1f} | {max(busy)} | {whole:.0f}, {alone:.0f}"


def workers_of(pid: int) -> list[int]:
    """The processes forked from the server of a command, which is its child."""
    return [worker for server in children(pid) for worker in children(server)]


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def thread_times(pid: int) -> list[tuple[int, float]]:
    """Each thread of a process with its seconds of CPU."""
    found = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        after_name = stat.read_text().rpartition(") ")[2].split()
        found.append((int(stat.parent.name), (int(after_name[11]) + int(after_name[12])) / TICKS))
    return found


def memory(pid: int) -> tuple[int, int]:
    """Bytes resident, and those that no other process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    size = {name: int(value.split()[0]) * 1024 for name, value in (line.split(":", 1) for line in lines)}
    return size["Rss"], size["Private_Clean"] + size["Private_Dirty"]


if __name__ == "__main__":
    main()
