"""``speechlip.deal_splits`` and ``move_clips``: clips in other splits than before."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from speechlip.checks import check_type
from speechlip.editing.facts import PROMISES, facts_of
from speechlip.editing.given import GivenFolder, of_no_source, open_given
from speechlip.editing.packing import in_order, packed
from speechlip.editing.rows import STAGE, rows_of_splits
from speechlip.editing.run import Draft, ends_of_edit, run_edit
from speechlip.editing.sample import Sample
from speechlip.errors import OptionError, no_such
from speechlip.format import SPLIT_NAME
from speechlip.manifest import Edit
from speechlip.preparing.choices import PEOPLE, Shares
from speechlip.preparing.ends.local import DEFAULT_WORK, WorkPlace
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.own.options import OWN_CLIPS
from speechlip.preparing.plan.deal import assign_splits
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.ties import WHO
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.reasons import SILENT as SILENT_SOURCE
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.shards.checks.contents import Contents
from speechlip.shards.checks.folder import doubles_apart, in_several, times_in_several
from speechlip.shards.clips.query import clips
from speechlip.shards.ledger import LedgerRow

BEFORE_THE_DEAL = ("recipe", "probe", "video", "audio", "plan")
"""Stages that refuse a source before sources are dealt to splits."""
SplitOf = Mapping[str, str]
"""Key of a clip → its split."""
NO_DEAL: SplitOf = {}


def deal_splits(
    folder: str | Path,
    out: str | Path,
    *,
    by: str = "speaker",
    shares: Shares | None = None,
    seed: int | None = None,
    also_declared: bool = False,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Deal the clips of a folder into splits anew, into the folder ``out``, by the rules of ``prep-shards``.

    by: what falls into one split only: speaker or file.
    shares: split → share of the seconds; None: those of the folder, else the usual ones.
    seed: None: that of the folder.
    also_declared: deal also sources whose split the dataset, or the writer of own clips, declares; else they
    stay in it.

    Raises OptionError for what cannot be dealt so; ShardError as ``select_clips`` does.
    """
    if by not in WHO:
        raise no_such("way to deal", by, WHO)
    ends, given = ends_of_edit(out, work, progress), open_given(folder, progress)
    of_folder = given.manifest.split if given.manifest.split_by != "time" else {}
    options = PrepOptions(
        split_by=by,
        split=dict(shares or of_folder or PEOPLE),
        seed=given.manifest.seed if seed is None else seed,
    )
    arguments = {"by": by, "split": options.split, "seed": options.seed, "also_declared": also_declared}
    edit = Edit(operation="split", of=(given.digest,), arguments=arguments)

    def draft() -> Draft:
        who = WHO[by]
        own_clips = given.manifest.recipe == OWN_CLIPS
        entries = [
            planned(row, "" if also_declared else row.split if own_clips else row.declared.get("split", ""))
            for row in given.rows
            if was_dealt(row)
        ]
        split_of_whom = assign_splits(entries, options, who)
        split_of_row = {entry.source.name: split_of_whom[who(entry)] for entry in entries}
        for sample in given.samples:
            if sample.source not in split_of_row:
                raise of_no_source(sample)
        split_of = {sample.key: split_of_row[sample.source] for sample in given.samples}
        return moved(given, split_of, by, edit, options, split_of_row)

    return run_edit(ends, edit, [given], draft, progress)


def move_clips(
    folder: str | Path,
    out: str | Path,
    where: str,
    to: str,
    *,
    by: str | None = None,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Put the clips that fulfil a condition into one split, the folder ``out``; the others stay in theirs.

    to: name of the split, which may be new.
    by: what is in one split only afterwards: speaker, file or time; None: what the folder says.

    Raises OptionError for what is no condition, where no clip fulfils it, and where ``by`` would not hold;
    ShardError as ``select_clips`` does.
    """
    check_type("where", where, str)
    check_type("to", to, str)
    if not re.fullmatch(SPLIT_NAME, to):
        raise OptionError(f"a split cannot be called {to!r}; take a-z, 0-9 and _, a letter first")
    if by is not None and by not in PROMISES:
        raise no_such("way to keep splits apart", by, PROMISES)
    ends, given = ends_of_edit(out, work, progress), open_given(folder, progress)
    kept_apart = by or given.manifest.split_by
    edit = Edit(operation="split", of=(given.digest,), arguments={"where": where, "to": to, "by": kept_apart})

    def draft() -> Draft:
        keys = clips(given.folder, where).keys
        if not keys:
            raise OptionError(f"no clip fulfils {where!r}, so nothing would move")
        split_of = {sample.key: to if sample.key in keys else sample.split for sample in given.samples}
        refuse_broken_promise(given.samples, split_of, kept_apart)
        return moved(given, split_of, kept_apart, edit)

    return run_edit(ends, edit, [given], draft, progress)


def moved(
    given: GivenFolder,
    split_of: SplitOf,
    by: str,
    edit: Edit,
    options: PrepOptions | None = None,
    split_of_row: SplitOf = NO_DEAL,
) -> Draft:
    """The folder with its clips in these splits.

    options: by which they were dealt, if they were.
    split_of_row: source → the split to which it was dealt.
    """
    shares = {"split": options.split, "seed": options.seed} if options else {}
    place = {row.source: number for number, row in enumerate(given.rows)}
    samples = sorted(given.samples, key=lambda sample: place.get(sample.source, len(place)))
    shards = packed(samples, dict(split_of), given)
    dealt = (replace(row, split=split_of_row.get(row.source, row.split)) for row in given.rows)
    rows = rows_of_splits(dealt, samples, split_of, in_order(set(split_of.values()), given))
    return Draft([given], shards, rows, facts_of(given, edit, split_by=by, **shares))


def was_dealt(row: LedgerRow) -> bool:
    """Whether a source has a share in the deal: one that gives clips, or that was looked at for them."""
    return bool(row.clips) or (row.stage not in (*BEFORE_THE_DEAL, STAGE) and row.reason != SILENT_SOURCE)


def planned(row: LedgerRow, declared: str) -> PlannedSource:
    """A source as ``prep-shards`` deals it, from its row.

    declared: the split that it must be in, or empty.
    """
    source = Source(Path(row.source), row.source, row.speaker, split=declared or None)
    return PlannedSource(source, 0, 0, row.seconds, double_of=row.double_of)


def refuse_broken_promise(samples: Sequence[Sample], split_of: SplitOf, by: str) -> None:
    """Raise OptionError where what is in one split only would be in several."""
    contents = Contents()
    for sample in samples:
        contents.add(split_of[sample.key], sample.key, sample.meta)
    if by == "speaker":
        whom = ((sample.speaker, split_of[sample.key]) for sample in samples)
        problem = next(in_several("speaker", whom), "")
    elif by == "file":
        files = ((sample.source, split_of[sample.key]) for sample in samples)
        problem = next(in_several("source", files), "")
    else:
        problem = next(times_in_several(contents), "")
    if double := next(doubles_apart(contents), ""):
        raise OptionError(f"{double}: let the condition choose both")
    if problem:
        weaker = " or ".join(PROMISES[PROMISES.index(by) + 1 :])
        raise OptionError(
            f"{problem}, where this folder keeps splits apart by {by}: let the condition choose whole ones"
            f"{f', or say --split-by {weaker}' if weaker else ''}"
        )
