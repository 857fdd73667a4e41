"""``audit``: what the containers of a folder of videos did to their audio."""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from speechlip.checks import Workers, check_kind, check_out, check_path, check_type, check_workers
from speechlip.errors import OptionError, SourceRefused
from speechlip.files.stamps import largest_first
from speechlip.files.writing import make_folder, write_text
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.progress import SILENT, Progress
from speechlip.scoring.audit.clip import Audit, audit_clip
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.renders import tasks
from speechlip.workers.auto import settle_workers
from speechlip.workers.events import DEFAULT_LIMITS, Crashed, Limits, Report
from speechlip.workers.outcomes import outcomes
from speechlip.workers.unexpected import unexpected_refused

FILE = "audit.json"


@dataclass(frozen=True)
class Audits:
    """What ``audit`` found.

    clips: the videos that could be read, sorted by name.
    refused: name → why a video could not be read.
    """

    clips: tuple[Audit, ...]
    refused: dict[str, SourceRefused]

    def dump(self, path: str | Path) -> None:
        """Write ``clips`` as JSON, which appears whole. Raises WriteError where it cannot be written."""
        rows = [asdict(clip) for clip in self.clips]
        write_text(Path(path), json.dumps(rows, ensure_ascii=False, indent=1) + "\n")


PEAK_BYTES = 500_000_000
"""Of memory that one worker takes, an estimate: it reads packets and audio, and opens no network."""


def audit(
    videos: str | Path,
    out: str | Path | None = None,
    *,
    workers: Workers = 1,
    limits: Limits = DEFAULT_LIMITS,
    max_picture_px: int = MAX_PICTURE_PX,
    progress: Progress = SILENT,
) -> Audits:
    """Say what containers did to audio, and what each protocol would add. Nothing is scored.

    videos: a folder of videos at any depth, or one video.
    out: a folder that gets ``audit.json``; None: nothing is written. What lies in it (or in ``scores``) is no
        video.
    workers: processes, or ``auto`` for as many as the machine holds.
    limits: of one video.
    max_picture_px: a video whose frames have more pixels is refused.

    Raises OptionError for a path that is not there or without a video, WriteError.
    """
    check_workers(workers)
    check_kind("limits", limits, Limits)
    check_type("max_picture_px", max_picture_px, int)
    videos, out = check_path("videos", videos), check_out(out) if out else None
    if not videos.exists():
        raise OptionError(f"{videos} does not exist; give a folder of videos or one video")
    clips = tasks(videos, exclude=out or Path("scores"))
    workers = settle_workers(workers, len(clips), "clip", PEAK_BYTES, progress)
    found: dict[str, Audit | SourceRefused] = {}
    progress.begin("auditing", len(clips), "clips")
    made = outcomes(
        partial(audit_task, max_picture_px=max_picture_px),
        largest_first(clips, lambda task: [task.render]),
        workers,
        lambda clip, seconds: progress.advance(0, clip),
        lost,
        lambda event: progress.say(str(event)),
        limits,
        light=True,
    )
    for task, result in made:
        found[task.clip] = result
        progress.advance(1)
    in_order = [(task.clip, found[task.clip]) for task in clips]
    audits = Audits(
        tuple(result for _, result in in_order if isinstance(result, Audit)),
        {clip: result for clip, result in in_order if isinstance(result, SourceRefused)},
    )
    if out:
        audits.dump(make_folder(out) / FILE)
    return audits


def audit_task(task: ScoreTask, report: Report, *, max_picture_px: int) -> Audit | SourceRefused:
    """Audit one video in a worker; no error of a video goes further than this."""
    report(task.clip, 0.0)
    try:
        with unexpected_refused("audit"):
            return audit_clip(task.render, task.clip, max_picture_px)
    except SourceRefused as refusal:
        return refusal


def lost(task: ScoreTask, crash: Crashed) -> SourceRefused:
    """What stands for a video whose process died twice, or was over a limit."""
    return SourceRefused("audit", crash.reason, crash.detail)
