"""Which videos are new to a folder, by content; and what keeps them from being appended, before any work."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from speechlip.editing.given import GivenFolder
from speechlip.errors import NoVideos, OptionError, ShardError
from speechlip.files.names import plain_name
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.format import MANIFEST
from speechlip.manifest import Manifest
from speechlip.preparing.ends.spool import on_disk
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.earlier_run import changed_since_the_ledger, changes, facts_of
from speechlip.preparing.plan.make_plan import with_phones
from speechlip.preparing.plan.planned_source import declared
from speechlip.progress import Progress
from speechlip.records import Source
from speechlip.shards.ledger import LedgerRow
from speechlip.shards.ledger_file import stored_ledger
from speechlip.shards.read.shardset import read_manifest
from speechlip.wording import counted, listed

OPERATION = "append"
"""As the manifest notes it."""


@dataclass(frozen=True)
class KnownVideos:
    """The videos of a ledger, by name and by content.

    rows: of the ledger; only their places are held.
    """

    rows: Sequence[LedgerRow]
    by_name: dict[str, int] = field(default_factory=dict, init=False)
    by_content: dict[tuple[int, str], int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for place, row in enumerate(self.rows):
            self.by_name[row.source] = place
            if row.sha256:
                self.by_content.setdefault((row.bytes, row.sha256), place)

    @cached_property
    def sizes(self) -> set[int]:
        return {size for size, _ in self.by_content}

    def same(self, source: Source) -> int | None:
        """The place of the row of the same file, under its name or another; a file without a hash there is
        known by name and size.
        """
        name, (size, _) = plain_name(source.name), file_stamp(source.path)
        own = self.rows[self.by_name[name]] if name in self.by_name else None
        if own and own.bytes == size and not own.sha256:
            return self.by_name[name]
        if not size or size not in self.sizes:
            return None
        with on_disk(source) as here:
            content = size, sha256_of(here.path)
        same_name = own and content == (own.bytes, own.sha256)
        return self.by_name[name] if same_name else self.by_content.get(content)


def new_sources(
    sources: Sequence[Source], given: GivenFolder, options: PrepOptions, progress: Progress
) -> list[Source]:
    """The sources that the folder does not have, with its columns. Others are left out with a line, and with
    another where they are told otherwise than in the folder.

    Raises NoVideos where there is none, OptionError where one cannot be appended.
    """
    columns = dict.fromkeys(given.manifest.columns, "")
    sources = [replace(source, more=columns | source.more) for source in sources]
    there = already_there(sources, KnownVideos(given.rows))
    if there:
        names = listed([repr(plain_name(name)) for name in there])
        progress.say(f"{counted(len(there), 'video')} left out, in the folder already: {names}")
    otherwise = [
        difference
        for source in sorted(sources, key=lambda source: source.name)
        if source.name in there
        for difference in told_otherwise(source, given.rows[there[source.name]], options)
    ]
    if otherwise:
        progress.say(
            f"{counted(len(otherwise), 'video')} left out and told otherwise than in the folder, which stays "
            f"as it is: {listed(otherwise)}"
        )
    new = [source for source in sources if source.name not in there]
    if not new:
        raise NoVideos(f"nothing to append: {given.folder} has {counted(len(there), 'video')} already")
    refuse_other_company(new, given.manifest, options)
    if given.manifest.split_by == "speaker":
        refuse_other_splits(new, given)
    return new


def already_there(sources: Iterable[Source], known: KnownVideos) -> dict[str, int]:
    """Name of each source that the folder has → the place of its row there, which may bear another name.

    Raises OptionError where another file bears a name that is there.
    """
    there = {}
    for source in sources:
        if (place := known.same(source)) is not None:
            there[source.name] = place
        elif plain_name(source.name) in known.by_name:
            raise OptionError(
                f"{plain_name(source.name)!r} is in the folder already, and this is another file; "
                "give the new one another name"
            )
    return there


def told_otherwise(source: Source, row: LedgerRow, options: PrepOptions) -> list[str]:
    """A video of which something else is said now than in its row, with what: speaker, split, licence,
    transcript, phones, landmarks. Under another name a video may have another speaker, as folders name
    speakers; those are not compared.
    """
    if plain_name(source.name) != row.source:
        return []
    was: dict[str, object] = {"speaker": row.speaker, "licence": row.licence, **row.declared}
    now = facts_of(source, None, declared(source, options.detector, options.phones))
    del now["more"]  # `speechlip edit annotate` adds to it
    if "spoken" not in row.declared:  # `speechlip align` read the transcript in the shards
        now.pop("spoken", None)
    return changes({source.name: was}, {source.name: now})


def refuse_other_company(sources: Sequence[Source], manifest: Manifest, options: PrepOptions) -> None:
    """Raise OptionError where new videos bring other columns or, unlike the old ones, phones or none."""
    if extra := sorted({name for source in sources for name in source.more} - {*manifest.columns}):
        raise OptionError(
            f"the new videos bring a column {extra[0]!r} that the folder's clips do not have; "
            "`speechlip edit annotate` gives it to them first"
        )
    have_phones = with_phones(sources, options)
    if have_phones != ("phones.json" in manifest.fields):
        raise OptionError(
            f"the new videos come {'with' if have_phones else 'without'} phones, the folder's "
            f"{'without' if have_phones else 'with'}; every sample of a folder has the same members"
        )


def refuse_other_splits(sources: Iterable[Source], given: GivenFolder) -> None:
    """Raise OptionError where a speaker is declared in another split than they are in, or in two."""
    old, known = given.speakers, dict(given.speakers)
    for source in sources:
        speaker, split = plain_name(source.speaker), source.split
        if split is None or (before := known.setdefault(speaker, split)) == split:
            continue
        where = f"is in {before} of {given.folder}" if speaker in old else f"is declared in {before}"
        raise OptionError(
            f"speaker {speaker!r} {where}, and {plain_name(source.name)!r} is declared in {split}; a speaker "
            "belongs to one split: declare that one, or none"
        )


def refuse_other_videos(
    out: Path, given: GivenFolder, sources: Sequence[Source], options: PrepOptions
) -> None:
    """Raise ShardError with the difference where other videos were appended into a finished ``out``.

    A video differs by size or, if it was changed since, by content; what is said of it counts too.
    """
    if not (out / MANIFEST).exists():
        return
    edited = read_manifest(out).edited
    if not edited or (edited[-1].operation, edited[-1].of) != (OPERATION, (given.digest,)):
        return
    old = {row.source for row in given.rows}
    rows = [with_known_split(row, given) for row in stored_ledger(out) if row.source not in old]
    known, names = KnownVideos(rows), {plain_name(source.name) for source in sources}
    moved = {
        source.name: rows[place].source
        for source in sources
        if plain_name(source.name) not in known.by_name
        and (place := known.same(source)) is not None
        and rows[place].source not in names
    }
    changed = changed_since_the_ledger(
        out,
        [source for source in sources if source.name not in moved],
        options,
        [asdict(row) for row in rows if row.source not in moved.values()],
    )
    changed += [f"{plain_name(now)!r} (there as {was!r})" for now, was in moved.items()]
    if changed:
        raise ShardError(
            f"{out} is finished, and of the videos appended there {counted(len(changed), 'video')} "
            f"{'is' if len(changed) == 1 else 'are'} new, gone or changed: {listed(changed, most=5)}. "
            f"`speechlip edit append {out} VIDEO_DIR -o …` appends what is new; else choose another -o"
        )


def with_known_split(row: LedgerRow, given: GivenFolder) -> LedgerRow:
    """The row of an appended video, declared in the split in which the folder has its speaker."""
    speaker = row.declared.get("speaker", row.speaker)
    split = row.declared.get("split") or split_of(speaker, given) or ""
    return replace(row, declared=row.declared | {"split": split})


def split_of(speaker: str, given: GivenFolder) -> str | None:
    """The split in which the folder keeps a speaker, also one whom it calls otherwise by face; None where it
    has no clips of them, or does not keep speakers apart.
    """
    if given.manifest.split_by != "speaker":
        return None
    return given.speakers.get(speaker) or given.renamed_speakers.get(speaker)


def in_known_split(source: Source, given: GivenFolder) -> Source:
    """The source, declared in the split in which the folder has its speaker."""
    return replace(source, split=source.split or split_of(plain_name(source.speaker), given))
