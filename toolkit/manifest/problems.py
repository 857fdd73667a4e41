"""What is wrong with the shape of a manifest, as sentences: what is missing, of another type, or no name."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

from speechlip.checks import fits, in_words
from speechlip.manifest.records import About, Funnel, LicenceTotals, PairsFile, SplitTotals

PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
"""A file name that stays in its folder: no slash, no leading dot."""
SHARD_TYPES = {"name": str, "split": str, "sha256": str, "bytes": int, "clips": int, "frames": int}
SPLIT_TYPES = {"clips": int, "frames": int, "speakers": int}
PAIRS_TYPES = {"sha256": str, "rows": int}
OPTION_TYPES = {"recipe": str, "detector": str, "crop": str, "faces": str, "split_by": str, "split": dict}
VALUES_IN = {"kinds": int, "off": str, "no_phones": float, "dropped": float, "skipped": int}
ROWS_TYPES = {"sha256": str, "bytes": int, "rows": int}


def problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the shape. Read only the first: later checks index what earlier ones proved."""
    for name, wanted in (("shards", list), ("splits", dict), ("pairs", dict), ("fields", list)):
        if not isinstance(raw.get(name), wanted):
            yield _other(name, raw.get(name), wanted)
    for name in ("about", "options", "versions", "funnel", "licences", "ledger", "clips"):
        if not isinstance(raw.get(name, {}), dict):
            yield _other(name, raw[name], dict)
    if not isinstance(raw.get("columns", []), list):
        yield _other("columns", raw["columns"], list)
    if type(raw.get("options", {}).get("seed", 0)) is not int:
        yield _other("the seed among options", raw["options"]["seed"], int)
    for name, kind in OPTION_TYPES.items():
        if not fits(value := raw.get("options", {}).get(name, kind()), kind):
            yield f"options: {name} is {_short(value)}, wanted {in_words(kind)}"
    if not all(isinstance(name, str) for name in raw["fields"]):
        yield f"fields are {_short(raw['fields'])}, wanted names of members"
    yield from type_problems("about", About, raw.get("about", {}))
    yield from type_problems("funnel", Funnel, raw.get("funnel", {}))
    for row in raw["shards"]:
        yield from row_problems("a shard", row, SHARD_TYPES)
        yield from name_problems(row["name"], row["split"])
    for split, row in raw["splits"].items():
        yield from row_problems(f"split {_short(split)}", row, SPLIT_TYPES)
        yield from type_problems(f"split {_short(split)}", SplitTotals, row)
    for split, row in raw["pairs"].items():
        yield from row_problems(f"pairs of split {_short(split)}", row, PAIRS_TYPES)
        yield from type_problems(f"pairs of split {_short(split)}", PairsFile, row)
        yield from name_problems(split)
    for licence, row in raw.get("licences", {}).items():
        if not isinstance(row, dict):
            yield _other(f"licence {_short(licence)}", row, dict)
        yield from type_problems(f"licence {_short(licence)}", LicenceTotals, row)
    if not isinstance(raw.get("edited", []), list):
        yield _other("edited", raw["edited"], list)
    for edit in raw.get("edited", ()):
        yield from row_problems("an edit", edit, {"operation": str, "of": list, "arguments": dict})
    if not isinstance(raw.get("alike", []), list):
        yield _other("alike", raw["alike"], list)
    for row in raw.get("alike", ()):
        yield from row_problems("speakers who look alike", row, {"speakers": list})
        if not fits(row.get("distance"), float):
            distance = _short(row.get("distance"))
            yield f"speakers who look alike: distance is {distance}, wanted {in_words(float)}"
    for name, what in (("ledger", "the ledger"), ("clips", "the table of clips")):
        if name in raw:
            yield from row_problems(what, raw[name], ROWS_TYPES)
    without = {row["split"] for row in raw["shards"]} - raw["splits"].keys()
    yield from (f"split {_short(split)} has shards and no totals" for split in sorted(without))


def row_problems(what: str, row: Any, types: Mapping[str, type]) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{what} is {_short(row)}, wanted {', '.join(types)}"
        return
    for name, wanted in types.items():
        value = row.get(name)
        if not isinstance(value, wanted) or isinstance(value, bool) or (isinstance(value, int) and value < 0):
            yield f"{what}: {_other(name, value, wanted)}"


def type_problems(what: str, kind: type, row: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each field of another type than the record ``kind`` states, and for values in it."""
    for name, wanted in get_type_hints(kind).items():
        if name not in row:
            continue
        value = row[name]
        if not fits(value, wanted):
            yield f"{what}: {name} is {_short(value)}, wanted {in_words(wanted)}"
        if isinstance(value, dict):
            inner = VALUES_IN[name]
            yield from (
                f"{what}: {name} holds {_short(each)}, wanted {in_words(inner)}"
                for each in value.values()
                if not fits(each, inner)
            )


def name_problems(*names: str) -> Iterator[str]:
    yield from (
        f"{_short(name)} is no plain name, so it could lie outside the folder"
        for name in names
        if not PLAIN_NAME.fullmatch(name)
    )


def _other(name: str, value: Any, wanted: type) -> str:
    kinds = {list: "a list", dict: "an object", str: "text", int: "a whole number of at least 0"}
    return f"{name} is {'missing' if value is None else _short(value)}, wanted {kinds[wanted]}"


def _short(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:59] + "…"
