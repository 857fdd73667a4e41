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
        clips = contents.clips[split].values()
        counts = (
            ("clips", len(clips), totals.clips),
            ("frames", sum(clip.n_frames for clip in clips), totals.frames),
            ("speakers", len({clip.speaker for clip in clips}), totals.speakers),
        )
        yield from (
            f"split {split} has {n} {name}, the manifest says {stated}"
            for name, n, stated in counts
            if n != stated
        )
    if manifest.split_by == "speaker":
        by_split = contents.clips.items()
        yield from in_several(
            "speaker", ((clip.speaker, split) for split, own in by_split for clip in own.values())
        )
    elif manifest.split_by == "file":
        yield from in_several("source", ((source, split) for source, _, split, _ in contents.sources))
    else:
        yield from times_in_several(contents)
    yield from doubles_apart(contents)


def in_several(kind: str, members: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A sentence for each name that comes with several splits. kind: of what it is the name. members: (name,
    split).
    """
    splits: dict[str, set[str]] = defaultdict(set)
    for name, split in members:
        splits[name].add(split)
    yield from (
        f"{kind} {name!r} is in the splits {', '.join(sorted(own))}"
        for name, own in splits.items()
        if len(own) > 1
    )


def doubles_apart(contents: Contents) -> Iterator[str]:
    """A sentence for each marked double in another split than the source that it doubles."""
    for source, original in sorted(contents.double_of.items()):
        own, others = (set(contents.spans.get(name, ())) for name in (source, original))
        if others and own - others:
            yield (
                f"{source!r} is in split {', '.join(sorted(own))}, and {original!r}, "
                f"which it is a double of, in {', '.join(sorted(others))}"
            )


def times_in_several(contents: Contents) -> Iterator[str]:
    """A sentence for each source whose splits overlap: cut in time, each split is one stretch of it."""
    for source, own in contents.spans.items():
        stretches = sorted(
            (min(spans)[0], max(stop for _, stop in spans), split) for split, spans in own.items()
        )
        for (_, stop, earlier), (first, _, later) in pairwise(stretches):
            if first < stop:
                until, since = f"until {seconds(stop)} s", f"from {seconds(first)} s on"
                yield f"{source!r} is in split {earlier} {until}, and in split {later} {since}"
