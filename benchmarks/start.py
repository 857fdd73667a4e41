"""How long it is until a command says something: --help, the first progress, the first result, the end.

    python benchmarks/start.py [--runs 3] [--only prep-shards,score-sync] [--imports]

Commands run as people run them, on a terminal (a pseudo terminal, so that bars are drawn), four synthetic
clips of 4 s, two training steps. Wall time is from Enter; CPU that of the command and all its processes.
Ratios are to ``import torch`` in the same run. Linux only. With --imports: the packages whose imports take
longest, in all processes of the command, each without what it imports.
"""

import argparse
import ctypes
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
PROGRESS = re.compile(rb"\d%\|")
"""What every bar shows."""
HELPED = [
    "prep-shards",
    "verify-shards",
    "inspect-shards",
    "score-sync",
    "train-encoder",
    "export-features",
    "score-encoder",
    "push-shards",
    "push-encoder",
    "speechlip",
]
SHOWN = 10
PR_SET_CHILD_SUBREAPER = 36
"""Orphans become children of this process, so that their CPU is counted (linux/prctl.h)."""
LOOK_S = 0.01
SPLIT = ("--split", "train=0.5,validation=0.25,test=0.25")


@dataclass(frozen=True)
class Spent:
    """Seconds from Enter.

    progress_s: until the first bar is drawn; None where there was none.
    result_s: until a file of the first result is there, else the end.
    wall_s: until the end.
    cpu_s: of all processes, until the end.
    """

    progress_s: float | None
    result_s: float
    wall_s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3, help="The least of so many is printed.")
    parser.add_argument("--only", default="")
    parser.add_argument("--imports", action="store_true")
    given = parser.parse_args()
    count_orphans()
    nothing = least([BIN / "python", "-c", "pass"], given.runs)
    torch = least([BIN / "python", "-c", "import torch"], given.runs)
    print(f"python -c pass: {nothing.cpu_s:.2f} CPU-s, {nothing.wall_s:.2f} s")
    print(f"import torch: {torch.cpu_s:.2f} CPU-s, {torch.wall_s:.2f} s\n")
    print("| `--help` of | CPU-s | s | of `python -c pass` (CPU) |\n|---|---|---|---|")
    for name in HELPED:
        spent = least([BIN / name, "--help"], given.runs)
        print(f"| {name} | {spent.cpu_s:.2f} | {spent.wall_s:.2f} | {spent.cpu_s / nothing.cpu_s:.0f} × |")
    with tempfile.TemporaryDirectory() as folder:
        on_tiny_input(Path(folder), torch, given.only.split(",") if given.only else [], given.imports)


def on_tiny_input(folder: Path, torch: Spent, only: Sequence[str], imports: bool) -> None:
    """Print what each main command takes."""
    videos, shards = folder / "videos", folder / "shards"
    quietly("speechlip", "synthesize", videos, "--identities", 4, "--clips", 1)
    quietly("prep-shards", videos, "-o", shards, "--detector", "cascade", *SPLIT)
    print("\n| command | first progress | first result | end | CPU of all | of `import torch` (CPU) |")
    print("|---|---|---|---|---|---|")
    wanted = {
        name: what for name, what in commands(folder, videos, shards).items() if not only or name in only
    }
    for name, (arguments, result) in wanted.items():
        spent = run([BIN / name, *map(str, arguments)], folder, result)
        progress = "none" if spent.progress_s is None else f"{spent.progress_s:.1f} s"
        print(
            f"| {name} | {progress} | {spent.result_s:.1f} s | {spent.wall_s:.1f} s | {spent.cpu_s:.1f} s "
            f"| {spent.cpu_s / torch.cpu_s:.1f} × |",
            flush=True,
        )
    for name, (arguments, _) in wanted.items() if imports else ():
        again = [each if each != folder / "out" / name else folder / "again" / name for each in arguments]
        print(f"\n{name}, ms of imports by package: {heaviest(name, again)}", flush=True)


def commands(folder: Path, videos: Path, shards: Path) -> dict[str, tuple[list, str]]:
    """Command → arguments, and a pattern of the first result below ``folder``."""
    out = {name: folder / "out" / name for name in HELPED}
    steps = ["--steps", 2, "--batch-size", 4]
    return {
        "prep-shards": (
            [videos, "-o", out["prep-shards"], "--detector", "cascade", *SPLIT],
            "out/prep-shards/.work/*-*.json",
        ),
        "verify-shards": ([shards], ""),
        "inspect-shards": ([shards, "-o", out["inspect-shards"]], ""),
        "push-shards": ([shards, "someone/talks", "--dry-run"], ""),
        "score-sync": (
            [
                videos,
                "-o",
                out["score-sync"],
                "--reference",
                videos,
                "--detector",
                "cascade",
                "--metrics",
                "psnr",
            ],
            "out/score-sync/.clips/*.json",
        ),
        "train-encoder": ([shards, "-o", out["train-encoder"], *steps], "out/train-encoder/history.csv"),
        "score-encoder": (
            [shards, "-o", out["score-encoder"], "--encoder", "log-mel", "--preset", "quick", *steps],
            "out/score-encoder/.rows/*/row.json",
        ),
    }


def least(command: Sequence[object], runs: int) -> Spent:
    return min((run(list(map(str, command))) for _ in range(runs)), key=lambda spent: spent.cpu_s)


def run(command: Sequence[object], folder: Path = Path(), result: str = "") -> Spent:
    """Run a command on a pseudo terminal; its first bar, and its first result below ``folder``, are seen."""
    began_s, seen, progress_s, result_s = time.perf_counter(), b"", None, None
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        os.execv(command[0], list(map(str, command)))
    while True:
        ready, _, _ = select.select([terminal], [], [], LOOK_S)
        if result_s is None and result and list(folder.glob(result)):
            result_s = time.perf_counter() - began_s
        if ready:
            try:
                seen += os.read(terminal, 1 << 16)
            except OSError:  # its end
                break
            if progress_s is None and PROGRESS.search(seen):
                progress_s = time.perf_counter() - began_s
    _, status, usage = os.wait4(pid, 0)
    os.close(terminal)
    wall_s, cpu_s = time.perf_counter() - began_s, usage.ru_utime + usage.ru_stime
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{command} failed:\n{seen.decode(errors='replace')}")
    return Spent(progress_s, result_s or wall_s, wall_s, cpu_s + cpu_of_orphans_s())


def count_orphans() -> None:
    """From now on processes that a command leaves behind become children of this one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def cpu_of_orphans_s() -> float:
    """CPU seconds of processes that the command left behind, such as the server of its workers."""
    cpu_s = 0.0
    with suppress(ChildProcessError):
        while True:
            _, _, usage = os.wait4(-1, 0)
            cpu_s += usage.ru_utime + usage.ru_stime
    return cpu_s


def heaviest(name: str, arguments: Sequence[object]) -> str:
    """The packages whose modules take most of the imports, each without what it imports."""
    words = [sys.executable, "-X", "importtime", BIN / name, *arguments]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    own_us: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        if found := re.match(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\w+)", line):
            own_us[found[2]] += int(found[1])
    return ", ".join(f"{package} {us / 1e3:.0f}" for package, us in own_us.most_common(SHOWN))


def quietly(name: str, *arguments: object) -> None:
    subprocess.run([BIN / name, *map(str, arguments)], check=True, capture_output=True)


if __name__ == "__main__":
    main()
