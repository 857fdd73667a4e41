"""Speakers by face: named anew, or compared; before sources are dealt to splits."""

from collections.abc import Sequence
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
Judged = tuple[list[PlannedSource], tuple[LookAlike, ...] | None]


def judged_people(
    planned: Sequence[PlannedSource], options: PrepOptions, progress: Progress = SILENT
) -> Judged:
    """The sources with speakers as ``options.speakers`` says, their faces taken off; and, where names are
    compared with faces, the speakers in whose videos the same person is seen, else None.
    """
    if options.speakers == "by-name":
        return [*planned], None
    faces = {
        entry.source.name: entry.faces or VideoFaces((), {"not looked at": 1})
        for entry in planned
        if not entry.refusal
    }
    speaker_of = {entry.source.name: entry.source.speaker for entry in planned}
    who = who_is_where(faces, speaker_of, options.face_distance)
    bare = [replace(entry, faces=None) for entry in planned]
    unknown = [shown(name) for name, own in who.of_video.items() if not own]
    if options.speakers == "check":
        if unknown:
            progress.say(f"{counted(len(unknown), 'video')} not compared by face: {listed(unknown)}")
        alike = [
            LookAlike(speakers=tuple(map(plain_name, person.speakers)), distance=person.distance)
            for person in who.under_two_names
        ]
        return bare, tuple(alike)
    if unknown:
        progress.say(
            f"{counted(len(unknown), 'video')} left out, nobody can be told by face: {listed(unknown)}"
        )
    return called_by_face(bare, faces, who, speaker_of), None


def called_by_face(
    planned: Sequence[PlannedSource],
    faces: dict[str, VideoFaces],
    who: WhoIsWhere,
    speaker_of: dict[str, str],
) -> list[PlannedSource]:
    """The sources with the person whose face is largest as speaker; those that show nobody are refused."""
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
