"""What ``manifest.json`` must look like before anything in it is used, and the digest over itself that shows a later change."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

DIGEST = "digest"
PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
"""A file name that stays in its folder: no slash, no leading dot."""
SHARD_TYPES = {"name": str, "split": str, "sha256": str, "bytes": int, "clips": int, "frames": int}
SPLIT_TYPES = {"clips": int, "frames": int, "speakers": int}
PAIRS_TYPES = {"sha256": str, "rows": int}
LEDGER_TYPES = {"sha256": str, "bytes": int, "rows": int}


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with its ``digest``, as the last of its fields."""
    facts = {name: value for name, value in manifest.items() if name != DIGEST}
    return {**facts, DIGEST: digest_of(facts)}


def digest_of(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the manifest without its ``digest``: as JSON with sorted keys and no spaces, in UTF-8.

    >>> digest_of({"format": 1, "digest": "of something else"}) == hashlib.sha256(b'{"format":1}').hexdigest()
    True
    """
    facts = json.loads(json.dumps({name: value for name, value in manifest.items() if name != DIGEST}))
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def strict_json(text: str | bytes) -> Any:
    """JSON as the standard has it. Raises ValueError also for numbers that are none (``NaN``, ``Infinity``, ``1e999``), which Python would take.

    >>> strict_json('{"seconds": NaN}')
    Traceback (most recent call last):
    ValueError: NaN is no number
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _refuse(text)


def shape_problem(manifest: Mapping[str, Any]) -> str:
    """What is missing, of another type, or no plain name in a manifest; empty where nothing is. Optional fields may be missing, never garbled."""
    return next(_shape_problems(manifest), "")


def _shape_problems(manifest: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in (("shards", list), ("splits", dict), ("pairs", dict), ("fields", list)):
        if not isinstance(manifest.get(name), wanted):
            yield _other(name, manifest.get(name), wanted)
    for name in ("about", "options", "funnel", "licences", "ledger"):
        if not isinstance(manifest.get(name, {}), dict):
            yield _other(name, manifest[name], dict)
    if type(manifest.get("options", {}).get("seed", 0)) is not int:
        yield _other("the seed among options", manifest["options"]["seed"], int)
    if not all(isinstance(name, str) for name in manifest["fields"]):
        yield f"fields are {_short(manifest['fields'])}, wanted names of members"
    for row in manifest["shards"]:
        yield from _row_problems("a shard", row, SHARD_TYPES)
        yield from _name_problems(row["name"], row["split"])
    for split, row in manifest["splits"].items():
        yield from _row_problems(f"split {_short(split)}", row, SPLIT_TYPES)
    for split, row in manifest["pairs"].items():
        yield from _row_problems(f"pairs of split {_short(split)}", row, PAIRS_TYPES)
        yield from _name_problems(split)
    if "ledger" in manifest:
        yield from _row_problems("the ledger", manifest["ledger"], LEDGER_TYPES)
    without = {row["split"] for row in manifest["shards"]} - manifest["splits"].keys()
    yield from (f"split {_short(split)} has shards and no totals" for split in sorted(without))


def _row_problems(what: str, row: Any, types: Mapping[str, type]) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{what} is {_short(row)}, wanted {', '.join(types)}"
        return
    for name, wanted in types.items():
        value = row.get(name)
        if not isinstance(value, wanted) or isinstance(value, bool) or (isinstance(value, int) and value < 0):
            yield f"{what}: {_other(name, value, wanted)}"


def _name_problems(*names: str) -> Iterator[str]:
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
