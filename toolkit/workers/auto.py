"""How many worker processes a job gets that asks for ``auto``.

As many as there are cores that this process may use, as its free memory holds, and as there are units of
work; one for a job that wants a GPU to itself. docs/decisions/workers-auto.md has the reasons and
the measured peaks.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speechlip.checks import AUTO
from speechlip.progress import Progress
from speechlip.wording import counted

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
V1_NO_LIMIT = 1 << 60
"""Version 1 writes the largest number of pages where there is no limit of memory."""


@dataclass(frozen=True)
class Machine:
    """What this process may use.

    cores: of its affinity and its cgroups' quotas, at least 1.
    free_bytes: of memory, which its cgroups leave; None where it cannot be known.
    """

    cores: int
    free_bytes: int | None


@dataclass(frozen=True)
class Choice:
    """How many workers, and why, for a person."""

    workers: int
    reason: str


def settle_workers(
    workers: int | str, units: int, kind: str, peak_bytes: int, progress: Progress, gpu: bool = False
) -> int:
    """The number of processes: as asked, or by ``choose`` where that is ``auto``, which is said.

    units: of work that there are.
    kind: of unit, such as ``video``.
    peak_bytes: of memory that one worker takes.
    gpu: whether the job wants the GPU for one worker.
    """
    if workers != AUTO:
        return int(workers)
    if not units:
        return 1
    choice = choose(units, kind, peak_bytes, this_machine(), gpu)
    progress.say(choice.reason)
    return choice.workers


def choose(units: int, kind: str, peak_bytes: int, machine: Machine, gpu: bool = False) -> Choice:
    """Workers for so many units of work on a machine.

    >>> choose(14, "video", 10**9, Machine(cores=8, free_bytes=6 * 10**9)).reason
    '6 workers: memory of 6.0 GB, 1.0 GB each (8 cores, 14 videos)'
    >>> choose(3, "clip", 10**9, Machine(cores=8, free_bytes=None), gpu=True).reason
    '1 worker: one GPU (8 cores, 3 clips)'
    """
    most = {counted(machine.cores, "core"): machine.cores}
    if machine.free_bytes is not None:
        words = f"memory of {machine.free_bytes / 1e9:.1f} GB, {peak_bytes / 1e9:.1f} GB each"
        most[words] = machine.free_bytes // peak_bytes
    most[counted(units, kind)] = units
    if gpu:
        most["one GPU"] = 1
    least = min(most, key=lambda words: most[words])
    others = [words for words in most if words != least and not words.startswith("memory")]
    workers = max(1, most[least])
    return Choice(workers, f"{counted(workers, 'worker')}: {least} ({', '.join(others)})")


def this_machine() -> Machine:
    return Machine(usable_cores(), free_bytes())


def usable_cores(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Cores that this process may use: of its affinity, and of the quota of its cgroups, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(proc, cgroups))]))


def free_bytes(proc: Path = PROC, cgroups: Path = CGROUPS) -> int | None:
    """Memory that this process may still use, what the system can give back included; None: unknown."""
    free = [_available(proc), *_left_by_cgroups(proc, cgroups)]
    return min((each for each in free if each is not None), default=None)


def _quotas(proc: Path, cgroups: Path) -> Iterator[float]:
    """Cores of every cgroup with a quota that this process is in."""
    for folder in _folders(proc, cgroups, "cpu"):
        words = _read(folder / "cpu.max").split() or [
            _read(folder / "cpu.cfs_quota_us"),
            _read(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            yield int(words[0]) / int(words[1])


def _left_by_cgroups(proc: Path, cgroups: Path) -> Iterator[int]:
    """What every cgroup with a limit of memory leaves; files in its cache do not count as taken."""
    for folder in _folders(proc, cgroups, "memory"):
        for most, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit, taken = _read(folder / most), _read(folder / used)
            if limit.isdigit() and taken.isdigit() and int(limit) < V1_NO_LIMIT:
                kept = dict(line.split() for line in _read(folder / "memory.stat").splitlines())
                yield max(0, int(limit) - int(taken) + int(kept.get(cache, 0)))


def _folders(proc: Path, cgroups: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's cgroups for a controller, each with those above it; version 2, then 1.

    In a container the path of a cgroup is often that of the host, and its files lie at the top.
    """
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top = cgroups
        elif controller in controllers.split(","):
            top = cgroups / controller
        else:
            continue
        folder = top / path.strip("/")
        yield from (place for place in (folder, *folder.parents) if place.is_relative_to(top))


def _available(proc: Path) -> int | None:
    """MemAvailable of the whole machine."""
    for line in _read(proc / "meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
