"""The plan as a file of lines, which an interrupted run leaves for the next, and from which an array job
takes its own units.

The first line is what all units share, and where each lies; then comes a unit a line, then a refused source a
line.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

from speechlip.files.writing import whole_file
from speechlip.manifest import LookAlike, look_alike
from speechlip.preparing.choices import FILES
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource, declared
from speechlip.preparing.plan.units import Plan, Unit
from speechlip.records import Source
from speechlip.shards.writer import KEY_DIGITS
from speechlip.version import VERSION

PLAN = "plan.json"
"""Its name in the work folder."""
NEVER_WRITTEN = ("fingerprint", "faces")
"""What sources look and sound like; faces are biometric data."""
PATHS = ("path", "phones_path", "landmarks_path")
WRITTEN = tuple(each.name for each in fields(PlannedSource) if each.name not in NEVER_WRITTEN)
OF_SOURCE = tuple(each.name for each in fields(Source))
MOST_SHARED = 1000
"""Different facts that sources share: beyond, each source has its own."""


@dataclass(frozen=True)
class UnitPlace:
    """Where a unit lies in the file.

    split, index: the unit's.
    seconds: of video, all its sources together.
    offset, length: of its line, in bytes.
    """

    split: str
    index: int
    seconds: float
    offset: int
    length: int


@dataclass(frozen=True)
class PlanHead:
    """The first line of a plan.

    version: of speechlip, which made the plan; empty where an early one did not say.
    options: as a manifest records them.
    videos: the folder of the videos as it was given; empty where nobody gave one.
    with_phones, alike: as ``Plan`` has them.
    units: in the order of the plan.
    """

    version: str
    options: dict
    videos: str
    with_phones: bool
    alike: tuple[LookAlike, ...] | None
    units: tuple[UnitPlace, ...]


def write_plan(path: Path, plan: Plan, options: PrepOptions, videos: str = "") -> None:
    """Write a plan; it appears whole or not at all. Raises WriteError."""
    with whole_file(path) as file:
        for line in dump_plan(plan, options, videos):
            file.write(line.encode("ascii"))


def dump_plan(plan: Plan, options: PrepOptions, videos: str = "") -> Iterator[str]:
    """The lines of a plan, ASCII. A unit is put into words twice, so that no more than one is held."""
    units = [
        [unit.split, unit.index, round(sum(entry.part_s for entry in unit.sources), 2), len(_unit_line(unit))]
        for unit in plan.units
    ]
    head = {
        "version": VERSION,
        "options": options.as_dict(),
        "videos": videos,
        "with_phones": plan.with_phones,
        "alike": None if plan.alike is None else [vars(each) for each in plan.alike],
        "lines": units,
    }
    yield json.dumps(head) + "\n"
    yield from map(_unit_line, plan.units)
    for split, entry in plan.refused:
        yield json.dumps([split, _plain(entry)]) + "\n"


def _unit_line(unit: Unit) -> str:
    sources = [_plain(entry) for entry in unit.sources]
    return json.dumps({"split": unit.split, "index": unit.index, "sources": sources}) + "\n"


def _plain(entry: PlannedSource) -> dict:
    source = {name: getattr(entry.source, name) for name in OF_SOURCE}
    for name in PATHS:
        source[name] = None if source[name] is None else str(source[name])
    return {name: getattr(entry, name) for name in WRITTEN} | {"source": source}


def load_plan(lines: Iterable[str | bytes]) -> tuple[Plan, dict]:
    """Read back what ``dump_plan`` wrote: the plan, and its options as a plain dict."""
    rest = iter(lines)
    first = next(rest, b"")
    raw = json.loads(first)
    if "lines" not in raw:
        return _plan_of_one_line(raw), raw["options"]
    head = _head(raw, len(first))
    units = tuple(_load_unit(json.loads(next(rest)), head.options) for _ in head.units)
    refused = tuple(_load_refused(json.loads(line), head.options) for line in rest)
    return Plan(units, head.with_phones, refused, head.alike), head.options


def _plan_of_one_line(raw: dict) -> Plan:
    """A plan as older releases wrote it."""
    units = tuple(_load_unit(unit, raw["options"]) for unit in raw["units"])
    refused = tuple(_load_refused(entry, raw["options"]) for entry in raw.get("refused", ()))
    return Plan(units, raw["with_phones"], refused, _alike(raw))


def read_head(path: Path) -> PlanHead:
    """The first line of a plan; ValueError where an older release wrote it, whose units have no lines."""
    with path.open("rb") as file:
        first = file.readline()
    raw = json.loads(first)
    if "lines" not in raw:
        raise ValueError("an older release wrote it, and its units cannot be done one by one")
    return _head(raw, len(first))


def units_at(path: Path, head: PlanHead, places: Iterable[UnitPlace], videos: str) -> list[Unit]:
    """The units at these places of a plan, their sources in the folder ``videos``, which another machine may
    have elsewhere than the one that planned.
    """
    units = []
    with path.open("rb") as file:
        for place in places:
            file.seek(place.offset)
            unit = _load_unit(json.loads(file.read(place.length)), head.options)
            moved = (replace(entry, source=_moved(entry.source, head, videos)) for entry in unit.sources)
            units.append(replace(unit, sources=tuple(moved)))
    return units


def _moved(source: Source, head: PlanHead, videos: str) -> Source:
    if videos == head.videos or not head.videos:
        return source
    places = {name: getattr(source, name) for name in PATHS}
    return replace(
        source,
        **{
            name: Path(videos) / path.relative_to(head.videos)
            for name, path in places.items()
            if path is not None and path.is_relative_to(head.videos)
        },
    )


def _head(raw: dict, offset: int) -> PlanHead:
    places = []
    for split, index, length_s, n_bytes in raw["lines"]:
        places.append(UnitPlace(split, index, length_s, offset, n_bytes))
        offset += n_bytes
    return PlanHead(
        raw.get("version", ""), raw["options"], raw["videos"], raw["with_phones"], _alike(raw), tuple(places)
    )


def _alike(raw: dict) -> tuple[LookAlike, ...] | None:
    return None if raw.get("alike") is None else tuple(look_alike(each) for each in raw["alike"])


def _load_unit(raw: dict, options: dict) -> Unit:
    return Unit(raw["split"], raw["index"], tuple(_load_source(each, options) for each in raw["sources"]))


def _load_refused(raw: Sequence, options: dict) -> tuple[str, PlannedSource]:
    split, entry = raw
    return split, _load_source(entry, options)


def _load_source(entry: dict, options: dict) -> PlannedSource:
    """One source of a written plan; what an older release did not write is taken as it is now."""
    said = dict(entry["source"]) | {"more": shared(entry["source"].get("more", {}))}
    for name in {"speaker", "licence"} & said.keys():
        said[name] = sys.intern(said[name])
    for name in PATHS:
        said[name] = Path(said[name]) if said[name] is not None else None
    source = Source(**said)
    if "declared" in entry:
        facts = shared(entry["declared"])
    else:
        facts = declared(source, options["detector"], options.get("phones", FILES))
    return PlannedSource(
        source,
        entry["bytes"],
        entry["modified_ns"],
        entry["seconds"],
        facts,
        entry.get("key_digits", KEY_DIGITS),
        tuple(entry.get("refusal", ())),
        entry.get("first_frame", 0),
        entry.get("stop_frame"),
        entry.get("double_of", ""),
        tuple(entry.get("also", ())),
    )


def shared(facts: dict[str, str]) -> dict[str, str]:
    """The same dictionary for equal facts: most sources say the same, and a million are held."""
    return _shared(tuple(facts.items()))


@lru_cache(maxsize=MOST_SHARED)
def _shared(items: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return dict(items)


def at_their_places(plan: Plan, sources: Iterable[Source]) -> Plan:
    """The same plan with these sources of the same names: their folder may have moved."""
    now = {source.name: source for source in sources}

    def at_its_place(entry: PlannedSource) -> PlannedSource:
        source = now[entry.source.name]
        by_face = "speaker" in entry.declared
        return replace(entry, source=replace(source, speaker=entry.source.speaker) if by_face else source)

    units = [replace(unit, sources=tuple(map(at_its_place, unit.sources))) for unit in plan.units]
    refused = tuple((split, at_its_place(entry)) for split, entry in plan.refused)
    return replace(plan, units=tuple(units), refused=refused)
