"""``manifest.json`` of a prepared folder as a record: what lies in the folder, how it was made, and a digest
over itself.

>>> Manifest.load('{"format": 1, "shards": [], "splits": {}, "pairs": {}, "fields": ["json"]}').fields
('json',)
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from speechlip.files.strict_json import as_json, encode_json, record_of, strict_json
from speechlip.format import FORMAT
from speechlip.licences import UNKNOWN
from speechlip.manifest.problems import problems
from speechlip.manifest.records import (
    About,
    Edit,
    Funnel,
    LicenceTotals,
    LookAlike,
    PairsFile,
    RowsFile,
    ShardRow,
    SplitTotals,
)

DIGEST = "digest"


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
    alike: speakers in whose videos the same person is seen; None where nobody compared them.
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
    alike: tuple[LookAlike, ...] | None = None
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
        if problem := next(problems(raw), ""):
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
            "alike": tuple(map(look_alike, raw["alike"])) if "alike" in raw else None,
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
    def is_altered(self) -> bool:
        """Whether it is another than was written; one of a release without digests does not say."""
        return self.digest not in (None, self.content_digest)

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


def look_alike(raw: Mapping[str, Any]) -> LookAlike:
    """Speakers who look alike from what JSON has of them."""
    return LookAlike(speakers=tuple(map(str, raw["speakers"])), distance=float(raw["distance"]))


def _known(kind: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: raw[each.name] for each in dataclasses.fields(kind) if each.init and each.name in raw}


def _records(kind: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: kind(**_known(kind, row)) for name, row in raw.items()}
