"""Which split a source falls to: by speaker, file, or part of its time (docs/decisions/split-by.md)."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from speechlip.errors import OptionError
from speechlip.files.names import plain_name
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.ties import WHO, Who, by_speaker, tied
from speechlip.timing import FPS, frames, seconds


def dealt(planned: Sequence[PlannedSource], options: PrepOptions) -> list[tuple[str, PlannedSource]]:
    """Each source, or each part of it, with its split, in the order given.

    Raises OptionError where one speaker is declared in two splits.
    """
    if options.split_by == "time":
        return [part for entry in planned for part in parts_in_time(entry, options)]
    who = WHO[options.split_by]
    split_of = assign_splits(planned, options, who)
    return [(split_of[who(entry)], entry) for entry in planned]


def parts_in_time(entry: PlannedSource, options: PrepOptions) -> Iterator[tuple[str, PlannedSource]]:
    """A source cut at the shares of its time; whole where its split is official.

    A border is a whole frame, ``floor(T · share)`` of T frames, as ER-NeRF and its kin cut. A part of no
    frame is left out.
    """
    if entry.source.split is not None:
        yield entry.source.split, entry
        return
    shares = [(name, share) for name, share in options.split.items() if share > 0]
    n_frames, first, passed = round(entry.seconds * FPS), 0, 0.0
    for name, share in shares[:-1]:
        passed += share
        stop = frames(seconds(n_frames) * passed)
        if stop > first:
            yield name, replace(entry, first_frame=first, stop_frame=stop)
            first = stop
    yield shares[-1][0], replace(entry, first_frame=first)


def split_order(by_split: Iterable[str], options: PrepOptions) -> list[str]:
    wanted = list(options.split)
    return [name for name in wanted if name in by_split] + sorted(set(by_split) - set(wanted))


def assign_splits(
    planned: Sequence[PlannedSource], options: PrepOptions, who: Who = by_speaker
) -> dict[str, str]:
    """Give each speaker one split: the declared one, else one chosen so that the shares of seconds come out.

    who: what is not divided: the speaker of a source, or its name. Those that a double ties together
        fall into one split.

    Speakers are taken in the order of a seeded hash; each goes to the split that lacks most. Every split with
    a share gets a speaker as soon as there are as many speakers as splits. Raises OptionError where one
    speaker is declared in two splits.
    """
    seconds_of: dict[str, float] = defaultdict(float)
    split_of: dict[str, str] = {}
    ties, _ = tied(planned, who)
    for entry in planned:
        speaker, declared = ties.first(who(entry)), entry.source.split
        seconds_of[speaker] += max(entry.seconds, seconds(1))
        if declared is not None and split_of.setdefault(speaker, declared) != declared:
            raise OptionError(
                f"speaker {speaker!r} is declared in the splits {split_of[speaker]!r} and {declared!r}; "
                f"a speaker belongs to one{as_faces_say(entry)}"
            )
    free = sorted(set(seconds_of) - set(split_of), key=lambda speaker: seeded_hash(options.seed, speaker))
    shares = [(name, share) for name, share in options.split.items() if share > 0]
    filled: dict[str, float] = defaultdict(float)
    for speaker, split in split_of.items():
        filled[split] += seconds_of[speaker]
    total = sum(seconds_of.values())
    for position, speaker in enumerate(free):
        empty = [name for name, _ in shares if not filled[name]]
        must_fill = empty and len(free) - position <= len(empty)
        lack = {
            name: share - filled[name] / total for name, share in shares if not must_fill or name in empty
        }
        split_of[speaker] = max(lack, key=lambda name: lack[name])
        filled[split_of[speaker]] += seconds_of[speaker]
    return {name: split_of[ties.first(name)] for name in map(who, planned)}


def as_faces_say(entry: PlannedSource) -> str:
    """Why a source is of its speaker, where that was told by face."""
    if "speaker" not in entry.declared:
        return ""
    return (
        f", and the face in {plain_name(entry.source.name)!r} is theirs; "
        "--speakers check keeps the names and says who is in two splits"
    )


def seeded_hash(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed}/{text}".encode("utf-8", "surrogateescape")).hexdigest()
