"""Speakers by face: named anew, or compared; before sources are dealt to splits."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from speechlip.files.names import plain_name
from speechlip.identity.people import WhoIsWhere, named, who_is_where
from speechlip.identity.video_faces import VideoFaces
from speechlip.manifest import LookAlike
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.reasons import UNKNOWN_PERSON
from speechlip.progress import SILENT, Progress
from speechlip.wording import counted, listed, shown

STAGE = "plan"


def called_by_face(
    planned: Sequence[PlannedSource], options: PrepOptions, progress: Progress = SILENT
) -> list[PlannedSource]:
    """The sources with the person whose face is largest as speaker, where speakers are told by face; those
    that show nobody are refused.
    """
    if options.speakers != "by-face":
        return [*planned]
    faces, speaker_of, who = people_in(planned, options)
    if unknown := unknown_in(who):
        progress.say(
            f"{counted(len(unknown), 'video')} left out, nobody can be told by face: {listed(unknown)}"
        )
    return with_speakers([replace(entry, faces=None) for entry in planned], faces, who, speaker_of)


def compared_by_face(
    planned: Sequence[PlannedSource], options: PrepOptions, progress: Progress = SILENT
) -> tuple[list[PlannedSource], tuple[LookAlike, ...] | None]:
    """The sources, their faces taken off, and the speakers in whose videos the same person is seen; None
    where names are not compared with faces.
    """
    if options.speakers != "check":
        return [*planned], None
    _, _, who = people_in(planned, options)
    if unknown := unknown_in(who):
        progress.say(f"{counted(len(unknown), 'video')} not compared by face: {listed(unknown)}")
    alike = [
        LookAlike(speakers=tuple(map(plain_name, person.speakers)), distance=person.distance)
        for person in who.under_two_names
    ]
    return [replace(entry, faces=None) for entry in planned], tuple(alike)


def say_divided(dealt: Iterable[tuple[str, PlannedSource]], options: PrepOptions, progress: Progress) -> None:
    """Say which people lie in several splits, where speakers are told by face and videos dealt one by one.

    dealt: (split, source).
    """
    if options.speakers != "by-face" or options.split_by != "file":
        return
    splits: dict[str, list[str]] = {}
    for split, entry in dealt:
        for person in (entry.source.speaker, *entry.also):
            own = splits.setdefault(person, [])
            own += [split] * (split not in own)
    divided = [f"{shown(person)} ({', '.join(own)})" for person, own in splits.items() if len(own) > 1]
    if divided:
        progress.say(
            f"--split-by file puts {counted(len(divided), 'speaker')} into several splits, by face: "
            f"{listed(divided)}; --split-by speaker keeps each in one"
        )


def people_in(
    planned: Sequence[PlannedSource], options: PrepOptions
) -> tuple[dict[str, VideoFaces], dict[str, str], WhoIsWhere]:
    """Faces and speaker of each source by its name, and who is where; refused sources are left out."""
    entries = [entry for entry in planned if not entry.refusal]
    faces = {entry.source.name: entry.faces or VideoFaces((), {"not looked at": 1}) for entry in entries}
    speaker_of = {entry.source.name: entry.source.speaker for entry in entries}
    return faces, speaker_of, who_is_where(faces, speaker_of, options.face_distance)


def unknown_in(who: WhoIsWhere) -> list[str]:
    """Names of the videos in which nobody can be told."""
    return [shown(name) for name, own in who.of_video.items() if not own]


def with_speakers(
    planned: Sequence[PlannedSource],
    faces: dict[str, VideoFaces],
    who: WhoIsWhere,
    speaker_of: dict[str, str],
) -> list[PlannedSource]:
    """``called_by_face``, once it is known who is where."""
    names = named(who, speaker_of)
    called = []
    for entry in planned:
        if entry.refusal:
            called.append(entry)
        elif own := [names[number] for number in who.of_video[entry.source.name]]:
            called.append(
                replace(
                    entry,
                    source=replace(entry.source, speaker=own[0]),
                    also=tuple(own[1:]),
                    declared=entry.declared | {"speaker": plain_name(entry.source.speaker)},
                )
            )
        else:
            why = faces[entry.source.name].why_unknown
            called.append(
                replace(entry, refusal=(STAGE, UNKNOWN_PERSON, f"nobody can be told by face: {why}"))
            )
    return called
