"""Whether ``ledger.jsonl`` says what the shards hold: one row a source, whose clips and seconds add up."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechlip.files.strict_json import record_of
from speechlip.format import LEDGER
from speechlip.licences import plain_licence
from speechlip.manifest import Manifest
from speechlip.shards.checks.contents import Contents, SourceClips
from speechlip.shards.ledger import splits_of
from speechlip.shards.ledger_file import read_rows
from speechlip.timing import seconds

TOLERANCE_S = 0.05
"""Rows are rounded to hundredths of a second."""
NOTHING = SourceClips()


@dataclass(frozen=True)
class StatedRow:
    """What is checked of a row (``ledger.LedgerRow``). clip_seconds, licence: None in ledgers of older
    releases.
    """

    source: str
    speaker: str
    split: str
    status: str
    sha256: str
    clips: int
    seconds: float
    seconds_kept: float
    dropped: dict[str, float]
    stage: str
    reason: str
    clip_seconds: float | None = None
    licence: str | None = None


def check_ledger(folder: Path, manifest: Manifest, contents: Contents) -> Iterator[str]:
    """One row a source, whose clips are those in the shards; the manifest's funnel adds the rows up."""
    path = folder / LEDGER
    try:
        yield from _ledger_problems(path, manifest, contents)
    except (OSError, ValueError) as error:
        yield f"{path} cannot be read ({error})"
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        yield f"a row of {path} lacks or garbles {error}"


def _stated(raw: Any) -> StatedRow:
    """Raises KeyError where the row lacks a field, TypeError where it is no object, ValueError for NaN."""
    row = record_of(StatedRow, raw)
    if row is None:
        raise KeyError(
            next(field.name for field in dataclasses.fields(StatedRow) if field.name not in dict(raw))
        )
    lengths_s = (row.seconds, row.seconds_kept, row.clip_seconds or 0.0, *row.dropped.values())
    if not all(map(math.isfinite, lengths_s)):
        raise ValueError("a length in seconds is no number")
    return row


def _ledger_problems(path: Path, manifest: Manifest, contents: Contents) -> Iterator[str]:
    """The rows are gone through twice, and only their names are held."""
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    for row in map(_stated, read_rows(path)):
        counts.update([row.source] if row.source in seen else ())
        seen.add(row.source)
    yield from (f"the ledger has {n + 1} rows for {source!r}" for source, n in counts.items())
    yield from (
        f"{source!r} has clips but no row in the ledger" for source in sorted(contents.sources.keys() - seen)
    )
    n_rows = 0
    for row in map(_stated, read_rows(path)):
        n_rows += 1
        yield from (
            f"ledger, {row.source!r}: {problem}"
            for problem in _row_problems(row, contents.sources.get(row.source, NOTHING), contents)
        )
    if funnel := manifest.funnel:
        n_clips = contents.n_clips + contents.missing.total()
        for name, stated, n in (("sources", funnel.sources, n_rows), ("clips", funnel.clips, n_clips)):
            if stated != n:
                yield f"the manifest's funnel says {stated} {name}, there are {n}"


def _row_problems(row: StatedRow, held: SourceClips, contents: Contents) -> Iterator[str]:
    """held: what the shards hold of the source."""
    splits, clips = splits_of(row.split), held.n_clips
    all_there = not any(contents.missing[split] for split in splits)
    if all_there and row.clips != clips:
        yield f"{row.clips} clips, but {clips} are in the shards"
    if row.status != ("kept" if (clips if all_there else row.clips) else "skipped"):
        yield f"status {row.status!r} with {clips} clips"
    if row.status == "skipped" and not (row.stage and row.reason):
        yield "skipped without a stage and a reason"
    if {*held.facts} - {(row.speaker, split, row.sha256) for split in splits}:
        yield "speaker, split or SHA-256 are not those of its clips"
    licences = sorted(held.licences)
    if licences and row.licence is not None and licences != [plain_licence(row.licence)]:
        yield f"licence {row.licence!r}, but its clips say {', '.join(map(repr, licences))}"
    clips_s = seconds(held.n_frames)
    if all_there and row.clip_seconds is not None and abs(row.clip_seconds - clips_s) > TOLERANCE_S:
        yield f"{row.clip_seconds} s of clips, but {clips_s} s are in the shards"
    dropped_s = sum(row.dropped.values())
    if abs(row.seconds - row.seconds_kept - dropped_s) > TOLERANCE_S:
        yield f"{row.seconds} s are not the {row.seconds_kept} s kept and {dropped_s:g} s dropped"
