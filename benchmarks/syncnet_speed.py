"""SyncNet beside the PyPI package ``syncnet-python`` and beside the limit: the same crops, audio and random
weights, in one process; then the memory of a long clip.

    python benchmarks/syncnet_speed.py [--seconds 8] [--long-seconds 60] [--repeats 5] [--threads N]
    [--no-memory]

Limit: the multiply-adds of every layer, each window's, at the rate of a large fp32 matmul in the same run,
the fastest of three: torch's (MKL, slow on AMD), oneDNN's, numpy's (OpenBLAS). Layers: the same, each alone,
at the batch that is used. Speed: the peer's ``SyncNetInstance.evaluate`` without reading its JPEG files (they
are handed to it decoded) against ``sync_features`` + ``sync_score``, in turns, best of the repeats. Memory:
one process each for a clip of ``--long-seconds``; the peak of the resident size above what the process held
after its imports and weights. On a machine that others use, ``--threads 1``: then CPU time is measured, not
the clock on the wall.
"""

import argparse
import contextlib
import io
import itertools
import math
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from operator import truediv
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from scipy.io import wavfile
from syncnet_python import SyncNetInstance, SyncNetModel
from threadpoolctl import threadpool_limits

from speechlip.metrics.sync import CROP_PX, mfcc
from speechlip.metrics.sync.lse import SyncScore, sync_score
from speechlip.metrics.sync.syncnet import AUDIO_BATCH, CPU_BATCH, load_syncnet, sync_features
from speechlip.metrics.sync.syncnet_network import BF16, BRANCHES, FEATURES, FP32, MFCC_COLUMNS, Conv
from speechlip.timing import FPS, SAMPLE_RATE

DISTINCT_CROPS = 50
MATMUL = 2048
INPUTS = {"lip": (CROP_PX, CROP_PX), "aud": (mfcc.N_CEPSTRA, MFCC_COLUMNS)}
"""Height and width of a window of each branch."""
MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--long-seconds", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--no-memory", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.model"
        torch.manual_seed(0)
        torch.save(SyncNetModel().state_dict(), weights)
        print(
            f"torch {torch.__version__}, {torch.get_num_threads()} threads, "
            f"{torch.backends.cpu.get_cpu_capability()}\n"
        )
        limit = print_limit(given.repeats)
        print_layers(weights, limit, given.repeats)
        print_speed(weights, limit, given.seconds, given.repeats)
        if not given.no_memory:
            print_memory(weights, given.long_seconds)


def print_limit(repeats: int) -> float:
    """FLOP/s of a large matmul by three libraries; returns the fastest."""
    a, b = torch.randn(2, MATMUL, MATMUL)
    a_numpy, b_numpy, a_onednn, b_onednn = a.numpy(), b.numpy(), a.to_mkldnn(), b.to_mkldnn()
    a_bf16, b_bf16 = a.bfloat16(), b.bfloat16()
    runs = {
        "torch (MKL)": lambda: a @ b,
        "oneDNN": lambda: torch.nn.functional.linear(a_onednn, b_onednn),
        "numpy (OpenBLAS)": lambda: a_numpy @ b_numpy,
        "torch, bf16": lambda: a_bf16 @ b_bf16,
    }
    with torch.inference_mode(), threadpool_limits(torch.get_num_threads()):
        rates = {name: 2 * MATMUL**3 / best(run, repeats) for name, run in runs.items()}
    print(f"| matmul of {MATMUL}×{MATMUL} | GFLOP/s |\n|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate / 1e9:.0f} |")
    print()
    del rates["torch, bf16"]
    return max(rates.values())


def print_layers(weights: Path, limit: float, repeats: int) -> None:
    """Every layer of both branches, with its max pooling and ReLU."""
    fp32, bf16 = (load_syncnet(weights, allow_unknown=True, precision=name) for name in (FP32, BF16))
    print("| layer | GFLOP per s of video | fp32, ms a window | × the limit | bf16, ms a window |")
    print("|---|---|---|---|---|")
    for branch, channels, batch in (("lip", 15, CPU_BATCH), ("aud", 1, AUDIO_BATCH)):
        for place, (conv, size) in enumerate(sizes(branch)):
            x = torch.rand(batch, channels, *size).contiguous(memory_format=torch.channels_last)
            channels = conv.outputs
            lower = x.bfloat16() if branch == "lip" else x
            spent = best(partial(fp32.layer, branch, place, x), repeats) / batch
            spent_bf16 = best(partial(bf16.layer, branch, place, lower), repeats) / batch
            work = layer_flops(conv, size)
            print(
                f"| {branch}_conv{place} | {work * FPS / 1e9:.2f} | {1e3 * spent:.3f} | "
                f"{spent * limit / work:.2f} | {1e3 * spent_bf16:.3f} |"
            )
    print()


def sizes(branch: str) -> Iterator[tuple[Conv, tuple[int, int]]]:
    """Every convolution of a branch, with height and width of what it reads."""
    size = INPUTS[branch]
    for conv in BRANCHES[branch]:
        yield conv, size
        size = windows_of(size, conv.kernel[-2:], conv.stride, conv.padding)
        if conv.pool:
            kernel, stride, padding = conv.pool
            size = windows_of(size, (kernel, kernel), stride, (padding, padding))


def windows_of(size, kernel, stride, padding) -> tuple[int, int]:
    """Height and width of what a convolution or pooling gives."""
    strides = stride if isinstance(stride, tuple) else (stride, stride)
    return tuple(
        (length + 2 * pad - reach) // step + 1
        for length, reach, step, pad in zip(size, kernel, strides, padding, strict=True)
    )


def layer_flops(conv: Conv, size: tuple[int, int]) -> int:
    """Of one window: two for each multiply-add. size: height and width that the convolution reads."""
    places = math.prod(windows_of(size, conv.kernel[-2:], conv.stride, conv.padding))
    return 2 * places * conv.outputs * conv.inputs * math.prod(conv.kernel)


def window_flops() -> int:
    """Of one window through both branches and their linear layers."""
    linear = 2 * 2 * (512 * 512 + 512 * FEATURES)
    return linear + sum(layer_flops(conv, size) for branch in BRANCHES for conv, size in sizes(branch))


def best(run, repeats: int) -> float:
    """Seconds of one call, the least of several after a first."""
    run()
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(clock() - start)
    return min(times)


def print_speed(weights: Path, limit: float, seconds: int, repeats: int) -> None:
    rows = {"syncnet-python": peer_score, "speechlip": our_score, "speechlip, bf16": our_bf16_score}
    times, scores = {name: [] for name in rows}, {}
    for _ in range(repeats):
        for name, run in rows.items():
            scores[name], spent = run(weights, seconds)
            times[name].append(spent)
    windows = seconds * FPS - 5
    least = windows * window_flops() / limit
    print(
        f"limit: {window_flops() * FPS / 1e9:.1f} GFLOP per s of video at {limit / 1e9:.0f} GFLOP/s, "
        f"{least / seconds:.3f} s per s\n"
    )
    print("| SyncNet stage | s per s of video | windows / s | × the matmul limit |\n|---|---|---|---|")
    for name, spent in times.items():
        shortest = min(spent)
        print(f"| {name} | {shortest / seconds:.3f} | {windows / shortest:.0f} | {shortest / least:.2f} |")
    print()
    offset, conf, dist = scores["syncnet-python"]
    for name in ("speechlip", "speechlip, bf16"):
        mine, turns = scores[name], sorted(map(truediv, times["syncnet-python"], times[name]))
        ratio = min(times["syncnet-python"]) / min(times[name])
        print(
            f"{name}: speed ratio {ratio:.2f} "
            f"(turn by turn {turns[0]:.2f} … {turns[len(turns) // 2]:.2f} … {turns[-1]:.2f}); "
            f"|ΔLSE-C| {abs(mine.lse_c - conf):.1e}, |ΔLSE-D| {abs(mine.lse_d - dist):.1e}, "
            f"offset {mine.offset_frames} and {offset}"
        )
    print()


def print_memory(weights: Path, seconds: int) -> None:
    peaks = {}
    for name, run in (("syncnet-python", peer_score), ("speechlip", our_score)):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peaks[name] = pool.apply(added_peak, (run, weights, seconds))
    print(f"| {seconds} s clip | peak memory added |\n|---|---|")
    for name, peak in peaks.items():
        print(f"| {name} | {peak / MIB:.0f} MiB |")
    print(f"\nmemory ratio 1/{peaks['syncnet-python'] / peaks['speechlip']:.1f}")


def clock() -> float:
    """Seconds on the wall; of CPU where one thread does all."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def crops(seconds: int):
    """A stream of face-sized images, as a decoder would give them, few of them distinct."""
    distinct = np.random.default_rng(0).integers(0, 256, (DISTINCT_CROPS, 28, 28, 3), dtype=np.uint8)
    enlarged = [cv2.resize(small, (224, 224)) for small in distinct]
    yield from (image.copy() for image in itertools.islice(itertools.cycle(enlarged), seconds * FPS))


def speech(seconds: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2000, seconds * SAMPLE_RATE).astype(np.int16)


def our_bf16_score(weights: Path, seconds: int) -> tuple[SyncScore, float]:
    return our_score(weights, seconds, BF16)


def our_score(weights: Path, seconds: int, precision: str = FP32) -> tuple[SyncScore, float]:
    model, audio = load_syncnet(weights, allow_unknown=True, precision=precision), speech(seconds)
    start = clock()
    score = sync_score(*sync_features(model, crops(seconds), audio))
    return score, clock() - start


def peer_score(weights: Path, seconds: int) -> tuple[tuple[int, float, float], float]:
    peer = SyncNetInstance(SyncNetModel(), device="cpu")
    with torch.no_grad():
        peer.loadParameters(str(weights))
    with (
        tempfile.TemporaryDirectory() as folder,
        images_for_peer(seconds),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        wavfile.write(Path(folder) / "audio.wav", SAMPLE_RATE, speech(seconds))
        start = clock()
        score = peer.evaluate(SimpleNamespace(tmp_dir=folder, batch_size=20, vshift=15))
        return score, clock() - start


@contextlib.contextmanager
def images_for_peer(seconds: int):
    """The peer finds as many JPEG files as there are frames, and reading one of them gives the next crop."""
    inside = vars(sys.modules[SyncNetInstance.__module__])
    stream, kept = crops(seconds), {name: inside[name] for name in ("glob", "cv2")}
    inside["glob"] = SimpleNamespace(glob=lambda pattern: [f"{i:06d}" for i in range(seconds * FPS)])
    inside["cv2"] = SimpleNamespace(imread=lambda name: next(stream))
    try:
        yield
    finally:
        inside.update(kept)


def added_peak(run, weights: Path, seconds: int) -> int:
    """Bytes by which the peak of this process grows while it scores; a short clip goes first, so that
    libraries are loaded.
    """
    run(weights, 1)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    run(weights, seconds)
    return _status("VmHWM") - before


def _status(name: str) -> int:
    """A size from /proc/self/status, in bytes (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
