"""``speechlip.find_people``: who is seen in which video of a folder, by face."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechlip import recipes
from speechlip.checks import Workers, check_path, check_workers
from speechlip.errors import NoVideos, OptionError, SourceRefused
from speechlip.faces.detectors.opening import choose_detector
from speechlip.format import MANIFEST
from speechlip.identity.asked import SAME_PERSON, check_distance, check_landmarks
from speechlip.identity.network import refuse_missing, weights_file
from speechlip.identity.people import Person, WhoIsWhere, who_is_where
from speechlip.identity.video_faces import VideoFaces, video_faces
from speechlip.media.probe import probe
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.shards.leaks import leaking_people
from speechlip.workers.auto import settle_workers
from speechlip.workers.events import DEFAULT_LIMITS, Crashed, Limits, Report, unheard
from speechlip.workers.outcomes import outcomes

PEAK_BYTES = 1_100_000_000
"""Of memory that one worker takes, an estimate."""


@dataclass(frozen=True)
class People:
    """What ``find_people`` gives.

    who: the people, and in which videos they are.
    speaker_of: name of a video → of its speaker.
    split_of: name of a video → its official split; videos without one are left out.
    unknown: name of a video → why nobody in it can be told.
    """

    who: WhoIsWhere
    speaker_of: dict[str, str] = field(hash=False)
    split_of: dict[str, str] = field(default_factory=dict, hash=False)
    unknown: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def under_two_names(self) -> tuple[Person, ...]:
        """People who are seen in videos of several speakers."""
        return self.who.under_two_names

    @property
    def across_splits(self) -> tuple[Person, ...]:
        """Of these, those whose speakers are in different official splits."""
        splits: dict[str, set[str]] = {}
        for video, split in self.split_of.items():
            splits.setdefault(self.speaker_of[video], set()).add(split)
        return tuple(leaking_people(self.under_two_names, splits))


def find_people(
    videos: str | Path,
    *,
    recipe: str = "folder",
    detector: str = "auto",
    distance: float = SAME_PERSON,
    workers: Workers = 1,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
) -> People:
    """Find who is seen in which video, and the same person under two names. It needs the extra [identity].

    videos: a folder of videos, or one video. Of a few images of each, the faces that are large, sharp and
        turned to the camera are compared; nothing of them is kept.
    recipe: how videos are laid out.
    detector: what finds faces and their landmarks.
    distance: up to which two faces are one person's: larger joins more.
    workers: processes, or ``auto`` for as many as the machine holds.
    limits: how long a video may stand still, and how much memory it may take.

    Raises NoVideos where there is none; OptionError for paths and options that cannot be used; ModelError
    without the extra or the detector's model.
    """
    check_workers(workers)
    check_distance(distance)
    videos = check_path("videos", videos)
    if (videos / MANIFEST).is_file():
        raise OptionError(
            f"{videos} holds shards, of which people cannot be told: clips hold mouths. "
            "Give the folder of the videos that they were made of"
        )
    if not videos.exists():
        raise OptionError(f"{videos} does not exist; give a folder of videos or one video")
    refuse_missing()
    detector, why = choose_detector(detector)
    check_landmarks(detector, why)
    weights_file()
    sources = [source for source in recipes.listed(recipe, videos) if not source.refusal]
    if not sources:
        raise NoVideos(f"nothing to compare: the recipe {recipe!r} found no video in {videos}")
    workers = settle_workers(workers, len(sources), "video", PEAK_BYTES, progress)
    seen = in_videos(sources, detector, workers, limits, progress)
    faces = {name: made for name, made in seen.items() if isinstance(made, VideoFaces)}
    speakers = {source.name: source.speaker for source in sources}
    unknown = {
        name: why
        for name, made in seen.items()
        if (why := made if isinstance(made, str) else made.why_unknown)
    }
    return People(
        who_is_where(faces, speakers, distance),
        speakers,
        {source.name: source.split for source in sources if source.split},
        unknown,
    )


@dataclass(frozen=True)
class LookTask:
    """A video whose people are wanted, the ``index``-th."""

    index: int
    source: Source = field(compare=False)
    detector: str


def look(task: LookTask, report: Report) -> VideoFaces | str:
    """The people of a video, or why it cannot be read."""
    report(task.source.name, 0.0)
    try:
        return video_faces(task.source, probe(task.source.path), task.detector)
    except SourceRefused as problem:
        return str(problem)


def lost(task: LookTask, crash: Crashed) -> str:
    return f"worker: {crash.reason} ({crash.detail})"


def in_videos(
    sources: Sequence[Source], detector: str, workers: int, limits: Limits, progress: Progress
) -> dict[str, VideoFaces | str]:
    """The people of each video by its name, or why it cannot be read."""
    tasks = [LookTask(index, source, detector) for index, source in enumerate(sources)]
    progress.begin("looking at faces", len(tasks), "videos")
    seen: dict[str, VideoFaces | str] = {}
    for task, made in outcomes(look, tasks, workers, unheard, lost, limits=limits, light=True):
        seen[task.source.name] = made
        progress.advance()
    return {source.name: seen[source.name] for source in sources}
