"""SyncNet beside the PyPI package ``syncnet-python``: the same crops, audio and random weights, in one
process; then the memory of a long clip.

    python benchmarks/syncnet_speed.py [--seconds 8] [--long-seconds 60] [--repeats 5] [--threads N]
    [--no-memory]

Speed: the peer's ``SyncNetInstance.evaluate`` without reading its JPEG files (they are handed to it decoded)
against ``sync_features`` + ``sync_score``, in turns, best of the repeats. Memory: one process each for a clip
of ``--long-seconds``; the peak of the resident size above what the process held after its imports and
weights. On a machine that others use, ``--threads 1``: then CPU time is measured, not the clock on the wall.
"""

import argparse
import contextlib
import io
import itertools
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from scipy.io import wavfile
from syncnet_python import SyncNetInstance, SyncNetModel

from speechlip.metrics.sync.lse import SyncScore, sync_score
from speechlip.metrics.sync.syncnet import load_syncnet, sync_features
from speechlip.timing import FPS, SAMPLE_RATE

DISTINCT_CROPS = 50
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
        print_speed(weights, given.seconds, given.repeats)
        if not given.no_memory:
            print_memory(weights, given.long_seconds)


def print_speed(weights: Path, seconds: int, repeats: int) -> None:
    peers, ours, scores = [], [], {}
    for _ in range(repeats):
        for run, times in ((peer_score, peers), (our_score, ours)):
            scores[run], spent = run(weights, seconds)
            times.append(spent)
    (offset, conf, dist), mine = scores[peer_score], scores[our_score]
    print("| SyncNet stage | s per s of video | windows / s |\n|---|---|---|")
    for name, times in (("syncnet-python", peers), ("speechlip", ours)):
        print(f"| {name} | {min(times) / seconds:.3f} | {(seconds * FPS - 5) / min(times):.0f} |")
    ratios = sorted(p / o for p, o in zip(peers, ours, strict=True))
    print(
        f"\nspeed ratio {min(peers) / min(ours):.2f} "
        f"(turn by turn {ratios[0]:.2f} … {ratios[len(ratios) // 2]:.2f} … {ratios[-1]:.2f})"
    )
    print(
        f"|ΔLSE-C| {abs(mine.lse_c - conf):.1e}, |ΔLSE-D| {abs(mine.lse_d - dist):.1e}, "
        f"offset {mine.offset_frames} and {offset}\n"
    )


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


def our_score(weights: Path, seconds: int) -> tuple[SyncScore, float]:
    model, audio = load_syncnet(weights, allow_unknown=True), speech(seconds)
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
