"""The whole benchmark: every encoder on a process of its own, each row kept as soon as it is there, the tables written last."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch

import speechlip
from speechlip.benchmarking.fit import steps
from speechlip.benchmarking.head import IN_WORDS, HeadedPair
from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.benchmarking.phones import anchor_ratios
from speechlip.benchmarking.records import (
    AS_TRAINED,
    CSV_NAME,
    FAILED,
    JSON_NAME,
    Benchmark,
    EncoderRow,
    as_json,
)
from speechlip.benchmarking.report.table import as_csv
from speechlip.benchmarking.row import RowJob, failed_row, findings_of, finished_row, make_row, one_thread
from speechlip.benchmarking.scores import compared, notes_on
from speechlip.benchmarking.tasks import (
    Task,
    examined,
    notes_of,
    shards_facts,
    tasks_of,
    training_notes,
    versions,
)
from speechlip.device import choose_device
from speechlip.encoders.features.catalogue import check_name
from speechlip.encoders.trained import batches
from speechlip.files.writing import write_text
from speechlip.metrics.statistics.intervals import METHOD
from speechlip.shards.pairs.rules import WINDOW
from speechlip.training.checkpoint import only_run
from speechlip.workers.pool import Crashed, Replaced, Work, outcomes

TIMED_DIM, TIMED_STEPS = 512, 2
CRASHED = (
    "its process died with {detail}, perhaps for lack of memory; try --workers 1, or a smaller --batch-size"
)


@dataclass(frozen=True)
class BenchmarkJob:
    """What to score, where to, how. command: as it was typed."""

    shards: Path
    out: Path
    encoders: Sequence[str]
    options: BenchmarkOptions
    workers: int = 1
    command: str = ""


@dataclass(frozen=True)
class Plan:
    """What lies ahead. rows: in all; done: of them. steps: of training still to do. notes: of the data. seconds_left: estimated."""

    rows: int
    done: int
    steps: int
    step_s: float
    seconds_left: float
    notes: Sequence[str]


class Watcher(Protocol):
    """Who is told: the plan, what is going on (and training steps done since), every row that is there."""

    def planned(self, plan: Plan) -> None: ...
    def advanced(self, doing: str, steps: float) -> None: ...
    def scored(self, row: EncoderRow) -> None: ...
    def replaced(self, event: Replaced) -> None: ...


def run_benchmark(job: BenchmarkJob, watcher: Watcher) -> Benchmark:
    """Score every encoder that has no row yet; write ``benchmark.json`` and ``benchmark.csv``; returns what is in the former.

    An encoder that fails is a row with its reason. Raises OptionError and ShardError for data or options that no encoder can be scored with, and for a
    name that can mean no encoder: before anything is trained.
    """
    with only_run(job.out, resume=True):
        return _run(job, watcher)


def _run(job: BenchmarkJob, watcher: Watcher) -> Benchmark:
    for name in dict.fromkeys(job.encoders):
        check_name(name)
    options = replace(
        job.options,
        device=choose_device(job.options.device).type,
        split=examined(job.shards, job.options.split),
    )
    facts, clips = shards_facts(job.shards, options.split)
    tasks, notes = (
        tasks_of(job.encoders, facts, options),
        [*notes_of(job.shards, facts, clips), *training_notes(options)],
    )
    with one_thread(options.device):
        rows_job = RowJob(job.out, job.shards, facts, options, anchor_ratios(job.shards, facts))
        rows = {task: row for task in tasks if (row := finished_row(rows_job, task))}
        pending = [task for task in tasks if task not in rows]
        watcher.planned(plan(tasks, pending, rows_job, job.workers, notes))
    for task, row in made_rows(partial(make_row, job=rows_job), pending, job.workers, watcher):
        rows[task] = row
        watcher.scored(row)
    found = [[] if rows[task].status == FAILED else findings_of(rows_job, task) for task in tasks]
    compared_rows = compared([rows[task] for task in tasks], found, rows_job.pair_facts, options.resamples)
    benchmark = Benchmark(
        shards=facts,
        options=asdict(options),
        clips=clips,
        rows=tuple(compared_rows),
        command=job.command,
        head=IN_WORDS,
        notes=(*notes, *notes_on(compared_rows, len(clips))),
        unlike_paper=unlike_paper(options),
        versions=versions(),
        speechlip=speechlip.__version__,
        intervals=METHOD,
    )
    write_text(job.out / CSV_NAME, as_csv(benchmark))
    write_text(job.out / JSON_NAME, as_json(benchmark))
    return benchmark


def made_rows(
    work: Work, pending: Sequence[Task], workers: int, watcher: Watcher
) -> Iterator[tuple[Task, EncoderRow]]:
    """Each task with its row; one worker: in this process, which on a GPU is its only one."""
    if min(workers, len(pending)) < 2:
        yield from ((task, work(task, watcher.advanced)) for task in pending)
    else:
        yield from outcomes(work, pending, workers, watcher.advanced, crashed, watcher.replaced)


def crashed(task: Task, crash: Crashed) -> EncoderRow:
    """What stands for a row whose process died twice."""
    return failed_row(task, CRASHED.format(detail=crash.detail))


def plan(
    tasks: Sequence[Task], pending: Sequence[Task], job: RowJob, workers: int, notes: Sequence[str]
) -> Plan:
    """How long it may take: a few steps of training and one examined batch are timed, the encoders' own features are not."""
    trained = [task for task in pending if task.mode != AS_TRAINED]
    n_steps = len(trained) * job.options.steps * job.options.seeds
    if not pending:
        return Plan(len(tasks), len(tasks), 0, 0.0, 0.0, notes)
    step_s, window_s = timed(job.options)
    windows = (
        job.facts.splits[job.facts.split]["seconds"]
        * 25
        / job.options.curve_every
        * (len(trained) * job.options.seeds + len(pending) - len(trained))
    )
    busy = max(1, min(workers, len(pending)))
    rounds = -(-len(pending) // busy) * busy / len(pending)  # the last round may leave processes idle
    return Plan(
        len(tasks),
        len(tasks) - len(pending),
        n_steps,
        step_s,
        (n_steps * step_s + windows * window_s) * rounds / busy,
        notes,
    )


def timed(options: BenchmarkOptions) -> tuple[float, float]:
    """(seconds of a training step, seconds of examining a window), on drawn numbers."""
    device, n = torch.device(options.device), options.batch_size
    pair = HeadedPair(TIMED_DIM, seed=0).to(device)
    starts = torch.zeros(n, dtype=torch.long)
    batch = {
        "lips": torch.zeros(n, WINDOW, 96, 96, 3, dtype=torch.uint8),
        "label": torch.ones(n),
        "keys": [(str(i), str(i)) for i in range(n)],
        "lips_start": starts,
        "speech_start": starts,
    }
    clock = [time.perf_counter()]
    for _ in steps(pair, [batch] * (TIMED_STEPS + 1), _Drawn(), options, device):  # type: ignore[arg-type]
        clock.append(time.perf_counter())
    pair.eval()
    began, crops = time.perf_counter(), iter(batch["lips"].flatten(0, 1).numpy()[: WINDOW * 8])  # type: ignore[attr-defined]
    with torch.inference_mode():
        windows = sum(len(pair.lips(part.to(device))) for part in batches(crops))
    return (clock[-1] - clock[1]) / TIMED_STEPS, (time.perf_counter() - began) / max(1, windows)


class _Drawn:
    """Features to time the head with."""

    dim = TIMED_DIM

    def frames(self, key: str, start: int, length: int) -> Any:
        return torch.zeros(length, TIMED_DIM).numpy()


def unlike_paper(options: BenchmarkOptions) -> dict[str, str]:
    """Where the common training is not that of SE4Lip's paper, which has another task: an encoder trained whole."""
    from speechlip.training.config import STATED

    ours = {"loss": "nce", "batch_size": options.batch_size, "lr": options.lr}
    said = {
        name: f"{ours[name]}, the paper has {value}" for name, value in STATED.items() if ours[name] != value
    }
    return said | {"speech encoder": "frozen, with a common head; the paper trains it"}
