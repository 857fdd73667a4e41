"""``manifest.json`` of a prepared folder as a record: what lies in the folder, how it was made, and a digest
over itself.

>>> Manifest.load('{"format": 1, "shards": [], "splits": {}, "pairs": {}, "fields": ["json"]}').fields
('json',)
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from speechlip.checks import fits, in_words
from speechlip.files.strict_json import as_json, encode_json, record_of, strict_json
from speechlip.format import FORMAT
from speechlip.licences import UNKNOWN

DIGEST = "digest"
PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
"""A file name that stays in its folder: no slash, no leading dot."""
SHARD_TYPES = {"name": str, "split": str, "sha256": str, "bytes": int, "clips": int, "frames": int}
SPLIT_TYPES = {"clips": int, "frames": int, "speakers": int}
PAIRS_TYPES = {"sha256": str, "rows": int}
OPTION_TYPES = {"recipe": str, "detector": str, "crop": str, "faces": str, "split_by": str, "split": dict}
VALUES_IN = {"kinds": int, "off": str, "dropped": float, "skipped": int}
ROWS_TYPES = {"sha256": str, "bytes": int, "rows": int}


@dataclass(frozen=True, kw_only=True)
class About:
    """What the recipe declares of the videos.

    title: of the dataset.
    licence: the recipe's; that of each source stands in the ledger.
    citation: BibTeX, or empty.
    access: how one comes by the videos.
    homepage: URL, or empty.
    language: ISO 639 code of what is spoken, or ``multilingual``, or empty.
    """

    title: str | None = None
    licence: str | None = None
    citation: str = ""
    access: str = ""
    homepage: str = ""
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class ShardRow:
    """One shard.

    name: of the file in ``data/``.
    sha256: of its content, hexadecimal.
    frames: of all its clips, at 25 fps.
    """

    name: str
    split: str
    sha256: str
    bytes: int
    clips: int
    frames: int


@dataclass(frozen=True, kw_only=True)
class SplitTotals:
    """All clips of one split. seconds: None in folders of releases that did not add them up."""

    clips: int
    frames: int
    seconds: float | None = None
    speakers: int


@dataclass(frozen=True, kw_only=True)
class PairsFile:
    """The frozen pairs of one split, ``pairs/SPLIT.parquet``.

    rows: pairs.
    kinds: pairs of each kind.
    off: kind without a pair → why.
    least_speech: share of each window in which somebody speaks, at least; None: any.
    drawing: which way of choosing pairs made them (``pairs.rules.SAMPLING``).
    """

    sha256: str
    rows: int
    kinds: dict[str, int] | None = None
    off: dict[str, str] = field(default_factory=dict)
    drawing: int | None = None
    least_speech: float | None = None


@dataclass(frozen=True, kw_only=True)
class RowsFile:
    """A table beside the shards. rows: sources of ``ledger.jsonl``, or clips of ``clips.parquet``."""

    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One edit of ``speechlip edit``, which made this folder out of others.

    operation: ``select``, ``split``, ``merge``, ``append`` or ``annotate``.
    of: digests of the manifests of these others, in their order.
    arguments: of the operation, by name.
    """

    operation: str
    of: tuple[str, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LicenceTotals:
    """What is under one licence, sources without clips left out. seconds: of all clips."""

    sources: int = 0
    clips: int = 0
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """The ledger added up: what came, what was lost by reason, what was kept.

    Seconds without a suffix are of the sources.

    sources, sources_kept, sources_skipped: videos.
    clip_seconds: all clips together.
    interpolated_seconds: of the clips, where the face was not seen and its place interpolated.
    several_faces_seconds: of the clips, where several faces are there at once.
    no_speech_seconds: of what was kept, where nobody speaks; None in folders of releases that did not listen.
    dropped: reason → seconds.
    skipped: ``stage: reason`` → sources.
    offsets_undecided: face tracks whose offset was not acted on; None where there is none.
    """

    sources: int
    sources_kept: int = 0
    sources_skipped: int = 0
    seconds: float = 0.0
    seconds_kept: float = 0.0
    clips: int
    clip_seconds: float = 0.0
    interpolated_seconds: float = 0.0
    sources_with_several_faces: int = 0
    several_faces_seconds: float = 0.0
    no_speech_seconds: float | None = None
    dropped: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    offsets_undecided: int | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All of ``manifest.json``. What releases did not always write is None, or empty, where it is missing.

    format: of the folder (docs/format.md).
    speechlip: version that made it.
    options: of ``prep-shards``, by name.
    versions: of the libraries that show in the bytes.
    fields: members of every sample, sorted.
    columns: of ``metadata.csv``, carried as text in the ``json`` of every sample.
    shards: by split and number.
    splits: split → its totals, those with clips.
    pairs: split → its frozen pairs, all but ``train``.
    licences: licence → what is under it, most seconds first.
    clips: ``clips.parquet``; None in folders of releases that did not write it.
    edited: every edit since ``prep-shards``, the last one last; of a merge those of its parts before it. None
    where nothing was edited.
    digest: ``digest_of`` all the rest.
    content_digest: what ``digest`` must be for the text that was read; not written.
    """

    format: int
    speechlip: str = ""
    about: About | None = None
    options: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    fields: tuple[str, ...]
    columns: tuple[str, ...] = ()
    shards: tuple[ShardRow, ...]
    splits: dict[str, SplitTotals]
    pairs: dict[str, PairsFile]
    funnel: Funnel | None = None
    licences: dict[str, LicenceTotals] | None = None
    ledger: RowsFile | None = None
    clips: RowsFile | None = None
    edited: tuple[Edit, ...] | None = None
    digest: str | None = None
    content_digest: str = field(default="", init=False, compare=False, repr=False)

    @classmethod
    def load(cls, text: str | bytes) -> "Manifest":
        """The manifest in a JSON text.

        Raises ValueError with what is missing, of another type, or no plain name.
        """
        return cls.of(strict_json(text))

    @classmethod
    def of(cls, raw: Any) -> "Manifest":
        """The manifest in a JSON value. Raises ValueError as ``load`` does."""
        if not isinstance(raw, dict):
            raise ValueError(f"it is of type {type(raw).__name__}")
        if problem := next(_problems(raw), ""):
            raise ValueError(problem)
        inner = {
            "format": raw.get("format", FORMAT),
            "about": record_of(About, raw.get("about")),
            "fields": tuple(raw["fields"]),
            "columns": tuple(raw.get("columns", ())),
            "shards": tuple(ShardRow(**_known(ShardRow, row)) for row in raw["shards"]),
            "splits": _records(SplitTotals, raw["splits"]),
            "pairs": _records(PairsFile, raw["pairs"]),
            "funnel": record_of(Funnel, raw.get("funnel")),
            "licences": _records(LicenceTotals, raw["licences"]) if "licences" in raw else None,
            "ledger": record_of(RowsFile, raw.get("ledger")),
            "clips": record_of(RowsFile, raw.get("clips")),
            "edited": tuple(map(edit_from, raw["edited"])) if "edited" in raw else None,
        }
        manifest = cls(**_known(cls, raw) | inner)
        object.__setattr__(manifest, "content_digest", digest_of(raw))
        return manifest

    def dump(self) -> str:
        """The text of ``manifest.json``: the same manifest gives the same bytes."""
        return json.dumps(as_json(self), indent=1, ensure_ascii=False) + "\n"

    def sealed(self) -> "Manifest":
        """The same with its ``digest``."""
        return dataclasses.replace(self, digest=digest_of(as_json(self)))

    @property
    def stated_licences(self) -> list[str]:
        """The licences of the videos; of a release that did not add them up, the recipe's."""
        return list(self.licences or ()) or [(self.about and self.about.licence) or UNKNOWN]

    @property
    def seed(self) -> int:
        return self.options.get("seed", 0)

    @property
    def recipe(self) -> str:
        return self.options.get("recipe", "")

    @property
    def crop(self) -> str:
        """The crop preset of the lips."""
        return self.options.get("crop", "lips")

    @property
    def detector(self) -> str:
        """What found the faces."""
        return self.options.get("detector", "")

    @property
    def split(self) -> dict[str, float]:
        """Split → the share of seconds that was asked for; empty where sources named their splits."""
        return self.options.get("split", {})

    @property
    def faces(self) -> str:
        """Which faces of a shot became clips: ``largest`` or ``all``."""
        return self.options.get("faces", "largest")

    @property
    def split_by(self) -> str:
        """What is in one split only: ``speaker``, ``file``, or ``time`` of a file."""
        return self.options.get("split_by", "speaker")


def digest_of(raw: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest without its ``digest``: as JSON with sorted keys and no spaces, in UTF-8.

    >>> digest_of({"format": 1, "digest": "of something else"}) == hashlib.sha256(b'{"format":1}').hexdigest()
    True
    """
    rest = {name: value for name, value in raw.items() if name != DIGEST}
    return hashlib.sha256(encode_json(rest)).hexdigest()


def edit_from(raw: Mapping[str, Any]) -> Edit:
    """An edit from what JSON has of it."""
    return Edit(**_known(Edit, raw) | {"of": tuple(map(str, raw.get("of", ())))})


def _known(kind: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: raw[each.name] for each in dataclasses.fields(kind) if each.init and each.name in raw}


def _records(kind: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: kind(**_known(kind, row)) for name, row in raw.items()}


def _problems(raw: Mapping[str, Any]) -> Iterator[str]:
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
    yield from _type_problems("about", About, raw.get("about", {}))
    yield from _type_problems("funnel", Funnel, raw.get("funnel", {}))
    for row in raw["shards"]:
        yield from _row_problems("a shard", row, SHARD_TYPES)
        yield from _name_problems(row["name"], row["split"])
    for split, row in raw["splits"].items():
        yield from _row_problems(f"split {_short(split)}", row, SPLIT_TYPES)
        yield from _type_problems(f"split {_short(split)}", SplitTotals, row)
    for split, row in raw["pairs"].items():
        yield from _row_problems(f"pairs of split {_short(split)}", row, PAIRS_TYPES)
        yield from _type_problems(f"pairs of split {_short(split)}", PairsFile, row)
        yield from _name_problems(split)
    for licence, row in raw.get("licences", {}).items():
        if not isinstance(row, dict):
            yield _other(f"licence {_short(licence)}", row, dict)
        yield from _type_problems(f"licence {_short(licence)}", LicenceTotals, row)
    if not isinstance(raw.get("edited", []), list):
        yield _other("edited", raw["edited"], list)
    for edit in raw.get("edited", ()):
        yield from _row_problems("an edit", edit, {"operation": str, "of": list, "arguments": dict})
    for name, what in (("ledger", "the ledger"), ("clips", "the table of clips")):
        if name in raw:
            yield from _row_problems(what, raw[name], ROWS_TYPES)
    without = {row["split"] for row in raw["shards"]} - raw["splits"].keys()
    yield from (f"split {_short(split)} has shards and no totals" for split in sorted(without))


def _row_problems(what: str, row: Any, types: Mapping[str, type]) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{what} is {_short(row)}, wanted {', '.join(types)}"
        return
    for name, wanted in types.items():
        value = row.get(name)
        if not isinstance(value, wanted) or isinstance(value, bool) or (isinstance(value, int) and value < 0):
            yield f"{what}: {_other(name, value, wanted)}"


def _type_problems(what: str, kind: type, row: Mapping[str, Any]) -> Iterator[str]:
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
