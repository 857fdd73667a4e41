"""One clip, from its files to its rows: a line of stages, each of which returns its result or its reason."""

import math
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from speechlip.checks import check_kind, check_path
from speechlip.errors import OptionError
from speechlip.faces.detectors.opening import Opener, open_detector
from speechlip.files.names import is_file, plain_name
from speechlip.metrics.sync.columns import FAMILY
from speechlip.progress import SILENT, Progress
from speechlip.scoring.clip.detail import clip_detail
from speechlip.scoring.clip.files import open_files
from speechlip.scoring.clip.first_reading import read_both
from speechlip.scoring.clip.landmarks import ClipLandmarks, score_landmarks
from speechlip.scoring.clip.learned import judged
from speechlip.scoring.clip.plan_images import plan_comparison, whole_frames
from speechlip.scoring.clip.results import ClipResults, missing
from speechlip.scoring.clip.rows import clip_rows, with_verdicts
from speechlip.scoring.clip.second_reading import frames_again
from speechlip.scoring.clip.signals import Signals
from speechlip.scoring.clip.sync import score_sync
from speechlip.scoring.networks import Tools, find_networks, settle, tools_of
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ClipScore, ScoreTask
from speechlip.scoring.sync.models import name_of_other
from speechlip.scoring.sync.spoken import Spoken
from speechlip.scoring.sync.verdict import STATED
from speechlip.timing import FPS
from speechlip.workers.events import Report

DEFAULTS = ScoreOptions()


@dataclass(frozen=True)
class Recalled:
    """What is known of a clip's files because they were looked at before.

    open_faces: gives the detector of a file.
    references: reference → what was computed of it, filled by each call; None: nothing is kept.
    """

    open_faces: Opener = open_detector
    references: dict[Path, Signals] | None = None


NOTHING_RECALLED = Recalled()


def score(
    render: str | Path,
    reference: str | Path | None = None,
    options: ScoreOptions = DEFAULTS,
    *,
    audio: str | Path | None = None,
    progress: Progress = SILENT,
) -> ClipScore:
    """Score one render in this process.

    render: a video.
    reference: the real video; None where there is none.
    audio: a file whose audio is scored instead of the render's own.
    progress: is told of one clip, and which networks are missing.

    A score that was asked for and could not be computed has its reason in ``ClipScore.missing``, and the
    sentence for a person in ``ClipScore.detail.notes``. Raises OptionError for options that cannot be used
    and for a reference or audio that is not there, ModelError for weights that are not what they should be,
    SourceRefused for a render that cannot be read.
    """
    check_kind("options", options, ScoreOptions)
    render = check_path("render", render)
    task = ScoreTask(
        plain_name(render.name),
        render,
        given_file("reference", reference) if reference else None,
        given_file("audio", audio) if audio else None,
    )
    settled = settle(options, task.reference is not None, progress)
    networks = find_networks(settled, progress)
    progress.begin("scoring", 1, "clips")
    result = score_clip(
        task, settled, tools_of(settled, networks), lambda clip, seconds: progress.advance(0, clip)
    )
    progress.advance(1)
    (result,) = judged([result], len(settled.metrics))
    return replace(result, rows=with_verdicts(result.rows, networks.least_confidence, STATED))


def given_file(argument: str, path: str | Path) -> Path:
    """The path. Raises OptionError where no file lies there."""
    checked = check_path(argument, path)
    if not is_file(checked):
        raise OptionError(f"{argument}: there is no file {checked}; give a video, or leave it out")
    return checked


def score_clip(
    task: ScoreTask,
    options: ScoreOptions,
    tools: Tools,
    report: Report,
    scratch: Path | None = None,
    side_by_side: bool = True,
    recalled: Recalled = NOTHING_RECALLED,
) -> ClipScore:
    """Score one clip.

    options: settled (``networks.settle``).
    report: called with the clip and the seconds of video that a stage got through.
    scratch: a folder for the file that a codec path makes; None: the system's.
    side_by_side: whether other cores are free, so that both files are read at once. Scores do not depend on
        it.
    recalled: what is known of the files before they are read.

    Raises SourceRefused where the render itself cannot be read; everything else is a reason in its rows.
    """

    def advance(frames: float) -> None:
        report(task.clip, frames / FPS)

    without_network = tools.missing(options.metrics)
    files = open_files(task, options)
    failed = without_network | files.problems
    whole = whole_frames(files, options, tools.networks, failed)
    model = None if FAMILY in without_network else tools.sync
    first = read_both(files, options, model, whole, advance, side_by_side, recalled.open_faces)
    landmarks = score_landmarks(files, first.faces, options, recalled.references)
    comparison = plan_comparison(files, first, options, tools.networks, failed)
    with closing(frames_again(files, first, comparison, options, model)) as frames:
        sync = score_sync(files, first.faces, frames.read, options, model, advance, scratch)
        sync = replace(sync, seconds=max(0.0, sync.seconds - frames.shown_s))
        images = frames.finish(advance)
    images = replace(first.images, strips=images.strips) if first.images else images
    results = ClipResults(files, first.faces, landmarks, sync, images, without_network)
    problems = missing(results, options)
    return ClipScore(
        clip_rows(results, options, tools.sync, problems),
        clip_detail(results, problems, name_of_other(tools.sync)),
        {family: problem.reason for family, problem in problems.items()},
        Spoken.of(sync.tracks),
        images.per_frame | lmd_of_frames(landmarks.result),
    )


def lmd_of_frames(landmarks: ClipLandmarks | None) -> dict[str, dict[int, float]]:
    """``lmd`` → number of the frame → px; empty where render and reference were not compared."""
    if landmarks is None or "lmd" not in landmarks.values:
        return {}
    lmd = enumerate(landmarks.lmd_per_frame)
    return {"lmd": {index: float(px) for index, px in lmd if math.isfinite(px)}}
