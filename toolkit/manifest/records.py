"""Parts of a manifest as records: shards, splits, pairs, tables, edits, licences, the funnel."""

from dataclasses import dataclass, field
from typing import Any


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
    """One edit of ``speechlip edit`` or ``speechlip align``, which made this folder out of others.

    operation: ``select``, ``split``, ``merge``, ``append``, ``annotate`` or ``align``.
    of: digests of the manifests of these others, in their order.
    arguments: of the operation, by name.
    """

    operation: str
    of: tuple[str, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """Speakers in whose videos the same person is seen.

    distance: greatest distance of the mean faces under two of these names; one person's lie within about 0.5.
    """

    speakers: tuple[str, ...]
    distance: float


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
    no_phones: reason → seconds of what was kept that has no phones for it; None where there is none.
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
    no_phones: dict[str, float] | None = None
    dropped: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    offsets_undecided: int | None = None
