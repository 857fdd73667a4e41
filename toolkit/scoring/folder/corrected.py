"""``fix_offsets``: copies of scored videos with their audio moved by the measured offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.checks import Workers, check_kind, check_workers
from speechlip.errors import OptionError, SourceRefused
from speechlip.files.writing import make_folder
from speechlip.metrics.sync.columns import FAMILY
from speechlip.progress import SILENT, Progress
from speechlip.scoring import protocols
from speechlip.scoring.audit.fix_offset import corrected_suffix, write_corrected
from speechlip.scoring.folder.job import DEFAULTS, ScoreJob, make_job, run
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreRow, ScoreTask
from speechlip.scoring.renders import stem_of
from speechlip.scoring.scores import Scores
from speechlip.scoring.sync.verdict import EARLY, LATE, STATED, CorrectionRules
from speechlip.workers.engines import LOCAL, EngineChoice
from speechlip.workers.events import DEFAULT_LIMITS, Limits

FOLDER = "corrected"


@dataclass(frozen=True)
class Correction:
    """What became of one clip.

    clip: its name in ``Scores``.
    copy: the corrected copy, None where none was written.
    words: by how much the audio was moved, or why it was not.
    """

    clip: str
    copy: Path | None
    words: str


@dataclass(frozen=True)
class FixedOffsets:
    """What ``fix_offsets`` did.

    scores: those the offsets come from.
    corrections: one per clip, in the order of the clips.
    """

    scores: Scores
    corrections: tuple[Correction, ...]


def fix_offsets(
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
    command: str = "speechlip.fix_offsets",
    progress: Progress = SILENT,
) -> FixedOffsets:
    """``score_folder``, and then a corrected copy in ``OUT/corrected`` of every clip whose offset is decided.

    Its audio is moved by a whole number of frames, its video stream copied as it is. Finished clips are not
    scored again, also under other ``rules``. Raises what ``score_folder`` does, and OptionError for a
    protocol with a codec path or where no sync model measures an offset.
    """
    check_kind("options", options, ScoreOptions)
    check_workers(workers)
    if protocols.get(options.protocol).codec_path != protocols.NO_CODEC:
        raise OptionError(
            "--fix-offset with --protocol direct: the offset of another protocol holds what its codec path "
            "adds, and files have not"
        )
    job = make_job(renders, out, reference, options, pairs, limits, rules, command, progress, by, mos, engine)
    check_sync_model(job)
    scores = run(job, workers, progress, engine)
    rows = scores.of_clip
    return FixedOffsets(scores, tuple(correct(task, rows[task.clip], job.out / FOLDER) for task in job.tasks))


def check_sync_model(job: ScoreJob) -> None:
    """Raises OptionError where nothing measures offsets in a run."""
    if job.networks.sync is None:
        problem = job.networks.problems.get(FAMILY)
        why = problem.detail if problem else f"--metrics leaves {FAMILY} out"
        raise OptionError(
            f"--fix-offset moves sound by the offset that a sync model measures, and there is none: {why}"
        )


def correct(task: ScoreTask, row: ScoreRow, folder: Path) -> Correction:
    """A corrected copy below ``folder`` where the clip's offset is decided. row: the one that stands for the
    clip.
    """
    why = why_not_corrected(task, row)
    if why or row.offset_frames is None:
        return Correction(task.clip, None, why)
    copy = folder / (stem_of(task.clip) + corrected_suffix(task.render))
    make_folder(copy.parent)
    try:
        write_corrected(task.render, row.offset_frames, copy)
    except (SourceRefused, OptionError) as problem:
        return Correction(task.clip, None, f"not corrected, {problem}")
    early = "early" if row.offset_frames > 0 else "late"
    return Correction(task.clip, copy, f"audio {abs(row.offset_frames)} frames {early}, corrected in {copy}")


def why_not_corrected(task: ScoreTask, row: ScoreRow) -> str:
    """Why a clip gets no corrected copy, or ``""``. row: the one that stands for the clip."""
    if row.offset_frames is None:
        return "no offset was measured, nothing corrected"
    if row.offset_verdict not in (EARLY, LATE):
        return f"{row.offset_verdict} (offset {row.offset_frames:+d}), nothing corrected"
    return "the offset is that of its driving audio, nothing corrected" if task.driving_audio else ""
