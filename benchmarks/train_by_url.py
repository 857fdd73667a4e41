"""train-encoder on very many shards by URL, beside the same shards in a folder: start, steps, memory, files.

    python benchmarks/train_by_url.py [--shards 10000] [--s3-shards 500] [--steps 10] [--work FOLDER]

Trains mel-cnn-wav2lip with batches of 16 pairs on the shards of shards_by_url.py: from their folder, by
``http://`` of this machine, and fewer of them by ``s3://`` of moto's server. Each run is a process of its own
with one thread; folder and URL take turns. Says CPU and wall seconds from the call of ``train`` to its first
step and of a step after it, peak memory and the most files open. Then trains by torchrun on another number of
processes than a run began with, and compares where it stands in the shards with a run that never stopped.
"""

import argparse
import logging
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from statistics import mean

import torch
from shards_by_url import many_shards, served, streams

from speechlip.progress import Silent
from speechlip.remote.mirror import shards_at
from speechlip.training.options import TrainOptions
from speechlip.training.train import train

ENCODER, BATCH = "mel-cnn-wav2lip", 16
"""It reads audio, and so trains on these shards, which have no STFT."""
BATCHES = 100
"""Of 64 pairs, read without being trained on."""
AGAIN = {(2, 1): "two processes, then one", (1, 2): "one process, then two"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--s3-shards", type=int, default=500, help="0 leaves s3:// out.")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--work", type=Path, help="Kept, with its shards; else a new folder, deleted.")
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp())
    try:
        folder = shards_in(work, given.shards)
        with served(folder) as url:
            compare(folder, "http", url, given.steps, given.turns)
            for counts, said in AGAIN.items():
                print(f"{said}: {gone_on(url, counts, given.steps)}", flush=True)
        if given.s3_shards:
            folder = shards_in(work, given.s3_shards)
            with stored(folder) as url:
                compare(folder, "s3", url, given.steps, given.turns)
    finally:
        if not given.work:
            shutil.rmtree(work, ignore_errors=True)


def shards_in(work: Path, count: int) -> Path:
    folder = work / f"shards-{count}"
    if not (folder / "manifest.json").exists():
        many_shards(folder, count)
    return folder


@dataclass(frozen=True)
class Measured:
    """A run of training.

    first_cpu_s, first_s: CPU and wall seconds from the call to the end of the first step.
    step_cpu_s, step_s: of a step after it, on average; a new shard is opened in every second.
    batch_cpu_s: of a batch that is read and not trained on, on average.
    peak_mb: resident memory at its highest.
    open_files: of the process, at most, after a step.
    """

    first_cpu_s: float
    first_s: float
    step_cpu_s: float
    step_s: float
    batch_cpu_s: float
    peak_mb: float
    open_files: int

    def __str__(self) -> str:
        return (
            f"first step after {self.first_cpu_s:.2f} CPU-s, {self.first_s:.2f} s; "
            f"then {self.step_cpu_s:.3f} CPU-s, {self.step_s:.3f} s a step, "
            f"{1000 * self.batch_cpu_s:.1f} CPU-ms a batch alone; "
            f"{self.peak_mb:.0f} MB; at most {self.open_files} files open"
        )


def compare(folder: Path, scheme: str, url: str, steps: int, turns: int) -> None:
    """Print what runs from folder and URL took, and the ratio of their steps."""
    count = folder.name.removeprefix("shards-")
    runs: dict[str, list[Measured]] = {"folder": [], scheme: []}
    for _ in range(turns):
        for name, shards in (("folder", str(folder)), (scheme, url)):
            runs[name].append(in_process(shards, steps))
            print(f"{count} shards, {name}: {runs[name][-1]}", flush=True)
    step, batch = (
        [min(getattr(run, name) for run in each) for each in runs.values()]
        for name in ("step_cpu_s", "batch_cpu_s")
    )
    print(
        f"{count} shards: a step by {scheme}:// takes {step[1] / step[0]:.2f} of the folder's CPU time, "
        f"a batch alone {batch[1] / batch[0]:.2f}",
        flush=True,
    )


def in_process(shards: str, steps: int) -> Measured:
    """``trained`` in a fresh process, with a mirror that is not there yet."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=trained, args=(far, shards, steps))
    process.start()
    far.close()
    measured = near.recv()
    process.join()
    return measured


class Steps(Silent):
    """When each step was done, and how many files were open then."""

    def __init__(self) -> None:
        self.cpu_s, self.wall_s, self.files = [time.process_time()], [time.perf_counter()], [0]

    def advance(self, amount: float = 1.0, at: str = "") -> None:
        self.cpu_s.append(time.process_time())
        self.wall_s.append(time.perf_counter())
        self.files.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))


def trained(pipe, shards: str, steps: int) -> None:
    torch.set_num_threads(1)
    options = TrainOptions.preset(
        "fast", encoder=ENCODER, steps=steps, batch_size=BATCH, device="cpu", augment="none"
    )
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SPEECHLIP_HOME"] = str(Path(scratch) / "home")
        seen = Steps()
        train(shards, Path(scratch) / "run", options, progress=seen)
        batch_cpu_s = read(shards)
    (first_cpu_s, *cpu_s), (first_s, *wall_s) = (
        [after - before for before, after in pairwise(times)] for times in (seen.cpu_s, seen.wall_s)
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    own = first_cpu_s, first_s, mean(cpu_s), mean(wall_s), batch_cpu_s, peak_mb, max(seen.files)
    pipe.send(Measured(*own))


def read(shards: str) -> float:
    """CPU seconds of a batch of the stream, on average."""
    (stream,) = streams([shards_at(shards)], 1)
    batches = iter(stream)
    next(batches)
    began_s = time.process_time()
    for _ in islice(batches, BATCHES):
        pass
    return (time.process_time() - began_s) / BATCHES


def gone_on(url: str, counts: tuple[int, int], steps: int) -> str:
    """Whether a run that goes on with another number of processes stands where one does that never stopped,
    and what going on took.
    """
    with tempfile.TemporaryDirectory() as scratch:
        home, straight, stopped = (Path(scratch) / name for name in ("home", "straight", "stopped"))
        command(home, counts[0], url, straight, 2 * steps)
        command(home, counts[0], url, stopped, steps)
        took = command(home, counts[1], url, stopped, 2 * steps, "--resume")
        stands, wanted = (positions(run / f"step-{2 * steps:08d}") for run in (stopped, straight))
    same = "the same place" if stands == wanted else "ANOTHER PLACE"
    return f"{same} in the shards after {steps} more steps, {took}"


def command(home: Path, processes: int, url: str, run: Path, steps: int, *more: str) -> str:
    """``train-encoder``; what it took."""
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    given = ["speechlip", "train-encoder", url, "-o", str(run), "--encoder", ENCODER, "--preset", "fast"]
    size = [f"--steps={steps}", f"--batch-size={BATCH}", "--device=cpu", "--quiet"]
    own = {"SPEECHLIP_HOME": str(home), "OMP_NUM_THREADS": "1"}
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", *(launcher if processes > 1 else []), *given, *size, *more],
        env=os.environ | own,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began_s
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{cpu_s:.1f} CPU-s, {wall_s:.1f} s with the start of the command"


def positions(checkpoint: Path) -> list[dict]:
    """Where each stream of a run stands in the shards."""
    return torch.load(checkpoint / "trainer.pt", weights_only=True)["positions"]


@contextmanager
def stored(folder: Path) -> Iterator[str]:
    """The folder in a bucket of moto's server, which runs in this process."""
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.get_host_and_port()[1]}",
    }
    fs = s3fs.S3FileSystem()
    fs.mkdir("talks")
    fs.put(f"{folder}/", "talks/shards/", recursive=True)
    try:
        yield "s3://talks/shards"
    finally:
        server.stop()


if __name__ == "__main__":
    main()
