"""Whether the manifest says what the shards hold: its own digest, splits, licences."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from speechlip.files.stamps import sha256_of
from speechlip.format import LEDGER, MANIFEST
from speechlip.manifest import LicenceTotals, Manifest
from speechlip.shards.checks.contents import Contents
from speechlip.timing import seconds


def check_seal(folder: Path, manifest: Manifest) -> Iterator[str]:
    """The manifest's ``digest`` of itself and its hash of the ledger, as far as it has them."""
    if manifest.is_altered:
        digests = f"its digest is {manifest.content_digest}, it says {manifest.digest}"
        yield f"{MANIFEST} was changed after prep-shards wrote it: {digests}"
    path, ledger = folder / LEDGER, manifest.ledger
    if ledger and path.is_file() and (sha256 := sha256_of(path)) != ledger.sha256:
        yield f"{LEDGER} has SHA-256 {sha256}, the manifest says {ledger.sha256}"


def check_licences(manifest: Manifest, contents: Contents) -> Iterator[str]:
    """The manifest's sources and clips of each licence are those that the samples say they are under."""
    stated = manifest.licences
    if stated is None or contents.missing:  # of a release that did not add them up
        return
    for licence in sorted(stated.keys() | contents.licences.keys()):
        sources, clips = contents.licences.get(licence, (0, 0))
        totals = stated.get(licence, LicenceTotals())
        if (totals.sources, totals.clips) != (sources, clips):
            held = f"{clips} clips of {sources} sources say the licence {licence!r}"
            yield f"{held}, the manifest counts {totals.clips} of {totals.sources}"


def check_splits(manifest: Manifest, contents: Contents) -> Iterator[str]:
    """The totals of each split; and what is in one split only: speakers, files, or times of a file."""
    for split, totals in manifest.splits.items():
        if contents.missing[split]:
            continue
        own = contents.splits[split]
        counts = (
            ("clips", own.n_clips, totals.clips),
            ("frames", own.n_frames, totals.frames),
            ("speakers", len(own.speakers), totals.speakers),
        )
        yield from (
            f"split {split} has {n} {name}, the manifest says {stated}"
            for name, n, stated in counts
            if n != stated
        )
    if manifest.split_by == "speaker":
        by_split = contents.splits.items()
        yield from in_several(
            "speaker", ((speaker, split) for split, own in by_split for speaker in own.speakers)
        )
    elif manifest.split_by == "file":
        yield from in_several("source", splits_of_sources(contents))
    else:
        yield from times_in_several(contents)
    yield from doubles_apart(contents)


def in_several(kind: str, members: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A sentence for each name that comes with several splits. kind: of what it is the name. members: (name,
    split).
    """
    first: dict[str, str] = {}
    several: dict[str, set[str]] = defaultdict(set)
    for name, split in members:
        if first.setdefault(name, split) != split:
            several[name] |= {first[name], split}
    yield from (
        f"{kind} {name!r} is in the splits {', '.join(sorted(several[name]))}"
        for name in first
        if name in several
    )


def splits_of_sources(contents: Contents) -> Iterator[tuple[str, str]]:
    """(source, split) of every split that a source has clips in."""
    for source, own in contents.sources.items():
        yield from ((source, split) for split in own.splits)


def doubles_apart(contents: Contents) -> Iterator[str]:
    """A sentence for each marked double in another split than the source that it doubles."""
    for source, original in sorted(contents.double_of.items()):
        own, others = (
            contents.sources[name].splits if name in contents.sources else set()
            for name in (source, original)
        )
        if others and own - others:
            yield (
                f"{source!r} is in split {', '.join(sorted(own))}, and {original!r}, "
                f"which it is a double of, in {', '.join(sorted(others))}"
            )


def times_in_several(contents: Contents) -> Iterator[str]:
    """A sentence for each source whose splits overlap: cut in time, each split is one stretch of it."""
    for source, own in contents.sources.items():
        stretches = sorted((first, stop, split) for split, first, stop in own.reach)
        for (_, stop, earlier), (first, _, later) in pairwise(stretches):
            if first < stop:
                until, since = f"until {seconds(stop)} s", f"from {seconds(first)} s on"
                yield f"{source!r} is in split {earlier} {until}, and in split {later} {since}"
