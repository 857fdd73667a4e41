"""The plan as a file, which an interrupted run leaves for the next."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from speechlip.manifest import look_alike
from speechlip.preparing.options import FILES, PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource, declared
from speechlip.preparing.plan.units import Plan, Unit
from speechlip.records import Source
from speechlip.shards.writer import KEY_DIGITS

PLAN = "plan.json"
"""Its name in the work folder."""
NEVER_WRITTEN = ("fingerprint", "faces")
"""What sources look and sound like; faces are biometric data."""


def dump_plan(plan: Plan, options: PrepOptions) -> str:
    def plain(value: object) -> object:
        if isinstance(value, Path):
            return str(value)
        raise TypeError(type(value))

    def without_looks(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return {name: value for name, value in pairs if name not in NEVER_WRITTEN}

    facts = asdict(plan, dict_factory=without_looks)
    return json.dumps({"options": options.as_dict(), **facts}, default=plain)


def load_plan(text: str) -> tuple[Plan, dict]:
    """Read back what ``dump_plan`` wrote: the plan, and its options as a plain dict."""
    raw = json.loads(text)
    given = raw["options"]["detector"], raw["options"].get("phones", FILES)
    units = [
        Unit(unit["split"], unit["index"], tuple(_load_source(entry, *given) for entry in unit["sources"]))
        for unit in raw["units"]
    ]
    refused = tuple((split, _load_source(entry, *given)) for split, entry in raw.get("refused", ()))
    alike = None if raw.get("alike") is None else tuple(look_alike(each) for each in raw["alike"])
    return Plan(tuple(units), raw["with_phones"], refused, alike), raw["options"]


def _load_source(entry: dict, detector: str, phones: str) -> PlannedSource:
    """One source of a written plan; what an older release did not write is taken as it is now."""
    fields = dict(entry["source"])
    for name in ("path", "phones_path", "landmarks_path"):
        fields[name] = Path(fields[name]) if fields[name] is not None else None
    source = Source(**fields)
    facts = entry["declared"] if "declared" in entry else declared(source, detector, phones)
    digits, refusal = entry.get("key_digits", KEY_DIGITS), tuple(entry.get("refusal", ()))
    part = entry.get("first_frame", 0), entry.get("stop_frame")
    company = entry.get("double_of", ""), tuple(entry.get("also", ()))
    return PlannedSource(
        source,
        entry["bytes"],
        entry["modified_ns"],
        entry["seconds"],
        facts,
        digits,
        refusal,
        *part,
        *company,
    )


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
