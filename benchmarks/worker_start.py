"""Workers forked from a server that imported the libraries once, beside fresh interpreters: until all have
begun, and the memory of each.

    python benchmarks/worker_start.py [--workers 4]

Both times begin with nothing started, in a process of their own. Memory is the proportional set size (pages
that several processes share are divided among them) once every library is imported. Linux only.
"""

import argparse
import importlib
import multiprocessing
import statistics
import time
from pathlib import Path

from speechlip.workers import processes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=4)
    workers = parser.parse_args().workers
    for name, context in (
        ("forked from a server", processes.process_context()),
        ("fresh interpreters", multiprocessing.get_context("spawn")),
    ):
        seconds, megabytes = begun(context, workers)
        print(f"{name}: all {workers} ready after {seconds:.1f} s, {megabytes:.0f} MB each")


def begun(context, workers: int) -> tuple[float, float]:
    ready, measured, sizes = context.Barrier(workers + 1), context.Barrier(workers + 1), context.SimpleQueue()
    began = time.perf_counter()
    started = [context.Process(target=worker, args=(ready, measured, sizes)) for _ in range(workers)]
    for process in started:
        process.start()
    ready.wait()
    seconds = time.perf_counter() - began
    megabytes = statistics.mean(sizes.get() for _ in started)
    measured.wait()
    for process in started:
        process.join()
    return seconds, megabytes


def worker(ready, measured, sizes) -> None:
    for name in processes.IMPORTED_ONCE:
        importlib.import_module(name)
    ready.wait()
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    sizes.put(next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024)
    measured.wait()


if __name__ == "__main__":
    main()
