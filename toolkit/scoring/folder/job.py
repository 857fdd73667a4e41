"""The whole scoring run: every clip on a process of its own, each result kept as soon as it is there, the tables written last.

``OUT/.clips`` holds one JSON per clip, named by what its numbers depend on: the files as they are, the options, the networks, the versions. A run that
was stopped, or is repeated, scores only clips whose name changed.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol as Interface

import speechlip
from speechlip.errors import UNEXPECTED, ModelError, OptionError, SourceRefused, where_raised
from speechlip.files.locks import only_run
from speechlip.files.names import is_file
from speechlip.files.stamps import file_stamp
from speechlip.files.tables import csv_text
from speechlip.files.writing import make_folder, scratch_folder, write_text
from speechlip.metrics import table
from speechlip.metrics.declared import Metric, NotScored
from speechlip.metrics.statistics.aggregate import aggregate
from speechlip.metrics.statistics.significance import METHOD
from speechlip.metrics.sync.columns import FAMILY
from speechlip.scoring import protocols
from speechlip.scoring.clip.rows import MEAN, failed_row, with_verdicts
from speechlip.scoring.clip.score_clip import Report, score_clip
from speechlip.scoring.columns import asked_columns
from speechlip.scoring.faces import sidecar_of
from speechlip.scoring.folder.other_runs import claim, refuse_fewer
from speechlip.scoring.networks import Networks, tools_of
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ClipDetail, ClipScore, ModelRow, ScoreRow, ScoreTask, TrackCurves
from speechlip.scoring.sync.verdict import STATED, CorrectionRules
from speechlip.workers.pool import CRASHED, DEFAULT_LIMITS, OVER_LIMIT, Crashed, Limits, Replaced, outcomes
from speechlip.workers.processes import use_one_thread

FORMAT = 1
CLIPS_FOLDER, SCRATCH = ".clips", "scratch"
VERSIONS_THAT_SHOW = (
    "av",
    "lpips",
    "mediapipe",
    "numpy",
    "opencv-contrib-python",
    "scikit-image",
    "scipy",
    "torch",
)


@dataclass(frozen=True)
class ScoreJob:
    """Where to, what of, how. command: as it was typed; unused_references: what ``renders.match`` left over; limits: of one clip.

    rules: which offsets are decided.
    """

    out: Path
    tasks: Sequence[ScoreTask]
    options: ScoreOptions
    networks: Networks
    command: str
    unused_references: Sequence[str] = ()
    limits: Limits = DEFAULT_LIMITS
    rules: CorrectionRules = STATED

    @property
    def clips(self) -> Path:
        return self.out / CLIPS_FOLDER


class Watcher(Interface):
    """Who is told how a run goes on: how many clips there are and are done, the seconds of video that a stage got through, every clip done,
    every process that had to be replaced."""

    def planned(self, clips: int, done: int) -> None: ...
    def advanced(self, clip: str, seconds: float) -> None: ...
    def scored(self, clip: str) -> None: ...
    def replaced(self, event: Replaced) -> None: ...


def score(job: ScoreJob, workers: int, watcher: Watcher) -> dict:
    """Score every clip that has no result yet, write ``scores.csv`` and ``scores.json``; returns what is in the latter.

    Raises OptionError where another run writes there or other clips' results lie there, WriteError where it cannot be written.
    """
    make_folder(job.clips)
    with only_run(job.clips), scratch_folder(job.clips / SCRATCH) as scratch:
        refuse_fewer(job.out, job.options.metrics)
        claim(job.out, job.clips, job.tasks)
        return _score(job, workers, watcher, scratch)


def _score(job: ScoreJob, workers: int, watcher: Watcher, scratch: Path) -> dict:
    places = {task: job.clips / f"{key_of(task, job)}.json" for task in job.tasks}
    results = {task: stored(place) for task, place in places.items()}
    pending = [task for task, result in results.items() if result is None or may_pass(result)]
    one_thread = min(workers, len(pending)) > 1
    work = partial(
        score_task, options=job.options, networks=job.networks, scratch=scratch, one_thread=one_thread
    )
    watcher.planned(len(job.tasks), len(job.tasks) - len(pending))
    lost = partial(crashed, options=job.options)
    for task, result in outcomes(
        work, pending, workers, watcher.advanced, lost, watcher.replaced, job.limits
    ):
        write_text(places[task], json.dumps(asdict(result), ensure_ascii=False))
        watcher.scored(task.clip)
    scores = tables(job, [load_result(places[task]) for task in job.tasks])
    write_text(job.out / "scores.csv", as_csv(scores["rows"]))
    write_text(job.out / "scores.json", json.dumps(scores, ensure_ascii=False, indent=1) + "\n")
    for stale in set(job.clips.glob("*.json")) - set(places.values()):
        stale.unlink()
    return scores


def may_pass(result: ClipScore) -> bool:
    """Whether a clip failed of what another run may not meet: a process that died, a full disk, a limit. Such a clip is scored again."""
    return any(reason in row.reason for row in result.rows for reason in (CRASHED, OVER_LIMIT, UNEXPECTED))


def crashed(task: ScoreTask, crash: Crashed, *, options: ScoreOptions) -> ClipScore:
    """What stands for a clip whose process died twice, or was over a limit."""
    return failure(task, options, NotScored(crash.reason, crash.detail + ", twice" * (not crash.limit)))


def score_task(
    task: ScoreTask,
    report: Report,
    *,
    options: ScoreOptions,
    networks: Networks,
    scratch: Path | None = None,
    one_thread: bool = False,
) -> ClipScore:
    """Score one clip; no error of a clip goes further than this. scratch: where files lie that are wanted while it is scored."""
    if one_thread:
        use_one_thread()
    report(task.clip, 0.0)
    try:
        return score_clip(task, options, tools_of(options, networks), report, scratch)
    except SourceRefused as refusal:
        return failure(task, options, NotScored(refusal.reason, refusal.detail))
    except (ModelError, OptionError):
        raise
    except Exception as error:
        return failure(task, options, NotScored(UNEXPECTED, where_raised(error)))


def failure(task: ScoreTask, options: ScoreOptions, problem: NotScored) -> ClipScore:
    """The result of a clip of which nothing could be scored."""
    detail = ClipDetail(
        clip=task.clip,
        render=str(task.render),
        reference=str(task.reference) if task.reference else None,
        driving_audio=str(task.driving_audio) if task.driving_audio else None,
        frames=0,
        sound="none",
        codec_delay_ms=None,
        notes=(f"{problem.reason}: {problem.detail}" if problem.detail else problem.reason,),
    )
    return ClipScore((failed_row(task.clip, options, options.sync_model, problem),), detail)


def key_of(task: ScoreTask, job: ScoreJob) -> str:
    """A name for everything that a clip's numbers depend on."""
    files = [task.render, *filter(None, (task.reference, task.driving_audio))]
    files += [sidecar_of(path) for path in (task.render, task.reference) if path]
    facts = {
        "task": [task.clip, task.problem, task.audio_problem],
        "files": [[str(path), *(file_stamp(path) if is_file(path) else (0, 0))] for path in files],
        "options": {
            key: value
            for key, value in job.options.as_dict().items()
            if key not in ("syncnet_weights", "allow_unknown_weights")
        },
        "networks": {name: getattr(job.networks, name) for name in ("sync", "models", "problems")},
        "versions": versions(),
        "format": [FORMAT, METHOD],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "backslashreplace")).hexdigest()[
        :32
    ]


@lru_cache
def versions() -> dict[str, str]:
    return {"speechlip": speechlip.__version__, "python": sys.version.split()[0]} | {
        name: version(name) for name in VERSIONS_THAT_SHOW
    }


def tables(job: ScoreJob, results: Sequence[ClipScore]) -> dict:
    """Everything ``scores.json`` holds (``records``)."""
    protocol = protocols.get(job.options.protocol)
    columns = asked_columns(job.options.metrics, other_model=bool(job.options.sync_model))
    metrics = [table.metric(column) for column in columns]
    return {
        "format": FORMAT,
        "speechlip": speechlip.__version__,
        "command": job.command,
        "options": job.options.as_dict(),
        "protocol": protocol.as_dict(),
        "sync_model": job.networks.sync,
        "models": job.networks.models,
        "versions": versions(),
        "metrics": columns,
        "correction": job.rules.as_dict() | {"model_confidence": job.networks.least_confidence},
        "rows": [
            asdict(row)
            for result in results
            for row in with_verdicts(result.rows, job.networks.least_confidence, job.rules)
        ],
        "aggregates": {
            metric.name: _without_nan(
                asdict(aggregate(values_of(metric, results, protocol), metric.lowest, metric.highest))
            )
            for metric in metrics
        },
        "missing": missing(results, job.options),
        "unused_references": list(job.unused_references),
        "clips": [asdict(result.detail) for result in results],
    }


def values_of(
    metric: Metric, results: Sequence[ClipScore], protocol: protocols.Protocol
) -> list[float | None]:
    """The values that a mean is taken over: one per clip, or of lip sync one per track where the protocol says so."""
    by_track = protocol.per == protocols.EVERY_TRACK and metric.family == FAMILY
    chosen: list[ScoreRow] = []
    for result in results:
        tracks = [row for row in result.rows if row.track != MEAN]
        chosen += tracks if by_track else [result.rows[-1]]
    return [getattr(row, metric.name, None) for row in chosen]


def missing(results: Iterable[ClipScore], options: ScoreOptions) -> dict[str, dict[str, int]]:
    """Family → reason → clips, from the row that stands for each clip."""
    counted: dict[str, Counter[str]] = {}
    for result in results:
        for part in filter(None, result.rows[-1].reason.split("; ")):
            family, _, reason = part.partition(": ")
            counted.setdefault(family, Counter())[reason] += 1
    return {family: dict(counted[family]) for family in options.metrics if family in counted}


def as_csv(rows: Sequence[dict]) -> str:
    """Rows as CSV text, missing numbers as empty cells, numbers in full."""
    columns = [field.name for field in fields(ScoreRow)]
    columns += [
        field.name
        for field in fields(ModelRow)
        if field.name not in columns and any(field.name in row for row in rows)
    ]
    return csv_text(columns, rows)


def stored(path: Path) -> ClipScore | None:
    """A clip's result, None where there is none or it is damaged."""
    try:
        return load_result(path)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def load_result(path: Path) -> ClipScore:
    """A clip's result as it was written."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = tuple((ModelRow if "sync_model" in row else ScoreRow)(**row) for row in content["rows"])
    detail = content["detail"]
    curves = tuple(TrackCurves(**track) for track in detail["tracks"])
    return ClipScore(rows, replace(ClipDetail(**detail), tracks=curves))


def _without_nan(row: dict) -> dict:
    return {key: None if isinstance(value, float) and value != value else value for key, value in row.items()}
