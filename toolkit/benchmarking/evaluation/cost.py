"""What an encoder takes: time and memory, measured in a process that does nothing else.

    python -m speechlip.benchmarking.evaluation.cost '{"name": "hubert", "shards": "shards/", "split":
    "test"}'

prints a ``Cost`` as JSON. The libraries and the weights count into the memory, loading them does not count
into the time.
"""

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechlip.benchmarking.row_records import Cost
from speechlip.timing import FPS

SECONDS = 10.0
FROM_SOUND = ("audio", "spectrogram")
NOT_COMPUTED = "its features are not computed from sound here"
TIMEOUT_S = 900


@dataclass(frozen=True)
class CostTask:
    """Which encoder, on which clips."""

    name: str
    shards: str
    split: str
    device: str = "cpu"
    random_init: bool = False


def measured_cost(task: CostTask, parameters: int | None, head_parameters: int, future_ms: float) -> Cost:
    """The cost from a fresh process; with a reason in place of times where that process fails."""
    fixed: dict[str, Any] = {
        "parameters": parameters,
        "head_parameters": head_parameters,
        "look_ahead_ms": future_ms if math.isfinite(future_ms) else None,
    }
    command = [sys.executable, "-m", "speechlip.benchmarking.evaluation.cost", json.dumps(asdict(task))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
        return Cost(**fixed, **json.loads(done.stdout.splitlines()[-1]))
    except subprocess.CalledProcessError as error:
        return Cost(
            **fixed,
            reason=f"the measuring process failed: {(error.stderr.strip() or 'killed').splitlines()[-1]}",
        )
    except (subprocess.TimeoutExpired, OSError, ValueError, IndexError) as error:
        return Cost(**fixed, reason=f"the measuring process failed: {error}")


def measure(task: CostTask) -> dict:
    """What of ``Cost`` only a process of its own can tell."""
    import torch

    from speechlip.encoders.features.catalogue import open_encoder

    if task.device == "cpu":
        torch.set_num_threads(1)
    facts = {"threads": torch.get_num_threads(), "device": task.device}
    features = open_encoder(task.name, task.device, task.random_init, mix=True)
    clips = list(some_clips(task, features.fields))
    features.of_clip(clips[0])  # the first call also sets things up
    began = time.perf_counter()
    for clip in clips:
        features.of_clip(clip)
    passed_s, seconds = time.perf_counter() - began, sum(clip.meta.n_frames for clip in clips) / FPS
    facts |= {"seconds": seconds, "peak_memory_mb": peak_memory_mb(task.device)}
    if not set(features.fields) & set(FROM_SOUND):
        return facts | {"reason": NOT_COMPUTED}
    return facts | {"real_time_factor": passed_s / seconds}


def some_clips(task: CostTask, fields: tuple[str, ...]) -> Iterator:
    """Clips of 10 s in all, or as many as there are."""
    from speechlip.shards.read.reader import ClipReader

    frames = 0
    for clip in ClipReader(task.shards, task.split, fields=fields, shuffle_clips=0, rank=0, world_size=1):
        yield clip
        frames += clip.meta.n_frames
        if frames >= SECONDS * FPS:
            return


def peak_memory_mb(device: str) -> float:
    """Of the GPU where one computes, else of the process; in 10⁶ bytes."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated() / 1e6
    return peak_resident_bytes() / 1e6


def peak_resident_bytes() -> int:
    """Of this program alone: Linux's ``ru_maxrss`` starts with what the process that started it had."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    print(json.dumps(measure(CostTask(**json.loads(sys.argv[1])))))
