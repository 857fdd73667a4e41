"""``judge``: clips harmed in steps, every metric's answer to each; tables, page and words."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from speechlip.checks import Workers, check_kind, check_path, check_workers
from speechlip.errors import NoVideos, OptionError
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
from speechlip.judging.harms.table import CLEAN, harms_of
from speechlip.judging.options import JudgeOptions
from speechlip.judging.page import write_page
from speechlip.judging.records import FILE, Judgement
from speechlip.judging.tables import judgement_of, write_tables
from speechlip.media.listing import videos
from speechlip.media.streams.endings import shown_endings
from speechlip.progress import SILENT, Progress
from speechlip.scoring.folder.job import PEAK_BYTES, SCRATCH
from speechlip.scoring.folder.kept import NO_NUMBERS, versions
from speechlip.scoring.networks import Networks, find_networks, settle
from speechlip.scoring.options import ScoreOptions
from speechlip.wording import rough_time
from speechlip.workers.auto import settle_workers
from speechlip.workers.events import DEFAULT_LIMITS, Crashed, Limits
from speechlip.workers.outcomes import outcomes

FOLDER = ".copies"
FORMAT = 1
"""Of a copy's result, and of what harms do: another number makes all copies anew."""
OTHERS = 4
"""Clips that are asked for audio to stand in for one's own; the first that has some gives it."""
DEFAULTS = JudgeOptions()


@dataclass(frozen=True)
class JudgeCost:
    """What lies ahead.

    clips: videos.
    copies: of all clips.
    pending: those that are still to be made and scored.
    workers: processes.
    one_s: seconds that one copy took; None where none was tried.
    """

    clips: int
    copies: int
    pending: int
    workers: int
    one_s: float | None

    @property
    def seconds(self) -> float | None:
        """About how long it takes from now on; None where that is unknown."""
        return None if self.one_s is None else self.one_s * self.pending / self.workers

    @property
    def words(self) -> str:
        """One line for a person.

        >>> JudgeCost(clips=2, copies=106, pending=105, workers=2, one_s=2.0).words
        '105 of 106 renders of 2 clips to make and score, about 1:45 min with 2 workers (one took 2.0 s)'
        """
        ahead = f"{self.pending} of {self.copies} renders of {self.clips} clips to make and score"
        if self.seconds is None or self.one_s is None:
            return ahead
        return (
            f"{ahead}, about {rough_time(self.seconds)} with {self.workers} "
            f"{'worker' if self.workers == 1 else 'workers'} (one took {self.one_s:.1f} s)"
        )


@dataclass(frozen=True)
class JudgeJob:
    """A judgement that can begin.

    out: the folder for the tables.
    options, scoring, networks: as given, as settled, and what there is.
    tasks: of each clip all copies.
    command: as it was typed.
    """

    out: Path
    options: JudgeOptions
    scoring: ScoreOptions
    networks: Networks
    tasks: Sequence[ClipTask]
    command: str


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
        judgement = judgement_of(job.tasks, job.options, job.scoring, job.networks, refused, job.command)
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
    """What ``judge`` with the same arguments has before it. Two copies are made and scored, and kept.

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
    root, out = check_path("clips", clips), check_path("out", out)
    if not root.exists():
        raise OptionError(f"{clips} does not exist; give a folder of videos or one video")
    paths = [root] if root.is_file() else videos(root, exclude=out)
    if not paths:
        raise NoVideos(f"no video in {clips}; judge reads {shown_endings()}, at any depth")
    scoring = settle(options.scoring, True, progress)
    check_writable(out)
    networks = find_networks(scoring, progress)
    base = root.parent if root.is_file() else root
    tasks = [_task(out, path, base, paths, options, scoring, networks) for path in paths]
    return JudgeJob(out, options, scoring, networks, tasks, command)


def _task(
    out: Path,
    path: Path,
    base: Path,
    paths: Sequence[Path],
    options: JudgeOptions,
    scoring: ScoreOptions,
    networks: Networks,
) -> ClipTask:
    at = paths.index(path)
    others = tuple((*paths[at + 1 :], *paths[:at])[:OTHERS])
    clip = plain_name(path.relative_to(base).as_posix())
    facts = {
        "files": [[str(each), *file_stamp(each)] for each in (path, *others)],
        "clip": [clip, options.seconds, options.side_px],
        "options": {name: value for name, value in scoring.as_dict().items() if name not in NO_NUMBERS},
        "networks": networks.as_dict(),
        "versions": versions(scoring.detector, scoring.metrics),
        "format": FORMAT,
    }
    copies = []
    for harm in (CLEAN, *harms_of(options.harms)):
        for step in harm.steps if asked_of(harm, scoring.metrics) else ():
            text = json.dumps(facts | {"copy": [harm.name, step]}, sort_keys=True)
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
    """Two copies are made, of the first clip that can be read, and the second timed; also the clips that
    cannot.
    """
    refused: dict[str, str] = {}
    one_s: float | None = None
    for task in _pending(job):
        first = ClipTask(task.clip, task.path, task.others, task.copies[:2])
        done = _run(job, [first], 1, scratch, limits, SILENT)[task.clip]
        if not done.refused:
            one_s = done.seconds
            break
        refused[task.clip] = done.refused
    pending = sum(len(task.copies) for task in _pending(job) if task.clip not in refused)
    copies = sum(len(task.copies) for task in job.tasks)
    return JudgeCost(len(job.tasks), copies, pending, workers, one_s), refused


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
