"""``judge``: clips harmed in steps, every metric's answer to each; tables, page and words."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from speechlip.checks import Workers, check_kind, check_out, check_path, check_workers
from speechlip.errors import NoVideos, OptionError
from speechlip.faces.detectors.opening import choose_detector
from speechlip.files.locks import only_run
from speechlip.files.names import plain_name
from speechlip.files.stamps import file_stamp
from speechlip.files.writing import check_writable, make_folder, scratch_folder
from speechlip.judging.clip import (
    ClipDone,
    ClipTask,
    Copy,
    Settings,
    asked_of,
    judge_copies,
    kept_score,
)
from speechlip.judging.cost import JudgeCost
from speechlip.judging.harms.table import AUDIO, CLEAN, HARMS, harms_of
from speechlip.judging.options import JudgeOptions
from speechlip.judging.others import Speakers, find_speakers
from speechlip.judging.page import write_page
from speechlip.judging.records import FILE, Foreign, Judgement
from speechlip.judging.tables import judgement_of, write_tables
from speechlip.media.listing import videos
from speechlip.media.streams.endings import shown_endings
from speechlip.progress import SILENT, Progress
from speechlip.scoring.folder.job import PEAK_BYTES, SCRATCH
from speechlip.scoring.folder.kept import NO_NUMBERS, versions
from speechlip.scoring.networks import Networks, find_networks, settle
from speechlip.scoring.options import ScoreOptions
from speechlip.workers.auto import settle_workers
from speechlip.workers.events import DEFAULT_LIMITS, Crashed, Limits
from speechlip.workers.outcomes import outcomes

FOLDER = ".copies"
FORMAT = 2
"""Of a copy's result, and of what harms do: another number makes all copies anew."""
OTHERS = 4
"""Clips of other speakers that are asked for audio to stand in for one's own; the first that has some gives
it."""
DEFAULTS = JudgeOptions()


@dataclass(frozen=True)
class JudgeJob:
    """A judgement that can begin.

    out: the folder for the tables.
    options, scoring, networks: as given, as settled, and what there is.
    tasks: of each clip all copies.
    command: as it was typed.
    speakers: which clips share one; None where no harm asks.
    """

    out: Path
    options: JudgeOptions
    scoring: ScoreOptions
    networks: Networks
    tasks: Sequence[ClipTask]
    command: str
    speakers: Speakers | None = None


def judge(
    clips: str | Path,
    out: str | Path,
    options: JudgeOptions = DEFAULTS,
    *,
    workers: Workers = 1,
    limits: Limits = DEFAULT_LIMITS,
    command: str = "speechlip.judge",
    progress: Progress = SILENT,
) -> Judgement:
    """Harm every video in ``clips`` in steps and write what metrics answer: ``judge.json``, ``judge.csv``,
    ``values.csv`` and ``judge.html`` in ``out``.

    clips: a folder of real videos at any depth, or one video.
    out: a folder; copies that it holds results of are not made again.
    workers: processes, or ``auto``; numbers do not depend on it.
    limits: how long a copy may stand still, and how much memory a clip may take.
    command: what ``judge.json`` and the page say was run.
    progress: is told the cost before the work (``JudgeCost.words``).

    A value that is missing has its reason in values.csv. Raises OptionError for paths and options that
    cannot be used, and where another run writes into ``out``; NoVideos; ModelError; WriteError.
    """
    check_workers(workers)
    check_kind("limits", limits, Limits)
    job = make_job(clips, out, options, command, progress)
    folder = make_folder(job.out / FOLDER)
    with only_run(folder), scratch_folder(folder / SCRATCH) as scratch:
        settled = settle_workers(workers, len(job.tasks), "clip", PEAK_BYTES, progress)
        cost, refused = _estimate(job, settled, scratch, limits)
        progress.say(cost.words)
        refused |= _judge_pending(job, cost, scratch, limits, progress)
        judgement = judgement_of(
            job.tasks, job.options, job.scoring, job.networks, refused, job.command, _foreign(job)
        )
        write_tables(judgement, job.out)
        judgement.dump(job.out / FILE)
        write_page(judgement, job.out / "judge.html")
    return judgement


def judge_cost(
    clips: str | Path,
    out: str | Path,
    options: JudgeOptions = DEFAULTS,
    *,
    workers: Workers = 1,
    progress: Progress = SILENT,
) -> JudgeCost:
    """What ``judge`` with the same arguments has before it. A few copies are made and scored, and kept.

    Raises as ``judge``.
    """
    check_workers(workers)
    job = make_job(clips, out, options, "", progress)
    folder = make_folder(job.out / FOLDER)
    with only_run(folder), scratch_folder(folder / SCRATCH) as scratch:
        settled = settle_workers(workers, len(job.tasks), "clip", PEAK_BYTES, progress)
        return _estimate(job, settled, scratch, DEFAULT_LIMITS)[0]


def make_job(
    clips: str | Path, out: str | Path, options: JudgeOptions, command: str, progress: Progress
) -> JudgeJob:
    """List clips, and settle detector, device and networks. Raises what ``judge`` does, before any work."""
    check_kind("options", options, JudgeOptions)
    root, out = check_path("clips", clips), check_out(out)
    if not root.exists():
        raise OptionError(f"{clips} does not exist; give a folder of videos or one video")
    paths = [root] if root.is_file() else videos(root, exclude=out)
    if not paths:
        raise NoVideos(f"no video in {clips}; judge reads {shown_endings()}, at any depth")
    scoring = settle(options.scoring, True, progress)
    if not scoring.needs_faces and any(harm.needs_landmarks for harm in harms_of(options.harms)):
        name, why = choose_detector(scoring.detector)
        scoring = replace(scoring, detector=name)
        if why:
            progress.say(why)
    check_writable(out)
    networks = find_networks(scoring, progress)
    base = root.parent if root.is_file() else root
    names = {path.relative_to(base).as_posix(): path for path in paths}
    speakers = _speakers(root, options, scoring, progress)
    tasks = []
    for name, path in names.items():
        others = speakers.others(name, [*names]) if speakers else ()
        from_others = tuple(names[other] for other in others[:OTHERS])
        tasks.append(_task(out, plain_name(name), path, from_others, options, scoring, networks))
    return JudgeJob(out, options, scoring, networks, tasks, command, speakers)


def _speakers(
    root: Path, options: JudgeOptions, scoring: ScoreOptions, progress: Progress
) -> Speakers | None:
    harms = [harm for harm in harms_of(options.harms) if harm.of_others]
    if not any(asked_of(harm, scoring.metrics) for harm in harms):
        return None
    speakers = find_speakers(root, scoring.detector, progress)
    for problem in speakers.problems:
        progress.say(problem)
    return speakers


def _foreign(job: JudgeJob) -> Foreign | None:
    if job.speakers is None:
        return None
    clip_of = {task.path: task.clip for task in job.tasks}
    heard = {task.clip: clip_of[task.others[0]] for task in job.tasks if task.others}
    return Foreign(job.speakers.told_by, heard, job.speakers.problems)


def _task(
    out: Path,
    clip: str,
    path: Path,
    others: tuple[Path, ...],
    options: JudgeOptions,
    scoring: ScoreOptions,
    networks: Networks,
) -> ClipTask:
    facts = {
        "file": [str(path), *file_stamp(path)],
        "clip": [clip, options.seconds, options.side_px],
        "options": {name: value for name, value in scoring.as_dict().items() if name not in NO_NUMBERS},
        "networks": networks.as_dict(),
        "versions": versions(scoring.detector, scoring.metrics),
        "format": FORMAT,
    }
    copies = []
    for harm in (CLEAN, *harms_of(options.harms)):
        for step in harm.steps if asked_of(harm, scoring.metrics) else ():
            heard = [[str(each), *file_stamp(each)] for each in others] if harm.of_others else []
            text = json.dumps(facts | {"copy": [harm.name, step], "others": heard}, sort_keys=True)
            name = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]
            copies.append(Copy(harm.name, step, out / FOLDER / f"{name}.json"))
    return ClipTask(clip, path, others, tuple(copies))


def _pending(job: JudgeJob) -> list[ClipTask]:
    """Clips with copies that have no result, with those copies alone."""
    left = (
        (task, tuple(copy for copy in task.copies if kept_score(copy.place) is None)) for task in job.tasks
    )
    return [ClipTask(task.clip, task.path, task.others, copies) for task, copies in left if copies]


def _estimate(job: JudgeJob, workers: int, scratch: Path, limits: Limits) -> tuple[JudgeCost, dict[str, str]]:
    """A few copies are made of the first clip that can be read, and one of each kind is timed; also the clips
    that cannot.
    """
    refused: dict[str, str] = {}
    took_s: dict[bool, float] = {}
    for task in _pending(job):
        first = ClipTask(task.clip, task.path, task.others, _to_time(task.copies))
        done = _run(job, [first], 1, scratch, limits, SILENT)[task.clip]
        if not done.refused:
            took_s = {_deaf(copy): one for copy, one in zip(first.copies, done.copies_s, strict=True)}
            break
        refused[task.clip] = done.refused
    left = [copy for task in _pending(job) if task.clip not in refused for copy in task.copies]
    each_s = [took_s.get(_deaf(copy), max(took_s.values())) for copy in left if took_s]
    one_s = sum(each_s) / len(each_s) if each_s else max(took_s.values(), default=None)
    copies = sum(len(task.copies) for task in job.tasks)
    return JudgeCost(len(job.tasks), copies, len(left), workers, one_s), refused


def _deaf(copy: Copy) -> bool:
    """Whether a copy is scored by all metrics, also those that hear nothing: that takes longer."""
    return HARMS.get(copy.harm, CLEAN).changes != AUDIO


def _to_time(copies: Sequence[Copy]) -> tuple[Copy, ...]:
    """The first, which loads what there is to load, and the middle one of each kind of the others."""
    first, *others = copies
    kinds = [[copy for copy in others if _deaf(copy) is deaf] for deaf in (False, True)]
    return (first, *(kind[len(kind) // 2] for kind in kinds if kind))


def _judge_pending(
    job: JudgeJob, cost: JudgeCost, scratch: Path, limits: Limits, progress: Progress
) -> dict[str, str]:
    """Clip → why it could not be read."""
    progress.begin("judging", cost.copies, "renders", cost.copies - cost.pending)
    ended = _run(job, _pending(job), cost.workers, scratch, limits, progress)
    return {clip: done.refused for clip, done in ended.items() if done.refused}


def _run(
    job: JudgeJob, tasks: Sequence[ClipTask], workers: int, scratch: Path, limits: Limits, progress: Progress
) -> dict[str, ClipDone]:
    alone = min(workers, len(tasks)) <= 1
    settings = Settings(job.options, job.scoring, job.networks, scratch, one_thread=not alone)
    made = outcomes(
        partial(judge_copies, settings=settings),
        tasks,
        workers,
        lambda clip, copies: progress.advance(copies, clip),
        _crashed,
        lambda event: progress.say(str(event)),
        limits,
    )
    return {task.clip: done for task, done in made}


def _crashed(task: ClipTask, crash: Crashed) -> ClipDone:
    """What stands for a clip whose process died twice, or was over a limit."""
    return ClipDone(f"{crash.reason}: {crash.detail}" + ", twice" * (not crash.limit))
