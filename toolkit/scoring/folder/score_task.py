"""One clip scored in a worker, whatever happens to it."""

from pathlib import Path

from speechlip.errors import ModelError, OptionError, SourceRefused
from speechlip.metrics.declared import NotScored
from speechlip.scoring.clip.rows import failed_row
from speechlip.scoring.clip.score_clip import NOTHING_RECALLED, Recalled, score_clip
from speechlip.scoring.networks import Networks, tools_of
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ClipDetail, ClipScore, ScoreTask
from speechlip.workers.events import Crashed, Report
from speechlip.workers.processes import use_one_thread
from speechlip.workers.unexpected import unexpected_refused


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
    recalled: Recalled = NOTHING_RECALLED,
) -> ClipScore:
    """Score one clip in a worker; no error of a clip goes further than this.

    scratch: where files lie that are wanted while it is scored.
    recalled: what is known of its files before they are read.

    Raises ModelError, OptionError.
    """
    if one_thread:
        use_one_thread()
    report(task.clip, 0.0)
    try:
        with unexpected_refused("clip", ModelError, OptionError):
            tools = tools_of(options, networks)
            return score_clip(task, options, tools, report, scratch, not one_thread, recalled)
    except SourceRefused as refusal:
        return failure(task, options, NotScored(refusal.reason, refusal.detail))


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
    row = failed_row(task.clip, options, options.other_model, problem)
    return ClipScore((row,), detail, dict.fromkeys(options.metrics, problem.reason))
