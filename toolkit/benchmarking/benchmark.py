"""``speechlip.benchmark``: speech encoders in one table; rows are kept as they come, tables come last."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from speechlip.benchmarking.evaluation.phones import anchor_ratios, phones_notes
from speechlip.benchmarking.evaluation.scores import compared, notes_on
from speechlip.benchmarking.job import RowJob
from speechlip.benchmarking.options import FULL, RATES, BenchmarkOptions
from speechlip.benchmarking.plan import OnPlan, plan_rows
from speechlip.benchmarking.projection.projection_head import IN_WORDS
from speechlip.benchmarking.records import (
    AS_TRAINED,
    CSV_NAME,
    FAILED,
    JSON_NAME,
    PROTOCOL,
    Benchmark,
    protocol_of,
)
from speechlip.benchmarking.rendered import refuse_person, with_renders
from speechlip.benchmarking.report.card import write_card
from speechlip.benchmarking.report.noise import NOISE_CSV, NOISE_PNG, draw_noise, has_noise, noise_csv
from speechlip.benchmarking.report.page import write_report
from speechlip.benchmarking.report.table import as_csv
from speechlip.benchmarking.row import failed_row, finished_row, make_row, one_thread
from speechlip.benchmarking.row_records import EncoderRow
from speechlip.benchmarking.seeds import evaluations_of
from speechlip.benchmarking.shards import evaluated_split, notes_of, shards_facts, training_notes
from speechlip.benchmarking.tasks import Task, tasks_of, versions
from speechlip.checks import AUTO, Workers, check_kind, check_out, check_path, check_workers
from speechlip.encoders.features.catalogue import check_name
from speechlip.errors import OptionError
from speechlip.files.writing import write_text
from speechlip.format import CARD
from speechlip.metrics.statistics.intervals import METHOD
from speechlip.progress import SILENT, Progress, ignore
from speechlip.remote.mirror import run_at, shards_at
from speechlip.remote.names import is_remote
from speechlip.training.paper import STATED
from speechlip.training.run.checkpoint import hold_run
from speechlip.version import VERSION
from speechlip.workers.cluster import Doing
from speechlip.workers.engines import LOCAL, EngineChoice, device_of, get_engine, settle_at_once
from speechlip.workers.events import Crashed, Work
from speechlip.workers.outcomes import spread

OUT = Path("benchmark")
CRASHED = (
    "its process died with {detail}, perhaps for lack of memory; try --workers 1, or a smaller --batch-size"
)
OnRow = Callable[[EncoderRow], None]
"""Called with every row as it is made, in no fixed order."""

PEAK_BYTES = 2_000_000_000
"""Of memory that one row takes while it trains, an estimate."""


def benchmark(
    encoders: str | Sequence[str],
    shards: str | Path,
    out: str | Path = OUT,
    options: BenchmarkOptions = FULL,
    *,
    render: str | Path | None = None,
    workers: Workers | None = None,
    engine: EngineChoice = LOCAL,
    cache: str | Path | None = None,
    command: str = "",
    progress: Progress = SILENT,
    on_plan: OnPlan = ignore,
    on_row: OnRow = ignore,
) -> Benchmark:
    """Score how well each encoder's features find the lips that belong to them, beside the controls.

    encoders: one name or several, as ``open_encoder`` takes them; a run of training gives two rows
    shards: a prepared folder, ``hf://user/name`` or ``https://…``
    out: folder of benchmark.json, .csv, .html and the card, with noise also noise.csv and noise.png; finished
        rows in it are kept
    render: a video of one person, whose lips each encoder then renders into ``out/renders``
    workers: encoders at a time; None or ``auto``: as many as the machine holds, 1 on a GPU
    engine: what makes rows, as ``prepare`` takes it
    cache: folder that keeps whole shards of ``hf://`` and ``https://``
    command: as it was typed, for the record
    on_plan: called once with the rows to make, before any training
    on_row: called with every row as it is made

    An encoder that fails is a row with its reason. Raises OptionError, ShardError and ModelError, before
    anything is trained, for shards and options that no encoder can be scored with, and for a name that means
    none.
    """
    check_kind("options", options, BenchmarkOptions)
    workers = AUTO if workers is None else workers
    check_workers(workers)
    shards, out = shards_at(shards, cache), check_out(out)
    person = check_path("render", render) if render is not None else None
    encoders = [encoders] if isinstance(encoders, str) else encoders
    names = [str(run_at(name)) if is_remote(name) else name for name in dict.fromkeys(encoders)]
    for name in names:
        check_name(name, mix=True)
    if person is not None:
        refuse_person(person, options.random_init)
    device = device_of(engine, options.device)
    get_engine(engine)
    with hold_run(out, resume=True):
        refuse_other_protocol(out)
        refuse_card_of_others(out)
        settled = replace(options, device=device, split=evaluated_split(shards, options.split))
        scored = score_encoders(
            names, shards, out, settled, workers, engine, command, progress, on_plan, on_row
        )
        if person is not None:
            scored = with_renders(scored, person, out, device, engine, progress)
        write_text(out / CSV_NAME, as_csv(scored))
        write_text(out / JSON_NAME, scored.dump())
        if has_noise(scored):
            write_text(out / NOISE_CSV, noise_csv(scored))
            draw_noise(scored, out / NOISE_PNG)
        write_report(out)
        write_card(out)
    return scored


def refuse_other_protocol(out: Path) -> None:
    """Raise OptionError where ``out`` holds a table of another protocol: rows of two do not compare."""
    path = out / JSON_NAME
    protocol = protocol_of(path)
    if protocol not in (None, PROTOCOL):
        raise OptionError(
            f"{path} is a table by {protocol}, this speechlip makes rows by {PROTOCOL}, and rows of two "
            "protocols do not compare; give another folder with -o"
        )


def refuse_card_of_others(out: Path) -> None:
    """Raise OptionError where ``out`` holds a README.md and no table: it is somebody's, and no card."""
    if (out / CARD).exists() and not (out / JSON_NAME).exists():
        raise OptionError(
            f"{out} holds a {CARD} that no benchmark left there and this one would replace; choose another -o"
        )


def score_encoders(
    names: Sequence[str],
    shards: Path,
    out: Path,
    options: BenchmarkOptions,
    workers: Workers,
    engine: EngineChoice,
    command: str,
    progress: Progress,
    on_plan: OnPlan,
    on_row: OnRow,
) -> Benchmark:
    """Make the rows that are not there yet, and compare all of them.

    options: device and split are settled.
    """
    facts, clips = shards_facts(shards, options.split)
    tasks = tasks_of(names, facts, options)
    notes = [
        *notes_of(shards, facts, clips),
        *training_notes(options, facts.validation),
        *phones_notes(shards, facts.split, options.recognised_phones),
    ]
    with one_thread(options.device):
        job = RowJob(out, shards, facts, options, anchor_ratios(shards, facts, options.recognised_phones))
        rows = {task: row for task in tasks if (row := finished_row(job, task))}
        undone = [task for task in tasks if task not in rows]
        pending = sorted(undone, key=lambda task: task.mode == AS_TRAINED)  # which trains nothing: short
        on_gpu = options.device.startswith("cuda")
        at_once = settle_at_once(engine, workers, len(pending), "row", PEAK_BYTES, progress, on_gpu)
        plan = plan_rows(tasks, pending, facts, options, at_once, notes)
    on_plan(plan)
    if pending:
        progress.begin("training", plan.steps, "steps")
    doing = Doing("score-encoder", (shards, out))
    for task, row in made_rows(partial(make_row, job=job), pending, at_once, progress, doing, engine):
        rows[task] = row
        on_row(row)
    evaluations = [[] if rows[task].status == FAILED else evaluations_of(job, task) for task in tasks]
    compared_rows = compared([rows[task] for task in tasks], evaluations, job.pair_facts, options.resamples)
    return Benchmark(
        shards=facts,
        options=asdict(options),
        clips=clips,
        rows=tuple(compared_rows),
        command=command,
        head=IN_WORDS,
        notes=(*notes, *notes_on(compared_rows, len(clips))),
        unlike_paper=unlike_paper(options),
        versions=versions(),
        speechlip=VERSION,
        intervals=METHOD,
    )


def made_rows(
    work: Work,
    pending: Sequence[Task],
    workers: int,
    progress: Progress,
    doing: Doing,
    engine: EngineChoice = LOCAL,
) -> Iterator[tuple[Task, EncoderRow]]:
    """Each task with its row; by ``local`` with one worker in this process, which on a GPU is its only
    one.
    """
    here = min(workers, len(pending)) < 2
    return spread(work, pending, workers, progress, crashed, doing, engine, here)


def crashed(task: Task, crash: Crashed) -> EncoderRow:
    """What stands for a row whose process died twice."""
    return failed_row(task, CRASHED.format(detail=crash.detail))


def unlike_paper(options: BenchmarkOptions) -> dict[str, str]:
    """Where the common training differs from SE4Lip's paper, which trains an encoder whole."""
    grid = " or ".join(f"{rate:g}" for rate in RATES)
    lr = f"{grid}, chosen on validation" if options.lr is None else options.lr
    ours = {"loss": "nce", "batch_size": options.batch_size, "lr": lr}
    said = {
        name: f"{ours[name]}, the paper has {value}" for name, value in STATED.items() if ours[name] != value
    }
    return said | {"speech encoder": "frozen, with a common head; the paper trains it"}
