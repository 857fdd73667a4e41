"""Sources that are doubles of others, refused before anything of them is prepared."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from speechlip.doubles.keeping import doubles_of_kept, other_than
from speechlip.doubles.pairs import SAME_FILE, Double, double_pairs
from speechlip.files.names import plain_name
from speechlip.files.stamps import sha256_of
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.reasons import DOUBLE
from speechlip.progress import SILENT, Progress
from speechlip.wording import clock, counted, listed, shown

STAGE = "plan"


def without_doubles(planned: Sequence[PlannedSource], progress: Progress = SILENT) -> list[PlannedSource]:
    """The sources, with a refusal where another one is kept instead; fingerprints are taken off."""
    marked = [entry for entry in planned if entry.fingerprint]
    if not marked:
        return [*planned]
    copies = {pair.second: pair for pair in same_files(marked)}
    prints = [entry.fingerprint for entry in marked if entry.fingerprint and entry.source.name not in copies]
    left_out = doubles_of_kept({each.name: each.seconds for each in prints}, double_pairs(prints))
    left_out |= {name: with_copy(left_out.get(pair.first), pair) for name, pair in copies.items()}
    if left_out:
        names = [shown(entry.source.name) for entry in marked if entry.source.name in left_out]
        progress.say(f"{counted(len(names), 'video')} left out as double: {listed(names)}")
    return [
        replace(
            entry,
            fingerprint=None,
            refusal=refusal(left_out[name], name)
            if (name := entry.source.name) in left_out
            else entry.refusal,
        )
        for entry in planned
    ]


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
            name, content = entry.source.name, sha256_of(entry.source.path)
            if content in first:
                yield Double(first[content], name, SAME_FILE)
            first.setdefault(content, name)


def refusal(pair: Double, name: str) -> tuple[str, str, str]:
    """Stage, reason and detail of a source that is left out."""
    return STAGE, DOUBLE, f"of {plain_name(other_than(pair, name))!r}, which is kept: {evidence(pair, name)}"


def evidence(pair: Double, name: str) -> str:
    """What says that ``name`` is a double, in words."""
    if pair.kind == SAME_FILE:
        return "the same file"
    first = name == pair.first
    start_s, stop_s = (
        (pair.first_start_s, pair.first_stop_s) if first else (pair.second_start_s, pair.second_stop_s)
    )
    other_s = pair.second_start_s if first else pair.first_start_s
    speed = (
        "" if abs(pair.speed - 1) < 0.005 else f", {pair.speed if first else 1 / pair.speed:.2f} × as fast"
    )
    images = "" if pair.image_bits is None else f", images differ by {pair.image_bits} of 64 bits"
    return (
        f"audio of {clock(start_s)}–{clock(stop_s)} is there from {clock(other_s)}{speed} "
        f"({pair.votes} hashes{images})"
    )
