"""Which videos teach sync model ``self`` what mouths do, before any of the set is judged."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from speechlip.errors import OptionError, SourceRefused, SpeechLipError
from speechlip.lipsync.learned import ONE_SPEAKER, SpokenFace
from speechlip.media.probe import probe
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.preparing.ends.spool import on_disk
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.units import Plan
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.scoring.sync.lessons import spoken_faces, write_lessons
from speechlip.timing import FPS, seconds
from speechlip.wording import counted
from speechlip.workers.events import Limits, Report, unheard
from speechlip.workers.outcomes import outcomes
from speechlip.workers.unexpected import unexpected_refused

LESSONS = "lessons.json"
"""In the work folder: what the set taught."""
MOST_VIDEOS = 60
"""That teach: minutes of ten speakers teach what an hour does."""
MOST_FRAMES = 60 * FPS
"""Of one video, from its beginning."""

Faces = tuple[SpokenFace, ...]
Teach = Callable[[Sequence["TeachTask"], Report], Iterable[Faces]]


@dataclass(frozen=True)
class TeachTask:
    """A video that teaches, the ``index``-th; other fields as ``spoken_faces`` and ``probe`` take them."""

    index: int
    source: Source = field(compare=False)
    detector: str
    max_picture_px: int = MAX_PICTURE_PX


def faces_of(task: TeachTask, report: Report) -> Faces:
    """What one video shows; nothing of one that cannot be read, which its own turn says."""
    try:
        with unexpected_refused("unexpected", SpeechLipError), on_disk(task.source) as source:
            info = probe(source.path, max_picture_px=task.max_picture_px)
            return tuple(spoken_faces(source, info, task.detector, MOST_FRAMES, report))
    except SourceRefused:
        return ()


def teach_on(workers: int, limits: Limits) -> Teach:
    """Look at the videos on so many processes."""
    return lambda tasks, report: (
        faces
        for _, faces in sorted(
            outcomes(faces_of, tasks, workers, report, lambda task, crash: (), limits=limits),
            key=lambda outcome: outcome[0].index,
        )
    )


def teach_in_turn(tasks: Sequence[TeachTask], report: Report = unheard) -> Iterator[Faces]:
    """Look at one video after another, in this process."""
    return (faces_of(task, report) for task in tasks)


def write_taught(
    file: Path, plan: Plan, options: PrepOptions, teach: Teach = teach_in_turn, progress: Progress = SILENT
) -> None:
    """Write what the videos of a plan teach; a file that is there is kept.

    Raises OptionError where the plan has one speaker: nobody could be judged.
    """
    if file.exists():
        return
    chosen = teachers(plan)
    if len({entry.source.speaker for entry in chosen}) < 2:
        raise OptionError(f"--sync-model self: {ONE_SPEAKER}")
    tasks = [
        TeachTask(index, entry.source, options.detector, options.max_picture_px)
        for index, entry in enumerate(chosen)
    ]
    total_s = sum(min(entry.seconds, seconds(MOST_FRAMES)) for entry in chosen)
    progress.begin("learning", total_s, "s of video")
    taught = teach(tasks, lambda name, done_s: progress.advance(done_s, name))
    faces = [face for own in taught for face in own]
    if write_lessons(file, faces) is None:
        progress.say(
            f"--sync-model self learned nothing: of {counted(len(chosen), 'video')}, less than two speakers "
            "have 2 s of a moving mouth, with landmarks and audio; no offset is measured"
        )


def teachers(plan: Plan) -> list[PlannedSource]:
    """The videos that teach, up to ``MOST_VIDEOS``: one of each speaker, then a second of each, and so on.

    A copy of another one, where doubles are marked, does not teach.
    """
    by_speaker: dict[str, dict[str, PlannedSource]] = defaultdict(dict)
    for entry in sorted((e for unit in plan.units for e in unit.sources), key=lambda e: e.source.name):
        if not entry.double_of:
            by_speaker[entry.source.speaker].setdefault(entry.source.name, entry)
    rounds = zip_longest(*(by_speaker[speaker].values() for speaker in sorted(by_speaker)))
    in_turn = [entry for each in rounds for entry in each if entry]
    return in_turn[:MOST_VIDEOS]
