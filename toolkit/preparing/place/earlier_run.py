"""What an earlier run left, compared with what is asked now: a difference is refused by name."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speechlip.errors import ShardError
from speechlip.files.names import plain_name
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.files.writing import holds_something
from speechlip.format import (
    CARD,
    CLIPS,
    CROISSANT,
    IMAGES_FOLDER,
    LEDGER,
    MANIFEST,
    PAIRS_FOLDER,
    SHARDS_FOLDER,
)
from speechlip.manifest import Manifest
from speechlip.preparing.ends.spool import on_disk
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource, declared, inspect_source
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.plan.written import load_plan
from speechlip.preparing.reasons import DOUBLE, UNKNOWN_PERSON, WENT_AWAY
from speechlip.records import Source
from speechlip.shards.ledger import LedgerRow
from speechlip.shards.ledger_file import read_rows
from speechlip.shards.read.shardset import read_manifest
from speechlip.wording import counted, listed
from speechlip.workers.events import CRASHED
from speechlip.workers.unexpected import may_pass

COMPARED = (
    *("source", "bytes", "sha256", "split", "status", "stage", "reason", "detail", "speaker", "licence"),
    *("declared", "clips", "split_clips", "unit_clips", "lost_in"),
)
"""Fields of a ledger row; the others are left on disk, since a million whole rows are gigabytes."""
Facts = dict[str, object]
"""What is known of a source, by the word that a message names it by."""
RESTORE = "restore it from a copy, or delete the folder and prepare it again"
GIVEN = (SHARDS_FOLDER, PAIRS_FOLDER, LEDGER, CLIPS, CARD, IMAGES_FOLDER, CROISSANT)
"""What a finished folder has beside its manifest."""
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, StopIteration)


def read_plan(path: Path) -> tuple[Plan, dict]:
    """The plan that a run left, and its options. Raises ShardError where it is gone or damaged."""
    again = f"delete {path.parent}, and the same command begins anew"
    try:
        with path.open("rb") as lines:
            return load_plan(lines)
    except FileNotFoundError as error:
        raise ShardError(
            f"{path.parent} holds shards and no {path.name}, without which nobody knows of what: {again}"
        ) from error
    except (OSError, *DAMAGED) as error:
        raise ShardError(f"{path} cannot be read ({type(error).__name__}: {error}): {again}") from error


def read_finished(out: Path) -> tuple[Manifest, list[dict]]:
    """Manifest and ledger rows of a finished folder, of each what runs compare or repair by.

    Raises ShardError where either is damaged or gone.
    """
    manifest, path = read_manifest(out), out / LEDGER
    try:
        rows = [{name: row[name] for name in COMPARED if name in row} for row in read_rows(path)]
        n_named = len({row["source"] for row in rows if {"bytes", "sha256", "split", "status"} <= row.keys()})
    except (OSError, *DAMAGED) as error:
        raise ShardError(f"{path} cannot be read ({type(error).__name__}: {error}); {RESTORE}") from error
    counted_in = manifest.ledger.rows if manifest.ledger else manifest.funnel and manifest.funnel.sources
    if not len(rows) == n_named == counted_in:
        raise ShardError(
            f"{path} has {counted(n_named, 'row')}, manifest.json counts {counted_in}; {RESTORE}"
        )
    return manifest, rows


def refuse_no_manifest(out: Path) -> None:
    """Raise ShardError for a folder with neither a manifest nor work under way that has files of the names
    that it gives: shards of a lost manifest, or somebody's own.
    """
    there = [name for name in GIVEN if holds_something(out / name)]
    if {SHARDS_FOLDER, LEDGER} <= {*there}:
        raise ShardError(
            f"{out} holds shards and a ledger and no manifest.json, "
            f"without which nobody knows whether they are whole: {RESTORE}"
        )
    if there:
        raise ShardError(
            f"{out} holds {listed(there)}, which no unfinished run of prep-shards left there and a run would "
            "replace; choose another -o"
        )


def refuse_edited(out: Path, manifest: Manifest) -> None:
    """Raise ShardError for a folder that ``speechlip edit`` made: no run of prep-shards gives its bytes."""
    if manifest.edited:
        raise ShardError(
            f"{out} was edited ({manifest.edited[-1].operation}), and prep-shards goes on only with what it "
            "made itself; choose another -o, or take `speechlip edit append`"
        )


def with_lost_sources(sources: Sequence[Source], plan: Plan) -> list[Source]:
    """The sources, and those of the plan that are gone: what a run with ``--accept-losses`` goes on with."""
    listed = {source.name for source in sources}
    gone = {entry.source.name: entry.source for entry in plan.sources if entry.source.name not in listed}
    return [*sources, *gone.values()]


def changed_since_the_plan(
    sources: Sequence[Source], options: PrepOptions, plan: Plan, made: Mapping[str, str], accept_losses: bool
) -> list[str]:
    """The sources that differ from the plan: in what is said of them, in the video, or in a file beside it.

    A video of another size differs. One of another time, as a copy has, differs by its length, by why it is
    refused, or by its content where its clips are made already.

    made: name → SHA-256 of the sources whose clips are made.
    accept_losses: sources that are gone are no change.
    """
    gone = {entry.source.name: entry for entry in plan.sources}
    was: dict[str, Facts] = {}
    now: dict[str, Facts] = {}
    for source in sources:
        known = gone.pop(source.name, None)
        sha256 = made.get(plain_name(source.name), "")
        video = video_by_plan(source, known, sha256, options) if known else None
        facts = facts_of(source, video, declared(source, options.detector, options.phones))
        before = facts_of_entry(known, sha256) if known else {}
        if known and not changed_facts(before, facts):
            continue
        if not (accept_losses and file_stamp(source.path) == (0, 0)):
            now[source.name] = facts
            was |= {source.name: before} if known else {}
    was |= {name: facts_of_entry(entry, made.get(plain_name(name), "")) for name, entry in gone.items()}
    return changes(was, now)


def facts_of_entry(entry: PlannedSource, sha256: str) -> Facts:
    """What the plan says of a source. sha256: where its clips are made."""
    return facts_of(entry.source, (entry.bytes, entry.seconds, entry.refusal[:2], sha256), entry.declared)


def video_by_plan(
    source: Source, entry: PlannedSource, sha256: str, options: PrepOptions
) -> tuple[int, float, tuple[str, ...], str]:
    """Size, length, refusal and, where its clips are made, SHA-256 of a source's file.

    The last three are taken from the plan where size and time are the same.
    """
    size, modified_ns = file_stamp(source.path)
    if size != entry.bytes or modified_ns == entry.modified_ns:
        return size, entry.seconds, entry.refusal[:2], sha256
    with on_disk(source) as here:
        seen = inspect_source(here, options.detector, entry.key_digits, options.max_picture_px)
        content = sha256_of(here.path) if sha256 else ""
    by_company = entry.refusal[1:2] in ((DOUBLE,), (UNKNOWN_PERSON,)) and not seen.refusal
    refusal = (entry if by_company else seen).refusal[:2]
    return size, seen.seconds, refusal, content


def changed_since_the_ledger(
    out: Path, sources: Sequence[Source], options: PrepOptions, rows: Sequence[dict]
) -> list[str]:
    """The sources that differ from a finished folder's ledger.

    A video differs by its size or, if it was changed since, by its content. Fields that an older release did
    not write are not compared. A source that was accepted as lost may be gone or back.
    """
    gone = {row["source"]: row for row in rows}
    written_ns = (out / MANIFEST).stat().st_mtime_ns
    was: dict[str, Facts] = {}
    now: dict[str, Facts] = {}
    for source in sources:
        name = plain_name(source.name)
        row = gone.pop(name, None)
        video = video_now(source, row, written_ns) if row else None
        facts = facts_of(source, video, declared(source, options.detector, options.phones))
        before = facts_of_row(row) if row else {}
        if row and not changed_facts(before, facts):
            continue
        now[name] = facts
        was |= {name: before} if row else {}
    was |= {name: facts_of_row(row) for name, row in gone.items() if row.get("reason") != WENT_AWAY}
    return changes(was, now)


def facts_of(source: Source, video: object, said: Mapping[str, object]) -> Facts:
    return {"video": video, "speaker": plain_name(source.speaker), "licence": source.licence, **said}


def facts_of_row(row: dict) -> Facts:
    """What the ledger says of a source."""
    said = {name: row[name] for name in ("speaker", "licence") if name in row}
    return {"video": (row["bytes"], row["sha256"])} | said | row.get("declared", {})


def video_now(source: Source, row: dict, written_ns: int) -> tuple[int, str]:
    """Size and SHA-256 of a source's file; the latter from its row where the file was not changed since."""
    size, modified_ns = file_stamp(source.path)
    if not (modified_ns > written_ns and row["sha256"] and size == row["bytes"]):
        return size, row["sha256"]
    with on_disk(source) as here:
        return size, sha256_of(here.path)


def changes(was: Mapping[str, Facts], now: Mapping[str, Facts]) -> list[str]:
    """Each source that is new, gone, or of which a fact that both know is another, with what it is.

    >>> was = {"a.mp4": {"licence": "CC0-1.0"}, "b.mp4": {}}
    >>> changes(was, {"a.mp4": {"licence": "unknown", "phones": ""}, "c.mp4": {}})
    ["'a.mp4' (licence)", "'b.mp4' (gone)", "'c.mp4' (new)"]
    """
    found = []
    for name in sorted(was.keys() | now.keys()):
        if name in was and name in now:
            what = changed_facts(was[name], now[name])
        else:
            what = ["gone" if name in was else "new"]
        if what:
            found.append(f"{plain_name(name)!r} ({', '.join(what)})")
    return found


def changed_facts(was: Facts, now: Facts) -> list[str]:
    """The facts that both know and that differ, sorted."""
    return [fact for fact, value in sorted(was.items()) if now.get(fact, value) != value]


def refuse_other_work(
    out: Path, wanted: PrepOptions, options: Mapping[str, Any], changed_sources: Sequence[str]
) -> None:
    """Raise ShardError with the difference if a folder was made with other options or of other sources."""
    was = PrepOptions().as_dict() | dict(options)  # an older release did not write those that it did not have
    differences = [
        f"{key} was {was[key]!r}, is now {value!r}"
        for key, value in wanted.as_dict().items()
        if was[key] != value
    ]
    if changed_sources:
        differences.append(
            f"{counted(len(changed_sources), 'source')} new, gone or changed: "
            f"{listed(changed_sources, most=5)}"
        )
    if differences:
        raise ShardError(
            f"{out} was made otherwise: {'; '.join(differences)}. "
            f"Choose another -o, or {otherwise(out, len(differences), changed_sources)}"
        )


def otherwise(out: Path, n_differences: int, changed_sources: Sequence[str]) -> str:
    """What to do where a folder was made otherwise, beside choosing another."""
    if not changed_sources or n_differences > 1:
        return "delete that folder first"
    if not (out / MANIFEST).exists():
        return "bring the sources back to what they were, and the same command goes on"
    if all(source.endswith(" (new)") for source in changed_sources):
        return "take what is new in by `speechlip edit append`"
    return "bring the sources back to what they were"


def refuse_vanished(plan: Plan) -> None:
    """Raise ShardError where sources are gone by the end of the planning; a link to nothing is not gone."""
    gone = [entry.source.name for entry in plan.sources if not os.path.lexists(entry.source.path)]
    if gone:
        names = listed([repr(plain_name(name)) for name in gone])
        raise ShardError(
            f"{counted(len(gone), 'video')} went away while the plan was made ({names}); "
            "bring them back and run the same command again"
        )


def refuse_losses(lost: Sequence[str], accept: bool) -> None:
    """Raise ShardError that names the sources which another run may keep, unless losses are accepted."""
    if lost and not accept:
        raise ShardError(
            f"{counted(len(lost), 'video')} met what another run may not: {listed(lost, between='; ')}. "
            "The same command tries again; with --accept-losses it ends without what fails then"
        )


def losses(rows: Sequence[LedgerRow]) -> list[str]:
    """The sources that another run may keep: their process ended, their disk failed, or they met an
    unexpected error."""
    lost = (row for row in rows if row.reason == CRASHED or may_pass(row.reason))
    return [f"{row.source!r} ({row.reason}: {row.detail})" for row in lost]
