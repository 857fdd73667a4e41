"""Steps a second of train-encoder, beside a plain eager fp32 loop that reads its samples as Wav2Lip's
trainer does: same model, same batch.

    python benchmarks/train_speed.py shards/ [--encoder mel-cnn] [--batch-size 16] [--steps 10] [--device
    auto] [--workers 1] [--compile]

The plain loop: every clip is a folder of JPEG frames and a WAV; a sample lists the folder, reads five frames
and the whole WAV, and computes the spectrogram of the clip; then forward, loss, backward, Adam, and the loss
as a number in every step. Both print steps a second, CPU seconds of this process a step, the share of time
spent waiting for data, and that of a large matmul's FLOP/s; then come the memory by batch size and windows a
second of the loader alone. Two minutes on two cores; --quick leaves out bf16 and memory. A GPU wants
--batch-size 512 --steps 100 --workers 12 or more. Give it a few hundred clips.
"""

import argparse
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from loader import pairs_per_second
from scipy.io import wavfile
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from speechlip.device import choose_device
from speechlip.encoders.networks.lips import LipEncoder
from speechlip.encoders.networks.pair import SpeechLipPair, build_pair
from speechlip.encoders.networks.registry import speech_network
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.mix import parse_mix
from speechlip.shards.read.reader import ClipReader
from speechlip.spectra import spectrogram
from speechlip.timing import HOPS_PER_FRAME, SAMPLE_RATE
from speechlip.training.options import TrainOptions
from speechlip.training.run.history import HistoryRow
from speechlip.training.train import train

WINDOW, WARM_UP_STEPS, MIB = 5, 3, 1 << 20
NEGATIVES = "shift:1"
MATMUL_SIZE = {"cpu": 1024, "cuda": 8192}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path)
    parser.add_argument("--encoder", default="mel-cnn")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1, help="processes that read, for both loops")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clips", type=int, default=32, help="clips that the plain loop reads from")
    parser.add_argument("--memory", default="4,16,64", help="batch sizes")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fp32 alone, no table of memory")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device = choose_device(given.device)
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else torch.backends.cpu.get_cpu_capability()
    )
    print(
        f"{given.encoder}, batches of {given.batch_size}, {given.workers} reading, {given.threads} threads, "
        f"{name}, torch {torch.__version__}\n"
    )
    print_speed(given, device)
    if not given.quick:
        print_memory(given, device)
    print_loader(given)


def print_speed(given: argparse.Namespace, device: torch.device) -> None:
    flop = flop_of_a_pair(given.encoder)
    peak = {precision: matmul_flop_per_s(device, dtype) for precision, dtype in DTYPES.items()}
    print(
        "a large matmul: "
        f"{', '.join(f'{peak[precision] / 1e12:.3g} TFLOP/s in {precision}' for precision in peak)}\n"
    )
    print(
        "| loop | steps/s | windows/s | CPU s a step | waiting | of a large matmul's FLOP/s | ratio |\n"
        "|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        unpack(given.shards, Path(folder) / "frames", given.clips)
        plain = plain_loop(given, device, Path(folder) / "frames")
        speeds = [("plain eager fp32", "fp32", plain)]
        for precision in ["fp32"] if given.quick else DTYPES:
            ours = our_loop(given, precision, Path(folder) / precision)
            speeds.append((f"train-encoder {precision}", precision, ours))
        for name, precision, speed in speeds:
            share = speed.windows_per_s * flop / peak[precision]
            rate, ratio = speed.windows_per_s, speed.windows_per_s / plain.windows_per_s
            print(
                f"| {name} | {rate / given.batch_size:.2f} | {rate:.0f} | {speed.cpu_s:.3f} | "
                f"{speed.waited:.1%} | {share:.1%} | {ratio:.2f} |",
                flush=True,
            )


@dataclass(frozen=True)
class Speed:
    """windows_per_s: by the clock.
    waited: share of the time that was spent waiting for data.
    cpu_s: CPU seconds of the training process a step.
    """

    windows_per_s: float
    waited: float
    cpu_s: float


def our_loop(given: argparse.Namespace, precision: str, run: Path) -> Speed:
    """The second half of the steps of ``train`` as the command calls it."""
    options = TrainOptions(
        encoder=given.encoder,
        batch_size=given.batch_size,
        device=given.device,
        workers=given.workers,
        precision=precision,
        compile=given.compile,
        negatives=NEGATIVES,
        steps=2 * given.steps,
        validate_every=given.steps,
        validation_pairs=2,
        checkpoint_every=10**9,
    )
    rows: list[tuple[HistoryRow, float]] = []
    train(given.shards, run, options, on_row=lambda row: rows.append((row, time.process_time())))
    (_, half), (row, end) = rows
    return Speed(row.windows_per_s, row.data_wait, (end - half) / given.steps)


def unpack(shards: Path, folder: Path, n_clips: int) -> None:
    """Clips as Wav2Lip's preprocessing leaves them: a folder each, with 0.jpg, 1.jpg … and audio.wav."""
    for clip in islice(ClipReader(shards, "train", fields=("lips", "audio"), shuffle_clips=0), n_clips):
        (folder / clip.key).mkdir(parents=True)
        wavfile.write(folder / clip.key / "audio.wav", SAMPLE_RATE, clip.audio)
        for number, image in enumerate(clip.lips):
            cv2.imwrite(str(folder / clip.key / f"{number}.jpg"), image[:, :, ::-1])


class FramesInFolders(Dataset):
    """An item is a random window of a random clip, and speech that belongs to it for every other item."""

    def __init__(self, folder: Path, length: int) -> None:
        self.folders, self.length = sorted(folder.iterdir()), length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        folder = random.choice(self.folders)
        starts = range(len(list(folder.glob("*.jpg"))) - WINDOW + 1)
        start = random.choice(starts)
        speech = start if item % 2 else random.choice(starts)
        frames = [cv2.imread(str(folder / f"{start + number}.jpg"))[:, :, ::-1] for number in range(WINDOW)]
        columns = spectrogram(wavfile.read(folder / "audio.wav")[1])[
            HOPS_PER_FRAME * speech : HOPS_PER_FRAME * (speech + WINDOW)
        ]
        return (
            torch.from_numpy(np.stack(frames)),
            torch.from_numpy(columns.copy()),
            torch.tensor(float(start == speech)),
        )


def plain_loop(given: argparse.Namespace, device: torch.device, folder: Path) -> Speed:
    """Its speed after the warm-up."""
    pair = SpeechLipPair(speech_network(given.encoder), LipEncoder(), rectified=True).to(device).train()
    optimizer = torch.optim.Adam(pair.parameters(), 5e-5)
    steps = WARM_UP_STEPS + given.steps
    batches = iter(
        DataLoader(
            FramesInFolders(folder, steps * given.batch_size), given.batch_size, num_workers=given.workers
        )
    )
    waited = began = cpu_began = 0.0
    for step in range(steps):
        if step == WARM_UP_STEPS:
            waited, began, cpu_began = 0.0, time.perf_counter(), time.process_time()
        asked = time.perf_counter()
        lips, speech, label = next(batches)
        waited += time.perf_counter() - asked
        embeddings = pair(lips.to(device), speech.to(device))
        cosine = functional.cosine_similarity(*embeddings).clamp(1e-6, 1 - 1e-6)
        loss = functional.binary_cross_entropy(cosine, label.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    spent, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    return Speed(given.steps * given.batch_size / spent, waited / spent, cpu_s / given.steps)


def flop_of_a_pair(encoder: str) -> float:
    """Forward and backward of one pair, as torch counts them; what it does not count (elementwise work, a
    GPU's GRU) is left out.
    """
    pair = build_pair(encoder, "mouth", rectified=True)
    with FlopCounterMode(display=False) as counter:
        sum(embedding.sum() for embedding in pair(*random_batch(2, torch.device("cpu")))).backward()
    return counter.get_total_flops() / 2


def matmul_flop_per_s(device: torch.device, dtype: torch.dtype) -> float:
    """The best of a second of large matrix products."""
    n = MATMUL_SIZE[device.type]
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    best, until = 0.0, time.perf_counter() + 1
    while time.perf_counter() < until or not best:
        began = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = max(best, 2 * n**3 / (time.perf_counter() - began))
    return best


def print_memory(given: argparse.Namespace, device: torch.device) -> None:
    print("\n| batch | memory of a step, fp32 | bf16 |\n|---|---|---|")
    for batch_size in map(int, given.memory.split(",")):
        peaks = [
            alone(step_memory, given.encoder, batch_size, device, precision == "bf16") for precision in DTYPES
        ]
        print(f"| {batch_size} | {' | '.join(f'{peak / MIB:.0f} MiB' for peak in peaks)} |", flush=True)


def alone(function: Callable, *arguments: Any) -> Any:
    """The result of a function in a process of its own, which holds nothing of earlier ones."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def step_memory(encoder: str, batch_size: int, device: torch.device, bf16: bool) -> int:
    """Peak bytes of a training step with weights and Adam's state: on a GPU as allocated, else as the
    resident size grew.
    """
    before = begin_peak(device)
    pair = build_pair(encoder, "mouth", rectified=True).to(device)
    optimizer = torch.optim.Adam(pair.parameters(), 5e-5, fused=True)
    for _ in range(2):
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            embeddings = pair(*random_batch(batch_size, device))
        optimizer.zero_grad()
        functional.cosine_similarity(*embeddings).mean().backward()
        optimizer.step()
    return peak(device) - before


def random_batch(batch_size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    lips = torch.randint(0, 256, (batch_size, WINDOW, 96, 96, 3), dtype=torch.uint8, device=device)
    return lips, torch.rand(batch_size, WINDOW * HOPS_PER_FRAME, 257, device=device)


def begin_peak(device: torch.device) -> int:
    """Bytes held now; the peak counts from here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _status("VmHWM")


def _status(name: str) -> int:
    """A size from /proc/self/status, in bytes (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def print_loader(given: argparse.Namespace) -> None:
    print("\n| processes that read | windows/s of the loader alone |\n|---|---|")
    for workers in sorted({1, 2, given.workers} - {0}):
        loader = pair_loader(
            given.shards, "train", batch_size=given.batch_size, mix=parse_mix(NEGATIVES), workers=workers
        )
        rate = pairs_per_second(chain.from_iterable(repeat(loader)), 5, given.batch_size)
        print(f"| {workers} | {rate:.0f} |", flush=True)


if __name__ == "__main__":
    main()
