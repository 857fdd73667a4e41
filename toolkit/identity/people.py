"""People across videos: the faces of all videos grouped, whatever names the videos bear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from speechlip.identity.asked import SAME_PERSON
from speechlip.identity.clustering import clusters
from speechlip.identity.video_faces import VideoFaces


@dataclass(frozen=True)
class Person:
    """Somebody who is seen in videos.

    videos: names of those in which they are seen, in their order.
    speakers: names of the speakers of these videos, in their order; of several, these are one person, or are
        seen in videos of each other.
    distance: greatest distance of the mean faces under two of these names; 0 for one name.
    """

    videos: tuple[str, ...]
    speakers: tuple[str, ...]
    distance: float = 0.0


@dataclass(frozen=True)
class WhoIsWhere:
    """The people of all videos.

    people: in the order of their first video by name.
    of_video: name of a video → numbers of its people, the one with the largest face first; none for a video
        in which nobody can be told.
    """

    people: tuple[Person, ...]
    of_video: dict[str, tuple[int, ...]]

    @property
    def under_two_names(self) -> tuple[Person, ...]:
        """People who are seen in videos of several speakers."""
        return tuple(person for person in self.people if len(person.speakers) > 1)


def who_is_where(
    faces: Mapping[str, VideoFaces], speaker_of: Mapping[str, str], most: float = SAME_PERSON
) -> WhoIsWhere:
    """Group the people of videos by their faces; the order of the videos does not matter.

    faces: of each video, by its name.
    speaker_of: name of a video → of its speaker.
    most: distance up to which two are one.
    """
    owners = [name for name in sorted(faces) for _ in faces[name].people]
    points = np.stack([one for name in sorted(faces) for one in faces[name].people] or [np.zeros(128)])
    numbers = clusters(points[: len(owners)], most).tolist()
    of_video: dict[str, list[int]] = {name: [] for name in sorted(faces)}
    members: dict[int, list[int]] = {}
    for place, (owner, number) in enumerate(zip(owners, numbers, strict=True)):
        if number not in of_video[owner]:
            of_video[owner].append(number)
        members.setdefault(number, []).append(place)
    people = [
        person([owners[place] for place in places], points[places], speaker_of)
        for _, places in sorted(members.items())
    ]
    return WhoIsWhere(tuple(people), {name: tuple(own) for name, own in of_video.items()})


def person(videos: Sequence[str], points: np.ndarray, speaker_of: Mapping[str, str]) -> Person:
    """One person. points: (N, 128), their face in each of these videos."""
    speakers = [speaker_of[name] for name in videos]
    names = tuple(sorted(set(speakers)))
    means = [points[[each == name for each in speakers]].mean(axis=0) for name in names]
    apart = (float(np.linalg.norm(one - other)) for one, other in combinations(means, 2))
    return Person(tuple(dict.fromkeys(videos)), names, round(max(apart, default=0.0), 3))


def named(found: WhoIsWhere, speaker_of: Mapping[str, str]) -> dict[int, str]:
    """Number of each person → what they are called: the first name that only they bear as the one whose face
    is largest; where there is none, the first video in which it is, else their first.
    """
    bearers: dict[str, set[int]] = {}
    largest: dict[int, str] = {}
    for video, numbers in found.of_video.items():
        if numbers:
            bearers.setdefault(speaker_of[video], set()).add(numbers[0])
            largest.setdefault(numbers[0], video)
    own: dict[int, list[str]] = {}
    for name, numbers_of_name in bearers.items():
        if len(numbers_of_name) == 1:
            own.setdefault(next(iter(numbers_of_name)), []).append(name)
    return {
        number: min(own[number]) if number in own else largest.get(number, one.videos[0])
        for number, one in enumerate(found.people)
    }
