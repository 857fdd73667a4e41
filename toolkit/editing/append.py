"""``speechlip.append_videos``: new videos prepared with a folder's own options, and put behind its shards."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from speechlip import recipes
from speechlip.checks import Workers, check_place
from speechlip.editing.given import open_given
from speechlip.editing.merge import merged, refuse_differences
from speechlip.editing.new_videos import OPERATION, in_known_split, new_sources, refuse_other_videos
from speechlip.editing.run import Draft, begin_work, run_edit
from speechlip.errors import NoVideos, OptionError, no_such
from speechlip.files.names import plain_name
from speechlip.format import WORK_FOLDER
from speechlip.manifest import Edit, Manifest
from speechlip.preparing.choices import LR_ASD
from speechlip.preparing.ends.local import DEFAULT_WORK, WorkPlace
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.own.options import OWN_CLIPS
from speechlip.preparing.plan.inspecting import inspect_on
from speechlip.preparing.plan.teaching import teach_on
from speechlip.preparing.prep_run import PrepRun
from speechlip.preparing.prepare import declarations, find_sources, settle_models
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.run_job import run_job
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.scoring.sync.models import SyncNetModel
from speechlip.scoring.sync.mouth_models import PHONES
from speechlip.shards.ledger import LedgerRow
from speechlip.wording import counted, listed, shown
from speechlip.workers.engines import LOCAL, EngineChoice
from speechlip.workers.events import DEFAULT_LIMITS, Limits

NEW = "new"
"""The folder in the work folder where the new videos are prepared."""


def append_videos(
    folder: str | Path,
    videos: str | Path,
    out: str | Path,
    *,
    workers: Workers = 1,
    engine: EngineChoice = LOCAL,
    accept_losses: bool = False,
    brisque_model: str | Path | None = None,
    brisque_range: str | Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Prepare new videos as a folder's own were, and put both into the folder ``out``.

    folder: a finished folder of ``prep-shards``, here or elsewhere; it stays as it is.
    videos: a folder of videos, or one, or a URL of either; those that ``folder`` has already, by content, are
    left out, with a line.
    out, work: as ``prepare`` has them.
    workers, engine, accept_losses, limits: as ``prepare`` has them.
    brisque_model, brisque_range: the files of the fit by which the folder's clips have BRISQUE.

    The old shards keep their bytes and stand first in each split; their number is the same, the count in
    their names is not. A speaker who is there already stays in that split. Raises NoVideos where nothing is
    new, or nothing new gives a clip; OptionError where a new video bears the name of another one, what goes
    with it differs, it is declared in another split than its speaker is in, or another fit is given; what
    ``prepare`` raises; ShardError as ``select_clips`` does, and where other videos were appended into a
    finished ``out``.
    """
    run = PrepRun(workers, engine, accept_losses, limits, progress, work)
    ends = run.ends(check_place("videos", videos), check_place("out", out))
    run_engine = run.open_engine(ends.videos, ends.out / WORK_FOLDER / NEW, "speechlip edit append")
    given, out = open_given(folder, progress), ends.out
    asked = options_of(given.manifest, brisque_model, brisque_range)
    settled = settle_models(asked, out, progress)
    refuse_other_model(settled, given.manifest)
    refuse_other_fit(settled, given.manifest)
    found = find_sources(ends.videos, out, settled)
    sources = new_sources(found, given, settled, progress)
    dealt = [in_known_split(source, given) for source in sources]
    refuse_other_videos(out, given, dealt, settled)
    here = run.workers_here(ends, len(sources), "video")
    edit = Edit(operation=OPERATION, of=(given.digest,), arguments=named(sources))

    def draft() -> Draft:
        new = begin_work(out, edit) / NEW
        about = declarations(recipes.get(settled.recipe))
        job = Job(
            new,
            dealt,
            settled,
            about,
            asked.open_sync_filter(),
            accept_losses,
            inspect_on(here, limits),
            teach_on(here, limits),
        )
        run_job(job, run_engine, run.units_at_once(ends, here), progress)
        both = [given, open_given(new, progress)]
        refuse_nothing_kept(both[1].rows, out)
        refuse_differences(both)
        whole = merged(both, edit)
        facts = replace(whole.facts, options={**whole.facts.options, **given.manifest.options})
        return replace(whole, rows=as_declared(whole.rows, sources), facts=facts)

    return run_edit(ends, edit, [given], draft, progress)


def refuse_nothing_kept(rows: Iterable[LedgerRow], out: Path) -> None:
    """Raise NoVideos where no new video gave a clip; nothing is left of the work."""
    if any(row.clips for row in rows):
        return
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        by_reason.setdefault(row.reason, []).append(shown(row.source))
    why = "; ".join(f"{reason}: {listed(names)}" for reason, names in by_reason.items())
    shutil.rmtree(out / WORK_FOLDER)
    count = sum(map(len, by_reason.values()))
    raise NoVideos(f"nothing was kept of {counted(count, 'new video')}, so nothing is appended: {why}")


def options_of(
    manifest: Manifest, brisque_model: str | Path | None = None, brisque_range: str | Path | None = None
) -> PrepOptions:
    """The options of a prepared folder, for more videos. Raises OptionError where they cannot be used."""
    if manifest.recipe == OWN_CLIPS:
        raise OptionError(
            "the folder holds clips of your own, which no options of prep-shards made; write the new ones "
            "with ShardWriter, then `speechlip edit merge`"
        )
    known = {each.name for each in fields(PrepOptions)}
    if unknown := sorted(manifest.options.keys() - known):
        raise no_such("option of prep-shards here", unknown[0], sorted(known))
    own = {"brisque_model": brisque_model, "brisque_range": brisque_range}
    here = {"limit": 0, "sync_model": model_at_hand(manifest), **own}
    return PrepOptions(**{**manifest.options, **here})


def model_at_hand(manifest: Manifest) -> str:
    """The sync model of a folder as ``prep-shards`` is told it, empty for SyncNet and none.

    Raises OptionError for one that the folder does not bring: a run, or what the set has taught.
    """
    name = manifest.options.get("sync_model", "").partition(" ")[0]
    if name in ("", SyncNetModel.name):
        return ""
    if name not in (PHONES, LR_ASD):
        raise other_model(manifest, "which is not at hand here")
    return str(name)


def refuse_other_model(settled: PrepOptions, manifest: Manifest) -> None:
    """Raise OptionError where another sync model would judge the new videos."""
    was = manifest.options.get("sync_model", "")
    if settled.sync_model != was:
        raise other_model(manifest, f"here it is {settled.sync_model!r}")


def other_model(manifest: Manifest, here: str) -> OptionError:
    was = manifest.options["sync_model"]
    return OptionError(
        f"the folder's videos were kept by the sync model {was!r}, {here}; "
        "prepare the new ones with --sync-model, then `speechlip edit merge`"
    )


def refuse_other_fit(settled: PrepOptions, manifest: Manifest) -> None:
    """Raise OptionError where new clips would get BRISQUE by another fit than the folder's."""
    was = manifest.options.get("brisque", "")
    if settled.brisque != was:
        raise OptionError(
            f"the folder's clips have BRISQUE by {was}, here it is by {settled.brisque}; give the same files"
            if was
            else "the folder's clips have no BRISQUE; leave --brisque-model away, or prepare the new videos "
            "with it, then `speechlip edit merge`"
        )


def as_declared(rows: Iterable[LedgerRow], sources: Iterable[Source]) -> Iterator[LedgerRow]:
    """The rows, those of these sources with the split that the sources themselves declare, or none: a split
    that they are in for their speaker's sake is dealt anew with the speaker.
    """
    own = {plain_name(source.name): source.split or "" for source in sources}
    for row in rows:
        declared = row.declared | {"split": own[row.source]} if row.source in own else row.declared
        yield replace(row, declared=declared)


def named(sources: Sequence[Source]) -> dict:
    """Which videos were appended: how many, and a hash of their names."""
    names = "\n".join(plain_name(source.name) for source in sources)
    return {"videos": len(sources), "names_sha256": hashlib.sha256(names.encode()).hexdigest()}
