"""``speechlip.append_videos``: new videos prepared with a folder's own options, and put behind its shards."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from speechlip import recipes
from speechlip.checks import Workers, check_path, check_workers
from speechlip.editing.given import GivenFolder, open_given
from speechlip.editing.merge import merged, refuse_differences
from speechlip.editing.run import Draft, begin_work, run_edit
from speechlip.errors import NoVideos, OptionError, no_such
from speechlip.files.names import plain_name
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.manifest import Edit, Manifest
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.own.options import OWN_CLIPS
from speechlip.preparing.plan.inspecting import inspect_on
from speechlip.preparing.prepare import PEAK_BYTES, declarations, find_sources, settle_models
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.run_job import run_job
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.shards.ledger import LedgerRow
from speechlip.wording import counted, listed
from speechlip.workers.auto import settle_workers
from speechlip.workers.engines import get_engine
from speechlip.workers.events import DEFAULT_LIMITS, Limits

NEW = "new"
"""The folder in the work folder where the new videos are prepared."""


def append_videos(
    folder: str | Path,
    videos: str | Path,
    out: str | Path,
    *,
    workers: Workers = 1,
    engine: str = "local",
    accept_losses: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
) -> Prepared:
    """Prepare new videos as a folder's own were, and put both into the folder ``out``.

    folder: a finished folder of ``prep-shards``; it stays as it is.
    videos: a folder of videos, or one; those that are in ``folder`` already are left out, with a line.
    workers, engine, accept_losses, limits: as ``prepare`` has them.

    The old shards keep their bytes and stand first in each split; their number is the same, the count in
    their names is not. A speaker who is there already stays in that split. Raises NoVideos where nothing is
    new; OptionError where a new video bears the name of another one, or what goes with it differs; what
    ``prepare`` raises; ShardError as ``select_clips`` does.
    """
    check_workers(workers)
    given, out = open_given(folder, progress), check_path("out", out)
    run_engine = get_engine(engine, limits)
    settled = settle_models(options_of(given.manifest), out, progress)
    refuse_other_model(settled, given.manifest)
    sources = new_sources(find_sources(check_path("videos", videos), out, settled), given, progress)
    workers = settle_workers(workers, len(sources), "video", PEAK_BYTES, progress)
    edit = Edit(operation="append", of=(given.digest,), arguments=named(sources))

    def draft() -> Draft:
        new = begin_work(out, edit) / NEW
        about = declarations(recipes.get(settled.recipe))
        job = Job(
            new,
            sources,
            settled,
            about,
            settled.open_sync_filter(),
            accept_losses,
            inspect_on(workers, limits),
        )
        run_job(job, run_engine, workers, progress)
        both = [given, open_given(new, progress)]
        refuse_differences(both)
        whole = merged(both, edit)
        facts = replace(whole.facts, options={**whole.facts.options, **given.manifest.options})
        return replace(whole, facts=facts)

    return run_edit(out, edit, [given], draft, progress)


def options_of(manifest: Manifest) -> PrepOptions:
    """The options of a prepared folder, for more videos. Raises OptionError where they cannot be used."""
    if manifest.recipe == OWN_CLIPS:
        raise OptionError(
            "the folder holds clips of your own, which no options of prep-shards made; write the new ones "
            "with ShardWriter, then `speechlip edit merge`"
        )
    known = {each.name for each in fields(PrepOptions)}
    if unknown := sorted(manifest.options.keys() - known):
        raise no_such("option of prep-shards here", unknown[0], sorted(known))
    return PrepOptions(**{**manifest.options, "limit": 0, "sync_model": ""})


def refuse_other_model(settled: PrepOptions, manifest: Manifest) -> None:
    """Raise OptionError where another sync model would judge the new videos."""
    was = manifest.options.get("sync_model", "")
    if settled.sync_model != was:
        raise OptionError(
            f"the folder's videos were kept by the sync model {was!r}, here it is {settled.sync_model!r}; "
            "prepare the new ones with --sync-model, then `speechlip edit merge`"
        )


def new_sources(sources: Sequence[Source], given: GivenFolder, progress: Progress) -> list[Source]:
    """The sources that the folder does not have, with its columns and the splits of its speakers.

    Raises NoVideos where there is none, OptionError where one cannot be appended.
    """
    doubles = already_there(sources, given.rows)
    if doubles:
        names = listed([repr(plain_name(name)) for name in doubles])
        progress.say(f"{counted(len(doubles), 'video')} left out, in the folder already: {names}")
    new = [source for source in sources if source.name not in doubles]
    if not new:
        raise NoVideos(f"nothing to append: {given.folder} has {counted(len(doubles), 'video')} already")
    refuse_other_company(new, given.manifest)
    columns = dict.fromkeys(given.manifest.columns, "")
    splits = given.speakers() if given.manifest.split_by == "speaker" else {}
    return [
        replace(
            source,
            more=columns | source.more,
            split=source.split or splits.get(plain_name(source.speaker)),
        )
        for source in new
    ]


def already_there(sources: Iterable[Source], rows: Sequence[LedgerRow]) -> list[str]:
    """Names of the sources that are in the folder: the same file, under this name or another.

    Raises OptionError where another file bears a name that is there.
    """
    by_name = {row.source: row for row in rows}
    sizes = {row.bytes for row in rows if row.sha256}
    hashes = {row.sha256 for row in rows if row.sha256}
    doubles = []
    for source in sources:
        row, (size, _) = by_name.get(plain_name(source.name)), file_stamp(source.path)
        same = bool(size) and size in sizes and sha256_of(source.path) in hashes
        if same or (row and not row.sha256 and row.bytes == size):
            doubles.append(source.name)
        elif row:
            raise OptionError(
                f"{plain_name(source.name)!r} is in the folder already, and this is another file; "
                "give the new one another name"
            )
    return doubles


def refuse_other_company(sources: Sequence[Source], manifest: Manifest) -> None:
    """Raise OptionError where new videos bring other columns or, unlike the old ones, phones or none."""
    if extra := sorted({name for source in sources for name in source.more} - {*manifest.columns}):
        raise OptionError(
            f"the new videos bring a column {extra[0]!r} that the folder's clips do not have; "
            "`speechlip edit annotate` gives it to them first"
        )
    with_phones = any(source.phones_path for source in sources)
    if with_phones != ("phones.json" in manifest.fields):
        raise OptionError(
            f"the new videos come {'with' if with_phones else 'without'} phones, the folder's "
            f"{'without' if with_phones else 'with'}; every sample of a folder has the same members"
        )


def named(sources: Sequence[Source]) -> dict:
    """Which videos were appended: how many, and a hash of their names."""
    names = "\n".join(plain_name(source.name) for source in sources)
    return {"videos": len(sources), "names_sha256": hashlib.sha256(names.encode()).hexdigest()}
