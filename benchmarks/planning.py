"""What a plan costs: listing, opening every video, dealing, the plan's file; beside a loop that opens each.

    python benchmarks/planning.py [--files 2000] [--workers 2] [--per-speaker 10] [--only-list]

The folder holds so many hard links of four short synthetic videos, under names and in speakers' folders of
their own. It is planned at half the number and at all of it: CPU of a file is the same at both where nothing
grows faster than the files do. The loop opens a file with PyAV and reads its header, in one process. What the
plan reads of a file is counted by the kernel (/proc/self/io, Linux only).
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from speechlip.files.stamps import file_stamp
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.inspecting import InspectTask, inspect, inspect_on
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.preparing.plan.planned_source import PlannedSource, declared
from speechlip.preparing.plan.written import dump_plan, load_plan
from speechlip.preparing.prepare import find_sources
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.records import Source
from speechlip.workers.events import DEFAULT_LIMITS, unheard
from speechlip.workers.processes import resident_bytes

OPTIONS = PrepOptions(detector="cascade")
COMPARED = 200
"""Files that both the loop and the plan open in this process."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--per-speaker", type=int, default=10)
    parser.add_argument("--only-list", action="store_true", help="Open none: listing and dealing alone.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder) / "videos"
        generate(videos, SyntheticOptions(identities=4, clips=1))
        for count in (given.files // 2, given.files):
            print(f"\n{count} videos, {given.per_speaker} a speaker", flush=True)
            root = linked(videos, Path(folder) / f"of-{count}", count, given.per_speaker)
            planned(root, given.workers, given.only_list)
        if not given.only_list:
            beside_a_loop(root)


def linked(videos: Path, root: Path, count: int, per_speaker: int) -> Path:
    """A folder of ``count`` hard links."""
    originals = sorted(videos.rglob("*.mp4"))
    for number in range(count):
        folder = root / f"speaker-{number // per_speaker:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        os.link(originals[number % len(originals)], folder / f"clip-{number % per_speaker:03d}.mp4")
    return root


def planned(root: Path, workers: int, only_list: bool) -> None:
    """Print what each step of a plan takes."""
    sources = timed("list", lambda: find_sources(root, root / "out", OPTIONS))
    n = len(sources)
    before = resident_bytes(os.getpid())
    plan = timed("deal alone", lambda: make_plan(sources, OPTIONS, inspect=without_opening), n)
    if not only_list:
        plan = timed(
            f"open, deal ({workers} workers)",
            lambda: make_plan(sources, OPTIONS, inspect=inspect_on(workers, DEFAULT_LIMITS)),
            n,
        )
    added_kb = (resident_bytes(os.getpid()) - before) / 1e3
    lines = timed("write", lambda: list(dump_plan(plan, OPTIONS)), n)
    timed("read again", lambda: load_plan(lines), n)
    n_bytes = sum(map(len, lines)) / n
    print(f"  plan.json: {n_bytes:.0f} bytes a video; memory of the plan: {added_kb / n:.2f} kB a video")


def without_opening(tasks):
    """Sources of 4 s each, as if they had been opened."""
    return (
        PlannedSource(task.source, *file_stamp(task.source.path), 4.0, declared(task.source, "cascade"))
        for task in tasks
    )


def beside_a_loop(root: Path) -> None:
    """Print CPU and bytes of a file that the plan opens, and of one whose header a loop reads."""
    paths = sorted(root.rglob("*.mp4"))[:COMPARED]
    tasks = [InspectTask(n, Source(path, path.name, "one"), "cascade", 12) for n, path in enumerate(paths)]

    def by_plan():
        return [inspect(task, unheard) for task in tasks]

    def by_loop():
        return [header(path) for path in paths]

    costs = {"plan": [], "loop": []}
    for _ in range(3):
        for name, run in (("loop", by_loop), ("plan", by_plan)):
            costs[name].append(cost(run)[1])
    loop, plan = (min(costs[name], key=lambda spent: spent.own_s) for name in ("loop", "plan"))
    size = sum(path.stat().st_size for path in paths) / len(paths)
    print(f"\none process, {len(paths)} videos of {size / 1e3:.0f} kB:")
    for name, spent in (("header by PyAV", loop), ("plan", plan)):
        print(
            f"  {name}: {spent.own_s / len(paths) * 1e3:.2f} CPU-ms and "
            f"{spent.read / len(paths) / 1e3:.0f} kB read a video, {len(paths) / spent.own_s:.0f} videos/s"
        )
    print(f"  plan / header: {plan.own_s / loop.own_s:.1f} ×")


def header(path: Path) -> tuple[int, int | None]:
    with av.open(str(path)) as container:
        return container.streams.video[0].width, container.duration


@dataclass(frozen=True)
class Cost:
    """Wall seconds, CPU seconds of this process and of its children, bytes read."""

    wall_s: float
    own_s: float
    children_s: float
    read: int


def cost(run: Callable[[], object]) -> tuple[object, Cost]:
    began_s, before = time.perf_counter(), spent_so_far()
    made = run()
    wall_s, after = time.perf_counter() - began_s, spent_so_far()
    return made, Cost(wall_s, *(now - then for now, then in zip(after, before, strict=True)))


def spent_so_far() -> tuple[float, float, int]:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    io = Path("/proc/self/io").read_text() if Path("/proc/self/io").exists() else "rchar: 0"
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime, int(io.split()[1])


def timed(what: str, run: Callable[[], object], n: int = 0):
    made, spent = cost(run)
    n = n or len(made)
    cpu_s = spent.own_s + spent.children_s
    workers = f" + {spent.children_s:.2f} of workers" if spent.children_s else ""
    print(
        f"  {what}: {spent.own_s:.2f} CPU-s{workers}, {spent.wall_s:.2f} s, "
        f"{cpu_s / n * 1e3:.3f} CPU-ms a video, {n / spent.wall_s:.0f} videos/s",
        flush=True,
    )
    return made


if __name__ == "__main__":
    main()
