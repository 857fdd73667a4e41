"""What ``speechlip doubles`` prints."""

from dataclasses import asdict, fields
from pathlib import Path

from speechlip.checks import Workers
from speechlip.commands.terminal import Bars, echo
from speechlip.doubles.find import Doubles, find_doubles
from speechlip.doubles.pairs import Double
from speechlip.errors import NOTHING_KEPT, NoVideos
from speechlip.files.tables import csv_text
from speechlip.files.writing import write_text
from speechlip.identity.find import People, find_people
from speechlip.wording import clock, counted, shown

LISTED = 10
FACE_COLUMNS = ("source", "speaker", "split", "person", "why_unknown")
COLUMNS = (*(each.name for each in fields(Double)), "first_split", "second_split")


def run(data: str | Path, recipe: str, table: Path | None, workers: Workers, quiet: bool) -> int:
    """Find doubles and list them; returns the exit code."""
    try:
        with Bars(quiet) as progress:
            found = find_doubles(data, recipe=recipe, workers=workers, progress=progress)
    except NoVideos as nothing:
        echo(nothing, err=True)
        return NOTHING_KEPT
    if table:
        write_text(table, csv_text(COLUMNS, [row(found, pair) for pair in found.pairs]))
    show(found)
    return 0


def row(found: Doubles, pair: Double) -> dict:
    splits = {"first_split": found.split_of.get(pair.first), "second_split": found.split_of.get(pair.second)}
    return {**asdict(pair), **splits}


def show(found: Doubles) -> None:
    """Print counts, then pairs, those in two splits first."""
    across = found.across_splits
    pairs = counted(len(found.pairs), "pair")
    in_two = f", {len(across)} in two splits" if across else ""
    echo(f"{counted(found.count, found.unit)}: {pairs} with the same audio{in_two}")
    listed = [*across, *(pair for pair in found.pairs if pair not in across)]
    for pair in listed[:LISTED]:
        echo(f"  {described(found, pair)}")
    if len(listed) > LISTED:
        echo(f"  … {len(listed) - LISTED} more; --csv lists them all")
    for name, why in found.unread.items():
        echo(f"not compared: {shown(name)}: {why}", err=True)


def described(found: Doubles, pair: Double) -> str:
    """A pair in one line."""
    sides = (
        (pair.first, pair.first_start_s, pair.first_stop_s),
        (pair.second, pair.second_start_s, pair.second_stop_s),
    )
    first, second = (
        f"{shown(name)}{f' ({split})' if (split := found.split_of.get(name)) else ''} "
        f"{clock(start_s)}–{clock(stop_s)}"
        for name, start_s, stop_s in sides
    )
    return f"{first} = {second}{pair.faster}: {pair.evidence}"


def run_faces(
    data: str | Path,
    recipe: str,
    detector: str,
    distance: float,
    table: Path | None,
    workers: Workers,
    quiet: bool,
) -> int:
    """Find people and list those under several names; returns the exit code."""
    try:
        with Bars(quiet) as progress:
            found = find_people(
                data, recipe=recipe, detector=detector, distance=distance, workers=workers, progress=progress
            )
    except NoVideos as nothing:
        echo(nothing, err=True)
        return NOTHING_KEPT
    if table:
        write_text(table, csv_text(FACE_COLUMNS, people_rows(found)))
    show_people(found)
    return 0


def people_rows(found: People) -> list[dict]:
    """A row a person and video, and one for a video in which nobody can be told."""
    return [
        {
            "source": video,
            "speaker": found.speaker_of[video],
            "split": found.split_of.get(video),
            "person": number,
            "why_unknown": found.unknown.get(video),
        }
        for video in found.speaker_of
        for number in found.who.of_video.get(video) or (None,)
    ]


def show_people(found: People) -> None:
    """Print counts, then people under several names, those in two splits first."""
    across, several = found.across_splits, found.under_two_names
    in_two = f", {len(across)} in two splits" if across else ""
    people = counted(len(found.who.people), "person").replace("persons", "people")
    videos, names = (
        counted(len(found.speaker_of), "video"),
        counted(len({*found.speaker_of.values()}), "name"),
    )
    echo(f"{videos} of {names}: {people}, {len(several)} under several names{in_two}")
    listed = [*across, *(person for person in several if person not in across)]
    for person in listed[:LISTED]:
        names = " = ".join(with_split(found, name) for name in person.speakers)
        echo(f"  {names}: distance {person.distance:.2f}")
    if len(listed) > LISTED:
        echo(f"  … {len(listed) - LISTED} more; --csv lists them all")
    for name, why in found.unknown.items():
        echo(f"nobody told by face: {shown(name)}: {why}", err=True)


def with_split(found: People, speaker: str) -> str:
    """A name with the official splits of its videos."""
    splits = {split for video, split in found.split_of.items() if found.speaker_of[video] == speaker}
    return shown(speaker) + (f" ({', '.join(sorted(splits))})" if splits else "")
