"""Sources that are doubles of others: refused before anything of them is prepared, or marked."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from speechlip.doubles.keeping import doubles_of_kept, other_than
from speechlip.doubles.pairs import SAME_FILE, Double, double_pairs
from speechlip.files.names import plain_name
from speechlip.files.stamps import sha256_of
from speechlip.preparing.ends.spool import on_disk
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.ties import WHO, tied
from speechlip.preparing.reasons import DOUBLE
from speechlip.progress import SILENT, Progress
from speechlip.wording import clock, counted, listed, shown

STAGE = "plan"
ELSEWHERE = " and declared in another split"


def judged_doubles(
    planned: Sequence[PlannedSource], options: PrepOptions, progress: Progress = SILENT
) -> list[PlannedSource]:
    """The sources, doubles among them refused or marked, as ``options.doubles`` says; fingerprints are taken
    off.
    """
    if options.doubles == "keep":
        return [*planned]
    doubles = found_doubles(planned)
    if doubles:
        names = [shown(entry.source.name) for entry in planned if entry.source.name in doubles]
        done = "left out" if options.doubles == "drop" else "marked"
        progress.say(f"{counted(len(names), 'video')} {done} as double: {listed(names)}")
    bare = [replace(entry, fingerprint=None) for entry in planned]
    if options.doubles == "drop":
        return [
            replace(entry, refusal=refusal(pair, entry.source.name))
            if (pair := doubles.get(entry.source.name))
            else entry
            for entry in bare
        ]
    marked = [
        replace(entry, double_of=other_than(pair, entry.source.name))
        if (pair := doubles.get(entry.source.name))
        else entry
        for entry in bare
    ]
    _, apart = tied([entry for entry in marked if not entry.refusal], WHO[options.split_by])
    return [
        replace(entry, double_of="", refusal=refusal(doubles[name], name, ELSEWHERE))
        if (name := entry.source.name) in apart
        else entry
        for entry in marked
    ]


def found_doubles(planned: Sequence[PlannedSource]) -> dict[str, Double]:
    """Name of each source that is a double → the pair with the one that is kept instead."""
    seen = [entry for entry in planned if entry.fingerprint and not entry.refusal]
    copies = {pair.second: pair for pair in same_files(seen)}
    prints = [entry.fingerprint for entry in seen if entry.fingerprint and entry.source.name not in copies]
    doubles = doubles_of_kept({each.name: each.seconds for each in prints}, double_pairs(prints))
    return doubles | {name: with_copy(doubles.get(pair.first), pair) for name, pair in copies.items()}


def with_copy(pair: Double | None, copied: Double) -> Double:
    """Why a copy to the byte is left out: for its original, or for what ``pair`` says is kept instead."""
    if pair is None:
        return copied
    if pair.first == copied.first:
        return replace(pair, first=copied.second)
    return replace(pair, second=copied.second)


def same_files(entries: Sequence[PlannedSource]) -> Iterator[Double]:
    """Pairs of sources whose files are equal to the byte, each with the first of them."""
    by_size: dict[int, list[PlannedSource]] = defaultdict(list)
    for entry in entries:
        by_size[entry.bytes].append(entry)
    for same_size in by_size.values():
        first: dict[str, str] = {}
        for entry in same_size if len(same_size) > 1 else ():
            name = entry.source.name
            with on_disk(entry.source) as source:
                content = sha256_of(source.path)
            if content in first:
                yield Double(first[content], name, SAME_FILE)
            first.setdefault(content, name)


def refusal(pair: Double, name: str, where: str = "") -> tuple[str, str, str]:
    """Stage, reason and detail of a source that is left out. where: of the one that is kept."""
    kept = f"of {plain_name(other_than(pair, name))!r}, which is kept{where}"
    return STAGE, DOUBLE, f"{kept}: {evidence(pair, name)}"


def evidence(pair: Double, name: str) -> str:
    """What says that ``name`` is a double, in words."""
    if pair.kind == SAME_FILE:
        return "the same file"
    own = pair.seen_from(name)
    span = f"{clock(own.first_start_s)}–{clock(own.first_stop_s)}"
    return f"audio of {span} is there from {clock(own.second_start_s)}{own.faster} ({own.evidence})"
