"""``score_folder``: every clip on a process of its own, each result kept as soon as it is there, the tables
last.

A run that was stopped, or is repeated, scores only clips whose files, options, networks or versions changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from speechlip.checks import Workers, check_kind, check_out, check_path, check_workers
from speechlip.errors import OptionError
from speechlip.files.locks import only_run
from speechlip.files.stamps import largest_first
from speechlip.files.writing import check_writable, make_folder, scratch_folder, write_text
from speechlip.progress import SILENT, Progress
from speechlip.scoring import opinions, subgroups, theval
from speechlip.scoring.clip.learned import judged
from speechlip.scoring.folder import kept
from speechlip.scoring.folder.other_runs import claim, refuse_fewer
from speechlip.scoring.folder.score_task import crashed, score_task
from speechlip.scoring.folder.set_metrics import check_sets, set_scores
from speechlip.scoring.folder.tables import as_csv, scores_of
from speechlip.scoring.networks import Networks, find_networks, settle
from speechlip.scoring.opinions import Opinions, read_opinions
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.renders import match
from speechlip.scoring.report.page import write_report
from speechlip.scoring.scores import FILE, Scores
from speechlip.scoring.subgroups import Groups, read_groups
from speechlip.scoring.sync.verdict import STATED, CorrectionRules
from speechlip.workers.cluster import Doing, folder_above
from speechlip.workers.engines import LOCAL, EngineChoice, get_engine, settle_at_once
from speechlip.workers.events import DEFAULT_LIMITS, Limits
from speechlip.workers.outcomes import outcomes
from speechlip.workers.processes import start_server

SCRATCH = "scratch"
DEFAULTS = ScoreOptions()
PEAK_BYTES = 1_500_000_000
"""Of memory that one worker takes: half as much again as benchmarks/workers.py measured of LSE alone."""


def score_folder(
    renders: str | Path,
    out: str | Path,
    reference: str | Path | None = None,
    options: ScoreOptions = DEFAULTS,
    *,
    pairs: str | Path | None = None,
    workers: Workers = 1,
    engine: EngineChoice = LOCAL,
    limits: Limits = DEFAULT_LIMITS,
    rules: CorrectionRules = STATED,
    by: Sequence[str] = (),
    mos: str | Path | None = None,
    command: str = "speechlip.score_folder",
    progress: Progress = SILENT,
) -> Scores:
    """Score every video in ``renders`` into ``out``: ``scores.csv``, ``scores.json`` and ``report.html``.

    renders: a folder of videos at any depth, or one video.
    out: a folder; clips that it holds finished results of are not scored again.
    reference: folder of the real videos, matched by relative path without extension, or one video.
    pairs: a CSV with columns render, reference, audio; None: ``pairs.csv`` of ``renders`` where there is one.
    workers: processes, or ``auto`` for as many as the machine holds; scores do not depend on it.
    engine: what runs them, as ``prepare`` takes it.
    limits: how long a clip may stand still, and how much memory it may take.
    rules: which offsets are decided.
    by: columns of ``metadata.csv``, in the renders' or the references' folder: means by group of each.
    mos: a CSV of people's opinions: rank correlations of every metric with them.
    command: what ``scores.json`` and the report say was run.

    A score that is missing has its reason in ``Scores.rows`` and is counted in ``Scores.missing``. Raises
    OptionError for paths and options that cannot be used, or where another run writes into ``out`` or other
    clips' results lie there; ModelError for weights that are not what they should be; WriteError.
    """
    check_workers(workers)
    get_engine(engine)
    job = make_job(renders, out, reference, options, pairs, limits, rules, command, progress, by, mos, engine)
    return run(job, workers, progress, engine)


@dataclass(frozen=True)
class ScoreJob:
    """A run that can begin.

    out: the folder for the tables.
    tasks: the clips.
    options: settled (``networks.settle``).
    networks: which there are, and why others are not.
    command: as it was typed.
    unused_references: names of references that no render belongs to.
    limits: of one clip.
    rules: which offsets are decided.
    groups: of each clip, by column of metadata.csv.
    opinions: of each clip, by scale.
    """

    out: Path
    tasks: Sequence[ScoreTask]
    options: ScoreOptions
    networks: Networks
    command: str
    unused_references: Sequence[str] = ()
    limits: Limits = DEFAULT_LIMITS
    rules: CorrectionRules = STATED
    groups: Groups = field(default_factory=dict)
    opinions: Opinions = field(default_factory=dict)


def make_job(
    renders: str | Path,
    out: str | Path,
    reference: str | Path | None,
    options: ScoreOptions,
    pairs: str | Path | None,
    limits: Limits,
    rules: CorrectionRules,
    command: str,
    progress: Progress,
    by: Sequence[str] = (),
    mos: str | Path | None = None,
    engine: EngineChoice = LOCAL,
) -> ScoreJob:
    """Match files, and settle detector, device and networks. Raises what ``score_folder`` does, before any
    work.
    """
    check_kind("options", options, ScoreOptions)
    check_kind("limits", limits, Limits)
    check_kind("rules", rules, CorrectionRules)
    out = check_out(out)
    rendered, real = there("renders", renders), there("reference", reference) if reference else None
    matched = match(
        rendered,
        real,
        check_path("pairs", pairs) if pairs else None,
        exclude=out,
    )
    clips = [task.clip for task in matched.tasks]
    by = (by,) if isinstance(by, str) else tuple(by)
    groups = read_groups(by, rendered, real, clips)
    of_people = read_opinions(check_path("mos", mos) if mos else None, clips)
    if not (out / kept.FOLDER).exists():
        start_server()
    has_reference = any(task.reference or task.problem for task in matched.tasks)
    settled = settle(options, has_reference, progress, engine)
    check_writable(out)
    check_sets(settled, matched.tasks)
    networks = find_networks(settled, progress)
    return ScoreJob(
        out,
        matched.tasks,
        settled,
        networks,
        command,
        matched.unused_references,
        limits,
        rules,
        groups,
        of_people,
    )


def there(argument: str, path: str | Path) -> Path:
    """The path. Raises OptionError where nothing lies there."""
    checked = check_path(argument, path)
    if not checked.exists():
        raise OptionError(f"{path} does not exist; give a folder of videos or one video")
    return checked


def run(
    job: ScoreJob, workers: Workers = 1, progress: Progress = SILENT, engine: EngineChoice = LOCAL
) -> Scores:
    """Score every clip that has no finished result, and write tables and report. Raises OptionError,
    WriteError.
    """
    folder = make_folder(job.out / kept.FOLDER)
    with only_run(folder), scratch_folder(folder / SCRATCH) as scratch:
        refuse_fewer(job.out, job.options.metrics)
        claim(job.out, folder, job.tasks)
        places = {task: kept.place_of(folder, task, job.options, job.networks) for task in job.tasks}
        _score_pending(job, places, workers, scratch, progress, engine)
        results = judged([kept.read(place) for place in places.values()], len(job.options.metrics))
        scores = scores_of(
            results,
            job.options,
            job.networks,
            job.rules,
            job.command,
            job.unused_references,
            job.groups,
            job.opinions,
        )
        scores = replace(scores, sets=set_scores(job.tasks, job.options, folder, progress))
        write_text(job.out / "scores.csv", as_csv(scores))
        _write_tables(job.out, scores)
        scores.dump(job.out / FILE)
        kept.remove_others(folder, [*places.values()])
        write_report(scores, job.out / "report.html")
    return scores


def _write_tables(out: Path, scores: Scores) -> None:
    """``subgroups.csv``, ``correlations.csv`` and ``theval.csv`` where they were asked for; those of an
    earlier run go.
    """
    measures = theval.measures_of(scores.of_clip.values(), scores.metrics)
    for name, text in (
        (theval.FILE, theval.as_csv(measures) if measures else ""),
        ("subgroups.csv", subgroups.as_csv(scores.subgroups) if scores.subgroups else ""),
        ("correlations.csv", opinions.as_csv(scores.opinions) if scores.opinions else ""),
    ):
        if text:
            write_text(out / name, text)
        else:
            (out / name).unlink(missing_ok=True)


def _score_pending(
    job: ScoreJob,
    places: dict[ScoreTask, Path],
    workers: Workers,
    scratch: Path,
    progress: Progress,
    engine: EngineChoice = LOCAL,
) -> None:
    undone = [task for task, place in places.items() if not kept.finished(place)]
    pending = largest_first(undone, lambda task: (task.render, task.reference))
    at_once = settle_at_once(engine, workers, len(pending), "clip", PEAK_BYTES, progress)
    work = partial(
        score_task,
        options=job.options,
        networks=job.networks,
        scratch=scratch,
        one_thread=min(at_once, len(pending)) > 1,
    )
    renders = folder_above(task.render for task in pending)
    references = folder_above(task.reference for task in pending if task.reference)
    doing = Doing("score-sync", (*renders, *references, scratch))
    progress.begin("scoring", len(places), "clips", len(places) - len(pending))
    made = outcomes(
        work,
        pending,
        at_once,
        lambda clip, seconds: progress.advance(0, clip),
        partial(crashed, options=job.options),
        lambda event: progress.say(str(event)),
        job.limits,
        engine=get_engine(engine, job.limits, doing),
    )
    for task, result in made:
        kept.keep(result, places[task])
        progress.advance(1)
