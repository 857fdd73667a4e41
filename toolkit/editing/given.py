"""A folder that is edited: its manifest, its ledger, and where each of its samples lies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import overload

from speechlip.checks import check_path
from speechlip.editing.sample import Sample, meta_reader, sample_of
from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import LEDGER, MANIFEST, shard_file
from speechlip.licences import UNKNOWN
from speechlip.manifest import About, Manifest, ShardRow
from speechlip.progress import Progress
from speechlip.remote.mirror import whole_at
from speechlip.remote.names import is_remote
from speechlip.shards.checks.samples import signature
from speechlip.shards.clips.scan import scan_shard
from speechlip.shards.ledger import LedgerRow
from speechlip.shards.ledger_file import StoredLedger, stored_ledger
from speechlip.shards.read.shardset import read_manifest

RESTORE = "restore it from a copy, or run verify-shards, which says all"


@dataclass(frozen=True)
class GivenShard:
    """One shard of a folder that is edited. samples: in their order."""

    row: ShardRow
    path: Path
    samples: tuple[Sample, ...] = field(repr=False)


@dataclass(frozen=True)
class GivenFolder:
    """A folder that is edited.

    folder: where it lies.
    rows: of its ledger, read from disk each time they are gone through.
    shards: in the order of the manifest.
    """

    folder: Path
    manifest: Manifest = field(repr=False)
    rows: Sequence[LedgerRow] = field(repr=False)
    shards: tuple[GivenShard, ...] = field(repr=False)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """All samples, in the order of the shards."""
        return tuple(sample for shard in self.shards for sample in shard.samples)

    @property
    def digest(self) -> str:
        """Of its manifest."""
        return self.manifest.content_digest

    def signature(self) -> dict[str, str]:
        """The type of each field of the first sample's ``json``; empty without a sample."""
        if not self.samples:
            return {}
        return signature(next(scan_shard(self.samples[0].path)).meta)

    @property
    def about(self) -> About:
        """What its card tells of the dataset; older releases did not write all of it."""
        about = self.manifest.about or About()
        return About(
            title=about.title or "Clips",
            licence=about.licence or "unknown",
            citation=about.citation,
            access=about.access,
            homepage=about.homepage,
            language=about.language,
        )

    @cached_property
    def speakers(self) -> dict[str, str]:
        """Speaker → the split of their clips, the first where they are in several."""
        splits: dict[str, str] = {}
        for sample in self.samples:
            splits.setdefault(sample.speaker, sample.split)
        return splits

    @cached_property
    def renamed_speakers(self) -> dict[str, str]:
        """What the recipe called speakers who were told by face → the split of their clips; names whose
        clips are in several are left out.
        """
        splits: dict[str, set[str]] = {}
        for row in self.rows:
            if row.clips and "speaker" in row.declared:
                splits.setdefault(row.declared["speaker"], set()).add(row.split)
        return {name: next(iter(own)) for name, own in splits.items() if len(own) == 1}


def open_given(folder: str | Path, progress: Progress) -> GivenFolder:
    """A finished folder; one elsewhere is fetched whole. The headers of its shards are read, its media are
    not.

    Raises ShardError for one that is not finished, of another format, or whose manifest, ledger or shards are
    not as they were written; HubError for one that cannot be reached.
    """
    folder = whole_at(folder if is_remote(str(folder)) else check_path("a folder", folder), progress)
    manifest = read_manifest(folder)
    refuse_altered(folder, manifest)
    progress.begin("reading headers", len(manifest.shards), "shards")
    shards = tuple(scanned(folder, manifest, progress))
    return GivenFolder(folder, manifest, LicencedRows(stored_ledger(folder), shards), shards)


@dataclass(frozen=True)
class LicencedRows(Sequence[LedgerRow]):
    """The rows of a ledger with the licences that the samples state, which ledgers of older releases lack."""

    rows: StoredLedger
    shards: Sequence[GivenShard] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[LedgerRow]:
        return map(self._licenced, self.rows)

    @overload
    def __getitem__(self, index: int) -> LedgerRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LedgerRow, ...]: ...
    def __getitem__(self, index: int | slice) -> LedgerRow | tuple[LedgerRow, ...]:
        if isinstance(index, slice):
            return tuple(map(self._licenced, self.rows[index]))
        return self._licenced(self.rows[index])

    def _licenced(self, row: LedgerRow) -> LedgerRow:
        if row.licence != UNKNOWN:
            return row
        return replace(row, licence=self._stated.get(row.source) or UNKNOWN)

    @cached_property
    def _stated(self) -> dict[str, str | None]:
        return {each.source: each.licence for shard in self.shards for each in shard.samples}


def refuse_altered(folder: Path, manifest: Manifest) -> None:
    """Raise ShardError where manifest or ledger are not as they were written."""
    if manifest.is_altered:
        raise ShardError(f"{folder / MANIFEST} was changed after it was written; {RESTORE}")
    if manifest.ledger and sha256_of(folder / LEDGER) != manifest.ledger.sha256:
        raise ShardError(f"{folder / LEDGER} was changed after it was written; {RESTORE}")


def scanned(folder: Path, manifest: Manifest, progress: Progress) -> Iterator[GivenShard]:
    """The shards of a folder with the places of their samples. Raises ShardError as ``open_given`` does."""
    read = meta_reader()
    for row in manifest.shards:
        path = folder / shard_file(row.name)
        if not path.is_file() or path.stat().st_size != row.bytes:
            raise ShardError(f"{path} is missing or cut; {RESTORE}")
        samples = tuple(sample_of(path, row.split, span, read) for span in scan_shard(path))
        refuse_other_samples(path, row, samples, manifest.fields)
        yield GivenShard(row, path, samples)
        progress.advance()


def refuse_other_samples(path: Path, row: ShardRow, samples: Sequence[Sample], fields: Sequence[str]) -> None:
    """Raise ShardError where a shard holds other clips or members than its manifest says."""
    if len(samples) != row.clips:
        raise ShardError(f"{path} holds {len(samples)} clips, the manifest says {row.clips}; {RESTORE}")
    for sample in samples:
        members = sorted(sample.names)
        if members != sorted(fields):
            raise ShardError(
                f"{path}: {sample.key} has the members {', '.join(members)}, "
                f"the manifest says {', '.join(fields)}; {RESTORE}"
            )


def of_no_source(sample: Sample) -> ShardError:
    """The error for a clip of a source that the ledger lacks."""
    return ShardError(f"{sample.key} is of {sample.source!r}, of which {LEDGER} knows no clips; {RESTORE}")
