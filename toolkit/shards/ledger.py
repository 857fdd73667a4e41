"""The ledger says what became of every source; the funnel adds it up."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from speechlip.files.strict_json import encode_json, record_of
from speechlip.licences import UNKNOWN, plain_licence
from speechlip.manifest import Funnel, LicenceTotals
from speechlip.records import UNDECIDED, SyncVerdict
from speechlip.wording import clock, counted


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row of ``ledger.jsonl``: seconds = seconds_kept + the sum of ``dropped``.

    source: name of the video, relative to the dataset.
    speaker: name of the speaker.
    split: empty where it takes none; of a source cut in time all of them (``train+validation``).
    status: ``kept`` or ``skipped``.
    clips: how many it gave.
    seconds: its length.
    seconds_kept: source time inside at least one clip.
    clip_seconds: all clips together; more than seconds_kept where two faces are kept at once.
    interpolated_seconds: of the clips, where the face was not seen and its place interpolated.
    dropped: reason → seconds.
    stage, reason, detail: why a skipped source gave nothing, or why a kept one broke off; else empty.
    sha256: of the file, hexadecimal.
    bytes: of the file.
    corrected: what was done to bring the source to 25 fps and 16 kHz.
    damage: what reading it met, by kind.
    sync: of each track, where sync was a stage.
    clip_frames: length of each clip at 25 fps.
    face_widths_px: median face width of each clip, in the source.
    licence: of this source, as the recipe or ``metadata.csv`` says.
    declared: what else was said of it and lay beside it, for a later run to compare.
    faces_max: most faces at once.
    faces_median: median number of faces at once, over frames with a face.
    several_faces_seconds: of the clips, where several faces are there at once.
    speech_shares: share of speech of each clip; empty where nobody listened.
    no_speech_seconds: of what was kept, where nobody speaks.
    small_face_px: median width of faces that are too small, 0 where there is none.
    phones_reason: why its clips have no phones, where they were to be aligned or recognised; else empty.
    phones_detail: the sentence for a person, also where only a part has none.
    split_clips: of a source cut in time, split → clips; else empty.
    double_of: source that it is a double of, where doubles are marked; else empty.
    unit_clips: of a source of which one split has several parts, unit → clips; else empty, and not written.
    lost_in: of such a source, the units in which it ended its worker or met an unexpected error.
    """

    source: str
    speaker: str
    split: str
    status: str
    clips: int
    seconds: float
    seconds_kept: float
    clip_seconds: float
    interpolated_seconds: float
    dropped: dict[str, float]
    stage: str
    reason: str
    detail: str
    sha256: str
    bytes: int
    corrected: tuple[str, ...]
    damage: dict[str, int]
    sync: tuple[SyncVerdict, ...] = ()
    clip_frames: tuple[int, ...] = ()
    face_widths_px: tuple[float, ...] = ()
    licence: str = UNKNOWN
    declared: dict[str, str] = field(default_factory=dict)
    faces_max: int = 0
    faces_median: float = 0.0
    several_faces_seconds: float = 0.0
    speech_shares: tuple[float, ...] = ()
    no_speech_seconds: float = 0.0
    small_face_px: float = 0.0
    phones_reason: str = ""
    phones_detail: str = ""
    split_clips: dict[str, int] = field(default_factory=dict)
    double_of: str = ""
    unit_clips: dict[str, int] = field(default_factory=dict)
    lost_in: tuple[str, ...] = ()


FIELDS = tuple(each.name for each in fields(LedgerRow))
BY_UNIT = ("unit_clips", "lost_in")
"""Left out of a line where they are empty; no edit keeps them."""
SPLITS = "+"
"""Between the splits of a source that is cut in time: ``train+validation``."""


def splits_of(split: str) -> list[str]:
    """The splits that a row's ``split`` names.

    >>> splits_of("train+validation"), splits_of("train"), splits_of("")
    (['train', 'validation'], ['train'], [])
    """
    return split.split(SPLITS) if split else []


def row_from(raw: Mapping[str, object]) -> LedgerRow:
    """A row from what JSON has of it. Raises TypeError where it lacks a field, or a verdict is none."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    sync = [record_of(SyncVerdict, verdict) for verdict in raw.get("sync", ())]  # type: ignore[attr-defined]
    if None in sync:
        raise TypeError(f"sync is {raw['sync']!r:.60}")
    return LedgerRow(**(values | {"sync": tuple(sync)}))  # type: ignore[arg-type]


def line_of(row: LedgerRow) -> bytes:
    """The line of ``ledger.jsonl``: the same row gives the same bytes."""
    plain = {name: value for name in FIELDS if (value := getattr(row, name)) or name not in BY_UNIT}
    return encode_json(plain | {"sync": [asdict(verdict) for verdict in row.sync]}) + b"\n"


def without_units(row: LedgerRow) -> LedgerRow:
    """The row of a folder that was edited, whose shards are no unit's any more."""
    return replace(row, unit_clips={}, lost_in=()) if row.unit_clips else row


def dump_ledger(rows: Iterable[LedgerRow]) -> Iterator[str]:
    """The lines of ``ledger.jsonl`` as text."""
    return (line_of(row).decode() for row in rows)


def licences(rows: Iterable[LedgerRow]) -> dict[str, LicenceTotals]:
    """Licence → what is under it, sources without clips left out, most seconds first."""
    totals: dict[str, LicenceTotals] = {}
    for row in rows:
        if row.clips:
            licence = plain_licence(row.licence)
            so_far = totals.get(licence, LicenceTotals())
            totals[licence] = LicenceTotals(
                sources=so_far.sources + 1,
                clips=so_far.clips + row.clips,
                seconds=round((so_far.seconds or 0.0) + row.clip_seconds, 2),
            )
    return dict(sorted(totals.items(), key=lambda item: (-(item[1].seconds or 0), item[0])))


ADDED = ("seconds", "seconds_kept", "clips", "clip_seconds", "interpolated_seconds", "several_faces_seconds")
"""Fields that the funnel adds up."""


def funnel(rows: Iterable[LedgerRow]) -> Funnel:
    """Add up the ledger: sources and seconds that came, what was lost by reason, what was kept.

    Goes through the rows once.
    """
    sums, statuses, skipped = dict.fromkeys(ADDED, 0.0), Counter[str](), Counter[str]()
    dropped, without_phones = Counter[str](), Counter[str]()
    several = undecided = listened = 0
    no_speech_s = 0.0
    for row in rows:
        for name in ADDED:
            sums[name] += getattr(row, name)
        statuses[row.status] += 1
        if row.status == "skipped":
            skipped[f"{row.stage}: {row.reason}"] += 1
        dropped.update(row.dropped)  # type: ignore[arg-type]  # seconds
        several += row.several_faces_seconds > 0
        undecided += sum(verdict.offset_verdict.startswith(UNDECIDED) for verdict in row.sync)
        if row.speech_shares:
            listened, no_speech_s = listened + 1, no_speech_s + row.no_speech_seconds
        if row.phones_reason and row.clips:
            without_phones[row.phones_reason] += row.seconds_kept  # type: ignore[assignment]  # seconds
    added = {name: round(total, 2) for name, total in sums.items()}
    return Funnel(
        sources=statuses.total(),
        sources_kept=statuses["kept"],
        sources_skipped=statuses["skipped"],
        sources_with_several_faces=several,
        no_speech_seconds=round(no_speech_s, 2) if listened else None,
        no_phones=_rounded(without_phones) or None,
        dropped=_rounded(dropped),
        skipped=dict(sorted(skipped.items())),
        offsets_undecided=undecided or None,
        **(added | {"clips": int(added["clips"])}),  # type: ignore[arg-type]
    )


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Reason → seconds, by the name of the reason."""
    return {reason: round(lost_s, 2) for reason, lost_s in sorted(seconds.items())}


def format_funnel(totals: Funnel) -> str:
    """The funnel as lines of text: what came in, what fell out and why, longest first, what is left.

    A reason is one line: how many videos gave nothing for it, and how long it took away in all.
    What rounds to 0:00.0 of a kept video is not shown.
    """
    skipped: Counter[str] = Counter()
    for stage_and_reason, count in totals.skipped.items():
        skipped[stage_and_reason.partition(": ")[2]] += count
    lost_s = Counter(totals.dropped)
    lines = [f"  {'sources':<34}{totals.sources:>7}   {clock(totals.seconds):>9}"]
    for reason in sorted(
        lost_s.keys() | skipped.keys(), key=lambda reason: (-lost_s[reason], -skipped[reason], reason)
    ):
        shown_s = clock(lost_s[reason]) if round(lost_s[reason], 1) else ""
        if shown_s or skipped[reason]:
            lines.append(f"  − {reason:<32}{skipped[reason] or '':>7}   {shown_s:>9}".rstrip())
    clips = counted(totals.clips, "clip")
    lines.append(f"  = kept{'':<28}{totals.sources_kept:>7}   {clock(totals.seconds_kept):>9}   in {clips}")
    if round(totals.no_speech_seconds or 0, 1):
        lines.append(f"    of which without speech{'':<19}   {clock(totals.no_speech_seconds or 0):>9}")
    for reason, without_s in (totals.no_phones or {}).items():
        lines.append(f"    {f'without phones, {reason}':<42} {clock(without_s):>9}")
    if round(totals.interpolated_seconds, 1):
        lines.append(f"    of which the face interpolated{'':<12}   {clock(totals.interpolated_seconds):>9}")
    if undecided := totals.offsets_undecided:
        lines.append(f"    {counted(undecided, 'face track')} with an undecided offset: sound not moved")
    if round(several_s := totals.several_faces_seconds, 1):
        lines.append(
            f"    of which several faces at once{totals.sources_with_several_faces:>12}   "
            f"{clock(several_s):>9}"
        )
    return "\n".join(lines)


def empty_splits(
    shares: Mapping[str, float], filled: Iterable[str], declared: Iterable[Mapping[str, str]]
) -> list[str]:
    """The splits that have a share and got nothing.

    None where the videos' own splits are official, so that nothing was dealt. shares: split → share of
    seconds. filled: splits that got something. declared: of each source, as its ledger row says.
    """
    dealt = any(not said.get("split") for said in declared)
    return [name for name, share in shares.items() if share > 0 and name not in set(filled)] if dealt else []
