"""Whose audio stands in for a clip's own: another speaker's, as far as names, audio and faces tell.

One person may be in several clips, under one name, in copies of one recording, or in two recordings. Names
are those of ``recipes.folder``: sub-folders, or ``speaker`` in metadata.csv; a file's own name tells nobody
apart. Copies are told by audio (``doubles``), people by their faces where the extra [identity] is installed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from speechlip import recipes
from speechlip.doubles.find import find_doubles
from speechlip.errors import SpeechLipError
from speechlip.identity.find import find_people
from speechlip.identity.network import DLIB, WEIGHTS
from speechlip.progress import SILENT, Progress

NAME, SOUND, FACE = "name", "audio", "face"


@dataclass(frozen=True)
class Speakers:
    """Which clips share a speaker.

    told_by: of ``name``, ``audio``, ``face``, what could be asked.
    same: pairs of clips of one speaker, either way round.
    silent: clips without audio.
    problems: sentences on what could not be asked.
    """

    told_by: tuple[str, ...]
    same: frozenset[tuple[str, str]] = frozenset()
    silent: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()

    def others(self, clip: str, clips: Sequence[str]) -> tuple[str, ...]:
        """Clips of other speakers, from the one behind ``clip`` on, round to the one before it.

        >>> Speakers((), frozenset({("a", "b"), ("b", "a")}), frozenset({"c"})).others("a", "abcd")
        ('d',)
        """
        at = clips.index(clip)
        ring = (*clips[at + 1 :], *clips[:at])
        return tuple(each for each in ring if each not in self.silent and (clip, each) not in self.same)


def find_speakers(root: Path, detector: str, progress: Progress = SILENT) -> Speakers:
    """Compare the clips below ``root``, or the one that it is. detector: finds faces."""
    told, same, silent, problems = [SOUND], set[tuple[str, str]](), frozenset[str](), []
    try:
        named = [(each.name, each.speaker, each.path.stem) for each in recipes.listed("folder", root)]
        if len({speaker for _, speaker, _ in named}) > 1:
            told += [NAME] if any(speaker != stem for _, speaker, stem in named) else []
            same |= pairs(groups({name: speaker for name, speaker, _ in named}))
        alike = find_doubles(root, progress=progress)
        same |= pairs([[pair.first, pair.second] for pair in alike.pairs])
        silent = frozenset(alike.unread)
        if find_spec(DLIB.module) and find_spec(WEIGHTS.module):
            people = find_people(root, detector=detector, progress=progress)
            same |= pairs(person.videos for person in people.who.people)
            told.append(FACE)
    except SpeechLipError as problem:
        problems.append(f"not all that tells speakers apart could be asked: {problem}")
    return Speakers(tuple(told), frozenset(same), silent, tuple(problems))


def groups(speaker_of: Mapping[str, str]) -> list[list[str]]:
    """Names that have one speaker."""
    by_speaker: dict[str, list[str]] = {}
    for name, speaker in speaker_of.items():
        by_speaker.setdefault(speaker, []).append(name)
    return [*by_speaker.values()]


def pairs(alike: Iterable[Collection[str]]) -> set[tuple[str, str]]:
    """Each two of each group, either way round."""
    return {(one, other) for group in alike for one in group for other in group if one != other}
