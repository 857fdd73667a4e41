"""Training from very many shards by URL: start-up, open files, shuffling, and another world size.

    python benchmarks/shards_by_url.py [--shards 10000] [--steps 100] [--work FOLDER]

Makes a folder of tiny shards, four clips of 16 frames in each, four shards of a speaker, serves it on this
machine from another process (``http://``) and reads the batches that ``train-encoder`` trains on. Says CPU
and wall seconds from the URL to the first batch, the most files that are open at once, how batches are mixed
beside clips in a uniformly random order, and whether 1, 2 and 4 processes go on with the same pairs.
"""

import argparse
import functools
import http.server
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.files.stamps import sha256_of
from speechlip.files.strict_json import encode_json
from speechlip.manifest import About
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.finish import FolderFacts, finish
from speechlip.preparing.place.placing import done_unit, tar_path
from speechlip.preparing.plan.units import Unit
from speechlip.records import Clip, Source
from speechlip.remote.mirror import shards_at
from speechlip.shards.ledger import LedgerRow, line_of
from speechlip.shards.pairs.rules import pair_clip
from speechlip.shards.read.shardset import ShardSet, open_shards
from speechlip.shards.sample_meta import meta_of
from speechlip.shards.writer import encode_clip, write_shard
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import TrainOptions
from speechlip.training.processes.ranks import Ranks
from speechlip.training.streams import SharedStreams, open_streams

FRAMES, CLIPS_A_SHARD, SHARDS_A_SPEAKER = 16, 4, 4
PREPARED = PrepOptions(detector="cascade", spectrogram="mel", min_clip_s=0.5)
TRAINED = TrainOptions(encoder="mel-cnn", loss="nce", batch_size=64, steps=10, augment="none")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--work", type=Path, help="Kept, with its shards; else a new folder, deleted.")
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp())
    os.environ["SPEECHLIP_HOME"] = tempfile.mkdtemp(dir=work if work.is_dir() else None)
    try:
        folder = work / f"shards-{given.shards}"
        if not (folder / "manifest.json").exists():
            many_shards(folder, given.shards)
        with served(folder) as url:
            measure(url, given.steps)
    finally:
        shutil.rmtree(os.environ["SPEECHLIP_HOME"], ignore_errors=True)
        if not given.work:
            shutil.rmtree(work, ignore_errors=True)


def measure(url: str, steps: int) -> None:
    began = Clock()
    mirror = shards_at(url)
    print(f"manifest and tables on this disk: {began}", flush=True)
    shards = open_shards(mirror, "train")
    print(f"shards opened, {len(shards.urls)}: {began}", flush=True)
    first = streams([mirror], 2)
    opened, most_open = [iter(each) for each in first], 0
    next_step(opened)
    print(f"first batch of {TRAINED.batch_size} pairs for two processes: {began}", flush=True)
    read = Clock()
    taken = []
    for _ in range(steps):
        taken.append(next_step(opened))
        most_open = max(most_open, sum(1 for _ in Path("/proc/self/fd").iterdir()))
    print(f"{steps} steps: {read}; at most {most_open} files open", flush=True)
    for line in mixed(taken, shards):
        print(line)
    states = [state for each in first for state in each.states().values()]
    wanted = [next_step(opened) for _ in range(10)]
    for count in (1, 2, 4):
        again, restored = streams([mirror], count, began_with=2), Clock()
        for each in again:
            each.load_states(states)
        iterators = [iter(each) for each in again]
        same = "the same" if [next_step(iterators) for _ in range(10)] == wanted else "OTHER"
        print(f"gone on with {count} processes, 10 steps: {same} pairs, {restored}", flush=True)


class Clock:
    """CPU seconds of this process and wall seconds since it was made."""

    def __init__(self) -> None:
        self.cpu_s, self.wall_s = time.process_time(), time.perf_counter()

    def __str__(self) -> str:
        cpu_s, wall_s = time.process_time() - self.cpu_s, time.perf_counter() - self.wall_s
        return f"{cpu_s:.2f} CPU-s, {wall_s:.2f} s"


def streams(folders: Sequence[Path], count: int, began_with: int | None = None) -> list[SharedStreams]:
    """The batches of each of ``count`` processes of a run."""
    pair = EncoderPair(torch.nn.Identity(), torch.nn.Identity(), rectified=False)
    splits = [open_shards(folder, "train") for folder in folders]
    objective = objective_of(TRAINED)
    return [
        open_streams(splits, TRAINED, objective, pair, Ranks(rank, count, rank), False, began_with)
        for rank in range(count)
    ]


def next_step(processes: Sequence[Iterator]) -> list[tuple[str, str]]:
    """The pairs of one step, as (key of the lips, key of the speech), over all processes in their order."""
    return [pair for each in processes for pair in next(each)["keys"]]


def mixed(steps: Sequence[Sequence[tuple[str, str]]], shards: ShardSet) -> Iterator[str]:
    """How steps are mixed, beside the same number of pairs whose lips are clips chosen at random."""
    n_shards = len(shards.urls)
    places = [[int(lips[1:]) // CLIPS_A_SHARD for lips, _ in step] for step in steps]
    chance = random.Random(0)
    at_random = [[chance.randrange(n_shards) for _ in step] for step in places]
    for name, own in (("as trained on", places), ("at random", at_random)):
        apart = np.mean([abs(one - other) for step in own for one, other in pairwise(step)])
        largest = np.mean([max(Counter(step).values()) / len(step) for step in own])
        different = np.mean([len(set(step)) for step in own])
        yield (
            f"{name}: neighbours in a step {apart / n_shards:.3f} of all shards apart (uniform 0.333), "
            f"{largest:.1%} of a step from one shard, {different:.1f} shards in a step"
        )


class served:
    """A folder behind ``http://`` of this machine, by a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> str:
        near, far = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(far, str(self.folder))
        )
        self.process.start()
        return f"http://127.0.0.1:{near.recv()}/"

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


def serve(pipe, folder: str) -> None:
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as server:
        pipe.send(server.server_port)
        server.serve_forever()


def many_shards(folder: Path, n_shards: int) -> None:
    """A finished folder whose samples are all alike but for their ``json``."""
    work = folder / ".work"
    work.mkdir(parents=True)
    clip, members = still()
    results, rows = {}, []
    for index in range(n_shards):
        unit = Unit("train", index, ())
        name, speaker = f"{index:06d}.mp4", f"s{index // SHARDS_A_SPEAKER:05d}"
        samples, clips = [], []
        for number in range(CLIPS_A_SHARD):
            own = replace(clip, source=Source(Path(name), name, speaker), start_frame=number * FRAMES)
            key = f"c{index * CLIPS_A_SHARD + number:09d}"
            meta = meta_of(own, PREPARED.clip_format, key, f"{index:064x}", ())
            samples.append((key, members | {"json": encode_json(meta.dump())}))
            clips.append(pair_clip(key, meta))
        path = tar_path(work, unit)
        fields = write_shard(path, samples)
        result = UnitResult(sha256_of(path), path.stat().st_size, fields, tuple(clips), ())
        results[unit] = done_unit(unit, result)
        rows.append(row_of(name, speaker, index))
    facts = FolderFacts(About(title="Still", licence="CC0-1.0"), PREPARED.as_dict())
    finish(folder, results, map(line_of, rows), facts)


def row_of(name: str, speaker: str, index: int) -> LedgerRow:
    length_s = CLIPS_A_SHARD * FRAMES / 25
    lengths = (length_s, length_s, length_s, 0.0)
    why = ({}, "", "", "")
    said = (f"{index:064x}", 1, (), {}, (), (FRAMES,) * CLIPS_A_SHARD, (80.0,) * CLIPS_A_SHARD)
    return LedgerRow(name, speaker, "train", "kept", CLIPS_A_SHARD, *lengths, *why, *said)


def still() -> tuple[Clip, dict[str, bytes]]:
    """A clip, and its members."""
    lips, speech = np.zeros((FRAMES, 96, 96, 3), np.uint8), np.ones(FRAMES, bool)
    source = Source(Path("a.mp4"), "a.mp4", "a")
    audio = np.zeros(640 * FRAMES, np.int16)
    clip = Clip(source, 0, 0, lips, audio, None, None, 1.0, 80.0, 0, speech=speech)
    form = PREPARED.clip_format
    return clip, encode_clip(clip, meta_of(clip, form, "a", "0" * 64, ()), form)


if __name__ == "__main__":
    main()
