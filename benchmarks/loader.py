"""Pairs a second from the local shards of a prepared folder: the pair loader, and a dataset that decodes the
clip anew for every window.

    python benchmarks/loader.py shards/ [--split train] [--seconds 10]

Prints one row of a Markdown table for each; give it at least a few hundred clips.
"""

import argparse
import random
import time
from collections.abc import Iterable
from itertools import chain, islice, repeat

import torch
from torch.utils.data import DataLoader, Dataset

from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.lookup import ClipLookup
from speechlip.shards.read.decode import decode_field, decode_meta
from speechlip.timing import HOPS_PER_FRAME, seconds

BATCH, WINDOW = 64, 5
WARM_UP_BATCHES = 4


class DecodeEveryWindow(Dataset):
    """What one writes first: item → random clip → decode it → one window of lips and one of speech, shifted
    for every other item.
    """

    def __init__(self, folder: str, split: str, length: int = 1_000_000) -> None:
        self.clips, self.length = ClipLookup(folder, split), length
        self.keys = sorted(self.clips.places)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        rng = random.Random(item)
        raw = self.clips.raw(rng.choice(self.keys))
        n_frames = decode_meta(raw).n_frames
        lips, spectrogram = decode_field(raw, "lips", n_frames), decode_field(raw, "spectrogram", n_frames)
        start = rng.randrange(n_frames - WINDOW + 1)
        speech = start if item % 2 else rng.randrange(n_frames - WINDOW + 1)
        columns = slice(HOPS_PER_FRAME * speech, HOPS_PER_FRAME * (speech + WINDOW))
        return (
            torch.from_numpy(lips[start : start + WINDOW].copy()),
            torch.from_numpy(spectrogram[columns].copy()),
            item % 2,
        )


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--split", default="train")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| loader | workers | windows_per_clip | pairs/s | seconds of video a second |\n|---|---|---|---|---|"
    )
    for workers in (1, 2):
        for windows in (4, 8, 16):
            loader = pair_loader(
                options.folder, options.split, batch_size=BATCH, windows_per_clip=windows, workers=workers
            )
            report(
                "pair_loader",
                workers,
                windows,
                pairs_per_second(chain.from_iterable(repeat(loader)), options.seconds),
            )
        naive = DataLoader(DecodeEveryWindow(options.folder, options.split), BATCH, num_workers=workers)
        report("decode for every window", workers, 1, pairs_per_second(naive, options.seconds))


def report(name: str, workers: int, windows: int, rate: float) -> None:
    print(
        f"| {name} | {workers} | {windows} | {rate:.0f} | {seconds(round(rate * WINDOW)):.0f} |", flush=True
    )


if __name__ == "__main__":
    main()
