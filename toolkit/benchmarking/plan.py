"""What lies ahead of a benchmark, and how long it may take: a few steps are timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from speechlip.benchmarking.options import RATES, BenchmarkOptions
from speechlip.benchmarking.projection.fit import steps
from speechlip.benchmarking.projection.projection_head import HeadedPair
from speechlip.benchmarking.records import AS_TRAINED, ShardsFacts
from speechlip.benchmarking.tasks import Task
from speechlip.encoders.trained import batches
from speechlip.format import CROP_SIZE
from speechlip.shards.pairs.rules import WINDOW
from speechlip.timing import FPS
from speechlip.workers.engines import here_of

TIMED_DIM, TIMED_STEPS = 512, 2


@dataclass(frozen=True)
class Plan:
    """What lies ahead."""

    rows: int
    """In all."""
    done: int
    """Of the rows, by an earlier run."""
    steps: int
    """Of training, still to do."""
    step_s: float
    """Seconds of a training step, as measured."""
    seconds_left: float
    """Estimated; the encoders' own features are not counted."""
    notes: tuple[str, ...]
    """On the shards and the training, for readers of the table."""


OnPlan = Callable[[Plan], None]
"""Called once, before anything is trained."""


def plan_rows(
    tasks: Sequence[Task],
    pending: Sequence[Task],
    facts: ShardsFacts,
    options: BenchmarkOptions,
    workers: int,
    notes: Sequence[str],
) -> Plan:
    """A few training steps and one evaluated batch are timed, the encoders' own features are not."""
    trained = [task for task in pending if task.mode != AS_TRAINED]
    rates = len(RATES) if options.lr is None and facts.validation else 1
    n_steps = len(trained) * options.steps * options.seeds * rates
    if not pending:
        return Plan(len(tasks), len(tasks), 0, 0.0, 0.0, tuple(notes))
    step_s, window_s = timed(options)
    evaluations = len(trained) * options.seeds + len(pending) - len(trained)
    windows = facts.splits[facts.split]["seconds"] * FPS / options.curve_every * evaluations
    windows *= 1 + len(options.noise_db)
    busy = max(1, min(workers, len(pending)))
    rounds = -(-len(pending) // busy) * busy / len(pending)  # the last round may leave processes idle
    seconds_left = (n_steps * step_s + windows * window_s) * rounds / busy
    return Plan(len(tasks), len(tasks) - len(pending), n_steps, step_s, seconds_left, tuple(notes))


def timed(options: BenchmarkOptions) -> tuple[float, float]:
    """(seconds of a training step, seconds of evaluating a window), on zeros; on a CPU where the GPU is
    not here.
    """
    device, n = torch.device(here_of(options.device)), options.batch_size
    pair = HeadedPair(TIMED_DIM, seed=0).to(device)
    starts = torch.zeros(n, dtype=torch.long)
    batch = {
        "lips": torch.zeros(n, WINDOW, CROP_SIZE, CROP_SIZE, 3, dtype=torch.uint8),
        "label": torch.ones(n),
        "keys": [(str(i), str(i)) for i in range(n)],
        "lips_start": starts,
        "speech_start": starts,
    }
    clock = [time.perf_counter()]
    for _ in steps(pair, [batch] * (TIMED_STEPS + 1), _Zeros(), options, device):  # type: ignore[arg-type]
        clock.append(time.perf_counter())
    pair.eval()
    lips: Any = batch["lips"]
    began, crops = time.perf_counter(), iter(lips.flatten(0, 1).numpy()[: WINDOW * 8])
    with torch.inference_mode():
        windows = sum(len(pair.lips(part.to(device))) for part in batches(crops))
    return (clock[-1] - clock[1]) / TIMED_STEPS, (time.perf_counter() - began) / max(1, windows)


class _Zeros:
    """Features to time the head with."""

    dim = TIMED_DIM

    def frames(self, key: str, start: int, length: int) -> np.ndarray:
        return np.zeros((length, TIMED_DIM), np.float32)
