"""Whether ``ledger.jsonl`` says what the shards hold: one row a source, whose clips and seconds add up."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechlip.files.strict_json import record_of
from speechlip.format import LEDGER
from speechlip.licences import plain_licence
from speechlip.manifest import Manifest
from speechlip.shards.checks.contents import Contents
from speechlip.shards.ledger import read_rows, splits_of
from speechlip.timing import seconds

TOLERANCE_S = 0.05
"""Rows are rounded to hundredths of a second."""
Facts = tuple[str, str, str]
"""Speaker, split and SHA-256 of a source, as its samples say."""


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
        yield from _ledger_problems([_stated(raw) for raw in read_rows(path)], manifest, contents)
    except (OSError, ValueError) as error:
        yield f"{path} cannot be read ({error})"
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        yield f"a row of {path} lacks or garbles {error}"


def _stated(raw: Any) -> StatedRow:
    """Raises KeyError where the row lacks a field, TypeError where it is no object."""
    row = record_of(StatedRow, raw)
    if row is None:
        raise KeyError(
            next(field.name for field in dataclasses.fields(StatedRow) if field.name not in dict(raw))
        )
    return row


def _ledger_problems(rows: Sequence[StatedRow], manifest: Manifest, contents: Contents) -> Iterator[str]:
    counts = Counter(row.source for row in rows)
    yield from (f"the ledger has {n} rows for {source!r}" for source, n in counts.items() if n > 1)
    clips: Counter[str] = Counter()
    facts: dict[str, set[Facts]] = defaultdict(set)
    for (source, *of_source), n in contents.sources.items():
        clips[source] += n
        facts[source].add((of_source[0], of_source[1], of_source[2]))
    yield from (
        f"{source!r} has clips but no row in the ledger" for source in sorted(clips.keys() - counts.keys())
    )
    for row in rows:
        yield from (
            f"ledger, {row.source!r}: {problem}"
            for problem in _row_problems(row, clips[row.source], facts[row.source], contents)
        )
    if funnel := manifest.funnel:
        n_clips = contents.n_clips + contents.missing.total()
        for name, stated, n in (("sources", funnel.sources, len(rows)), ("clips", funnel.clips, n_clips)):
            if stated != n:
                yield f"the manifest's funnel says {stated} {name}, there are {n}"


def _row_problems(row: StatedRow, clips: int, facts: set[Facts], contents: Contents) -> Iterator[str]:
    """clips: how many the shards hold of the source. facts: of each of them."""
    splits = splits_of(row.split)
    all_there = not any(contents.missing[split] for split in splits)
    if all_there and row.clips != clips:
        yield f"{row.clips} clips, but {clips} are in the shards"
    if row.status != ("kept" if (clips if all_there else row.clips) else "skipped"):
        yield f"status {row.status!r} with {clips} clips"
    if row.status == "skipped" and not (row.stage and row.reason):
        yield "skipped without a stage and a reason"
    if facts - {(row.speaker, split, row.sha256) for split in splits}:
        yield "speaker, split or SHA-256 are not those of its clips"
    licences = sorted(contents.licensed[row.source]) if clips else []
    if licences and row.licence is not None and licences != [plain_licence(row.licence)]:
        yield f"licence {row.licence!r}, but its clips say {', '.join(map(repr, licences))}"
    clips_s = seconds(contents.frames_of[row.source])
    if all_there and row.clip_seconds is not None and abs(row.clip_seconds - clips_s) > TOLERANCE_S:
        yield f"{row.clip_seconds} s of clips, but {clips_s} s are in the shards"
    dropped_s = sum(row.dropped.values())
    if abs(row.seconds - row.seconds_kept - dropped_s) > TOLERANCE_S:
        yield f"{row.seconds} s are not the {row.seconds_kept} s kept and {dropped_s:g} s dropped"
