"""Windows a second from the local shards of a prepared folder: the pair loader, beside three others that
deliver windows of the same size from the same clips.

    python benchmarks/loader.py shards/ [--split train] [--seconds 3] [--workers 1,2]

- webdataset alone: each clip decoded whole (filmstrip and ``.npy``), one window cut from it, or eight
- random access: the clip is decoded anew for every window
- ``.npy`` files, mapped into memory: nothing is decoded; the clips take nine times the room on the disk

A window is 5 frames of lips, uint8, and 25 columns of STFT, float16. Prints a row of a Markdown table for
each, measured in a process of its own after the first batches, over ``--seconds`` of CPU time of all its
processes. Linux; two minutes.
"""

import argparse
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset
from torch.utils.data import DataLoader, Dataset

from speechlip.format import CROP_SIZE
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.lookup import ClipLookup
from speechlip.shards.read.decode import decode_field, decode_meta
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import open_shards
from speechlip.timing import HOPS_PER_FRAME

BATCH, WINDOW = 64, 5
WARM_UP_BATCHES = 4
"""Until buffers are full, of two workers too."""
EPOCH_CLIPS = 200_000
"""Clips of an epoch: the shards are listed again and again, so that no epoch ends while it is measured."""
CORES = 16
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
Window = tuple[torch.Tensor, torch.Tensor, int]


@dataclass(frozen=True)
class Job:
    """What one measurement takes.

    shards: paths of the tars, as often as an epoch wants them.
    arrays: folder with ``.npy`` files of the same clips.
    """

    folder: Path
    split: str
    shards: tuple[str, ...]
    arrays: Path
    workers: int
    seconds: float


@dataclass(frozen=True)
class Measured:
    """windows_per_s: by the clock.
    windows_per_cpu_s: by the CPU seconds of all processes.
    own_ms: CPU milliseconds a batch in the process that takes the batches.
    worker_mb: largest proportional set size of a worker, MB.
    read_kb: kB that the workers' read calls gave, per window; mapped files are not counted.
    """

    windows_per_s: float
    windows_per_cpu_s: float
    own_ms: float
    worker_mb: float
    read_kb: float

    @property
    def extrapolated(self) -> float:
        """Windows a second on 16 cores, if each gives what one gives here: as many as the workers cut, at
        most as many as one process takes from them.
        """
        own_s = self.own_ms / 1e3 / BATCH
        workers_s = 1 / self.windows_per_cpu_s - own_s
        return min((CORES - 1) / workers_s, 1 / own_s) if own_s else CORES / workers_s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--only", default="", help="loaders whose name holds this")
    given = parser.parse_args()
    shards = open_shards(given.folder, given.split)
    urls = shards.urls * -(-EPOCH_CLIPS // shards.n_clips)
    print(
        "| loader | workers | windows/s | per CPU second | taking a batch, CPU ms | a worker, MB "
        f"| read, kB a window | {CORES} cores, extrapolated |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as arrays:
        unpack(given.folder, given.split, Path(arrays))
        for name in filter(lambda name: given.only in name, LOADERS):
            for workers in map(int, given.workers.split(",")):
                job = Job(given.folder, given.split, urls, Path(arrays), workers, given.seconds)
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                    report(name, workers, alone.submit(measure, name, job).result())


def report(name: str, workers: int, measured: Measured) -> None:
    print(
        f"| {name} | {workers} | {measured.windows_per_s:.0f} | {measured.windows_per_cpu_s:.0f} | "
        f"{measured.own_ms:.2f} | {measured.worker_mb:.0f} | {measured.read_kb:.1f} | "
        f"{measured.extrapolated:.0f} |",
        flush=True,
    )


def measure(name: str, job: Job) -> Measured:
    """One loader in this process, which holds nothing else."""
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # Linux's default up to Python 3.13
    batches = iter(LOADERS[name](job))
    list(islice(batches, WARM_UP_BATCHES))
    workers = [child.pid for child in multiprocessing.active_children()]
    before, began, own = counted(workers), time.perf_counter(), time.process_time()
    n_batches = 0
    for _ in batches:
        n_batches += 1
        after = counted(workers)
        if time.process_time() - own + after.cpu_s - before.cpu_s > job.seconds:
            break
    spent, own = time.perf_counter() - began, time.process_time() - own
    n_windows = n_batches * BATCH
    return Measured(
        n_windows / spent,
        n_windows / (own + after.cpu_s - before.cpu_s),
        own / n_batches * 1e3,
        max(map(proportional_mb, workers)),
        (after.read_kb - before.read_kb) / n_windows,
    )


# the loaders: job → batches of windows


def pairs(windows_per_clip: int) -> Callable[[Job], Iterable]:
    return lambda job: pair_loader(
        job.shards,
        batch_size=BATCH,
        mix="shift:0.5,clip:0.25,speaker:0.25",
        windows_per_clip=windows_per_clip,
        workers=job.workers,
    )


def plain_webdataset(windows_per_clip: int) -> Callable[[Job], Iterable]:
    """As webdataset's own README has it: tar → samples, shuffled, decoded; then the windows."""

    def cut(clips: Iterable[dict[str, Any]]) -> Iterator[Window]:
        rng = random.Random(0)
        for clip in clips:
            lips = clip["lips.jpg"].reshape(-1, CROP_SIZE, CROP_SIZE, 3)
            for _ in range(windows_per_clip):
                yield window(rng, lips, clip["stft.npy"])

    def batches(job: Job) -> Iterable:
        clips = webdataset.WebDataset(list(job.shards), shardshuffle=False).shuffle(64).decode("rgb8")
        return DataLoader(
            clips.compose(cut).shuffle(BATCH * WARM_UP_BATCHES // 2), BATCH, num_workers=job.workers
        )

    return batches


def random_access(job: Job) -> Iterable:
    return DataLoader(DecodeEveryWindow(job.folder, job.split), BATCH, num_workers=job.workers)


def mapped_arrays(job: Job) -> Iterable:
    return DataLoader(MappedArrays(job.arrays), BATCH, num_workers=job.workers)


LOADERS: dict[str, Callable[[Job], Iterable]] = {
    **{f"pair_loader, {windows} windows a clip": pairs(windows) for windows in (4, 8, 16)},
    "webdataset, 1 window a clip": plain_webdataset(1),
    "webdataset, 8 windows a clip": plain_webdataset(8),
    "random access, decoded for every window": random_access,
    "`.npy`, mapped": mapped_arrays,
}


class DecodeEveryWindow(Dataset):
    """What one writes first: item → random clip → decode it → one window of lips and one of speech."""

    def __init__(self, folder: Path, split: str) -> None:
        self.clips = ClipLookup(folder, split)
        self.keys = sorted(self.clips.places)

    def __len__(self) -> int:
        return EPOCH_CLIPS

    def __getitem__(self, item: int) -> Window:
        rng = random.Random(item)
        raw = self.clips.raw(rng.choice(self.keys))
        n_frames = decode_meta(raw).n_frames
        return window(rng, *(decode_field(raw, field, n_frames) for field in ("lips", "spectrogram")))


class MappedArrays(Dataset):
    """Item → random clip → one window of lips and one of speech out of files that are mapped."""

    def __init__(self, folder: Path) -> None:
        self.clips = [
            (np.load(path, mmap_mode="r"), np.load(path.with_suffix(".stft.npy"), mmap_mode="r"))
            for path in sorted(folder.glob("*.lips.npy"))
        ]

    def __len__(self) -> int:
        return EPOCH_CLIPS

    def __getitem__(self, item: int) -> Window:
        rng = random.Random(item)
        return window(rng, *rng.choice(self.clips))


def window(rng: random.Random, lips: np.ndarray, spectrogram: np.ndarray) -> Window:
    """A window of lips, one of speech that belongs to it or not, and whether it does."""
    starts, match = range(len(lips) - WINDOW + 1), rng.randrange(2)
    start = rng.choice(starts)
    speech = HOPS_PER_FRAME * (start if match else rng.choice(starts))
    return (
        torch.from_numpy(lips[start : start + WINDOW].copy()),
        torch.from_numpy(spectrogram[speech : speech + HOPS_PER_FRAME * WINDOW].copy()),
        match,
    )


def unpack(folder: Path, split: str, arrays: Path) -> None:
    for number, clip in enumerate(ClipReader(folder, split, shuffle_clips=0)):
        np.save(arrays / f"{number}.lips.npy", clip.lips)
        np.save(arrays / f"{number}.lips.stft.npy", clip.spectrogram)


# what processes take


@dataclass(frozen=True)
class Counted:
    cpu_s: float
    read_kb: float


def counted(pids: Iterable[int]) -> Counted:
    """CPU seconds and kB read of these processes until now."""
    cpu_s = read_kb = 0.0
    for pid in pids:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        cpu_s += (int(user) + int(system)) / TICKS_PER_S
        read_kb += int(Path(f"/proc/{pid}/io").read_text().split()[1]) / 1e3
    return Counted(cpu_s, read_kb)


def proportional_mb(pid: int) -> float:
    """Its memory, of what it shares with others its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1e3


def pairs_per_second(batches: Iterable, least_s: float, batch_size: int = BATCH) -> float:
    """Pairs a second over at least ``least_s`` after the first batches."""
    batches = iter(batches)
    list(islice(batches, WARM_UP_BATCHES))
    began, n_pairs = time.perf_counter(), 0
    for _ in batches:
        n_pairs += batch_size
        if time.perf_counter() - began > least_s:
            break
    return n_pairs / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
