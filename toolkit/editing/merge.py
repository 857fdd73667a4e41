"""``speechlip.merge_shards``: several folders in one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from speechlip.checks import check_type
from speechlip.editing.copying import NewShard
from speechlip.editing.facts import brisque_fits, merged_facts
from speechlip.editing.given import GivenFolder, GivenShard, open_given
from speechlip.editing.packing import as_they_are
from speechlip.editing.rows import STAGE, row_of_kept
from speechlip.editing.run import Draft, ends_of_edit, run_edit
from speechlip.errors import OptionError, ShardError, no_such
from speechlip.manifest import Edit
from speechlip.preparing.ends.local import DEFAULT_WORK, WorkPlace
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.reasons import DOUBLE
from speechlip.progress import SILENT, Progress
from speechlip.shards.checks.samples import differing
from speechlip.wording import counted, listed

DOUBLES = ("refuse", "first")
"""What becomes of a recording that an earlier folder has: no merge, or the first one stays."""
SAME_OPTIONS = ("crop", "detector", "spectrogram", "lips_format")


def merge_shards(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    doubles: str = "refuse",
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Put several folders into the folder ``out``, shard by shard, in the order given.

    doubles: what becomes of a recording that two folders have: refuse, or first: the later one is left out.

    Raises OptionError where the folders differ in format, crop, detector, fields or the fit of BRISQUE, with
    the difference, where two have the same recording, or a speaker is in different splits; ShardError as
    ``select_clips`` does.
    """
    check_type("doubles", doubles, str)
    if doubles not in DOUBLES:
        raise no_such("way with doubles", doubles, DOUBLES)
    if isinstance(folders, str | Path) or len(folders) < 2:
        raise OptionError("a merge takes at least two folders; give them one after the other")
    ends = ends_of_edit(out, work, progress)
    given = [open_given(folder, progress) for folder in folders]
    refuse_differences(given)
    edit = Edit(operation="merge", of=tuple(each.digest for each in given), arguments={"doubles": doubles})

    def draft() -> Draft:
        return merged(without_doubles(given, doubles, progress), edit)

    return run_edit(ends, edit, given, draft, progress)


def merged(given: Sequence[GivenFolder], edit: Edit) -> Draft:
    """Folders that may be one, as one: their shards whole, one folder's after the other's in each split.

    Raises OptionError where a speaker is in different splits, ShardError where two samples have one key.
    """
    facts = merged_facts(given, edit)
    if facts.options["split_by"] == "speaker":
        refuse_speakers_apart(given)
    if twice := keys_there_twice(given):
        raise ShardError(f"{counted(len(twice), 'key')} would be there twice, such as {twice[0]}")
    order = list(dict.fromkeys(split for each in given for split in each.manifest.splits))
    shards = sorted(
        (shard for each in given for shard in each.shards if shard.samples),
        key=lambda shard: order.index(shard.row.split),
    )
    return Draft(given, new_shards(shards), chain.from_iterable(each.rows for each in given), facts)


def keys_there_twice(given: Sequence[GivenFolder]) -> list[str]:
    """The keys that more than one sample has."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for sample in chain.from_iterable(each.samples for each in given):
        if sample.key in seen:
            twice[sample.key] = None
        seen.add(sample.key)
    return list(twice)


def new_shards(shards: Sequence[GivenShard]) -> list[NewShard]:
    """Shards whole, but for those of which some samples are left out."""
    return [
        new if len(new.samples) == shard.row.clips else replace(new, whole=None)
        for new, shard in zip(as_they_are(shards), shards, strict=True)
    ]


def refuse_differences(given: Sequence[GivenFolder]) -> None:
    """Raise OptionError with everything in which a folder differs from the first."""
    first = given[0]
    for other in given[1:]:
        if found := list(differences(first, other)):
            raise OptionError(f"{first.folder} and {other.folder} cannot be one: {'; '.join(found)}")
    if len(fits := brisque_fits(given)) > 1:
        raise OptionError(
            f"brisque is by {fits[0]} in one folder, by {fits[1]} in another; "
            "values of two fits do not compare"
        )


def differences(first: GivenFolder, other: GivenFolder) -> Iterator[str]:
    """What keeps two folders from being one, as sentences."""
    one, two = first.manifest, other.manifest
    for name in SAME_OPTIONS:
        was, is_now = one.options.get(name), two.options.get(name)
        if was != is_now:
            yield f"{name} is {was!r} in one, {is_now!r} in the other"
    if one.fields != two.fields and first.samples and other.samples:
        yield f"samples have the members {', '.join(one.fields)} in one, {', '.join(two.fields)} in the other"
    if one.columns != two.columns:
        names = sorted({*one.columns} ^ {*two.columns})
        yield (
            f"only one has the columns {', '.join(names)} of your own; "
            "`speechlip edit annotate` gives them to the other"
        )
    elif first.samples and other.samples and (names := differing(first.signature(), other.signature())):
        yield (
            f"json differs in the presence or type of {', '.join(names)}: "
            f"speechlip {one.speechlip or 'of old'} and {two.speechlip or 'of old'} made them"
        )


def refuse_speakers_apart(given: Sequence[GivenFolder]) -> None:
    """Raise OptionError where a speaker is in different splits of two folders."""
    split_of: dict[str, tuple[str, Path]] = {}
    for each in given:
        for speaker, split in each.speakers.items():
            before, folder = split_of.setdefault(speaker, (split, each.folder))
            if before != split:
                raise OptionError(
                    f"speaker {speaker!r} is in {before} of {folder} and in {split} of {each.folder}: "
                    f"first `speechlip edit split {each.folder} "
                    f"--where \"speaker = '{speaker}'\" --to {before} -o …`, or deal one of them anew"
                )


@dataclass(frozen=True, slots=True)
class Recording:
    """What of a source tells whether a later folder has it too. sha256: of its file."""

    sha256: str
    has_clips: bool


def without_doubles(given: Sequence[GivenFolder], doubles: str, progress: Progress) -> list[GivenFolder]:
    """The folders, each without the recordings that an earlier one has.

    Raises OptionError where there are some and ``doubles`` is ``refuse``; where two different videos have one
    name, and where the earlier folder has no clips of a recording and the later one has, always.
    """
    by_name: dict[str, Recording] = {}
    by_content: dict[str, str] = {}
    kept = []
    for each in given:
        same_name = [row for row in each.rows if row.source in by_name]
        if other := [row.source for row in same_name if row.sha256 != by_name[row.source].sha256]:
            raise OptionError(
                f"{each.folder} and an earlier folder have different videos of one name: "
                f"{listed([repr(name) for name in other])}; prepare one of them under other names"
            )
        if lost := [row.source for row in same_name if row.clips and not by_name[row.source].has_clips]:
            raise OptionError(
                f"{each.folder} has clips of {listed([repr(name) for name in lost])}, of which an earlier "
                "folder has none; name it before that folder"
            )
        names = {row.source for row in same_name}
        copies = {
            row.source: by_content[row.sha256]
            for row in each.rows
            if row.clips and row.source not in names and row.sha256 in by_content
        }
        if doubles == "refuse" and (names or copies):
            sources = sorted([*names, *copies])
            raise OptionError(
                f"{each.folder} has {counted(len(sources), 'recording')} of an earlier folder: "
                f"{listed([repr(name) for name in sources])}; --doubles first leaves them out"
            )
        if names or copies:
            progress.say(
                f"{each.folder}: {counted(len(names) + len(copies), 'recording')} left out as double"
            )
        kept.append(without(each, names, copies))
        by_name |= {row.source: Recording(row.sha256, bool(row.clips)) for row in each.rows}
        by_content |= {row.sha256: row.source for row in each.rows if row.clips}
    return kept


def without(given: GivenFolder, names: set[str], copies: dict[str, str]) -> GivenFolder:
    """A folder without some sources. names: those that leave no row; copies: source → whose double it is."""
    if not (names or copies):
        return given
    left_out = names | copies.keys()
    own = [sample for sample in given.samples if sample.source in copies]
    rows = [
        replace(
            row_of_kept(row, [sample for sample in own if sample.source == row.source], [], DOUBLE),
            stage=STAGE,
            detail=f"the same recording as {copies[row.source]!r}",
        )
        if row.source in copies
        else row
        for row in given.rows
        if row.source not in names
    ]
    shards = [
        replace(shard, samples=tuple(each for each in shard.samples if each.source not in left_out))
        for shard in given.shards
    ]
    return replace(given, rows=tuple(rows), shards=tuple(shards))
