"""The whole preparation: plan, run the units, finish the folder.

Everything under way lives in ``OUT/.work``. ``OUT/data`` fills only when every unit is done, and
``OUT/manifest.json``, which is written last, says that the folder is whole: a folder without it is
unfinished, and running the same job again goes on where it stopped.
"""

import shutil
from dataclasses import replace
from functools import partial

from speechlip.cards.dataset import write_card
from speechlip.files.locks import only_run
from speechlip.files.names import plain_name
from speechlip.files.writing import make_folder
from speechlip.manifest import Manifest
from speechlip.preparing.cut.source_stats import refused_row
from speechlip.preparing.job import Job
from speechlip.preparing.place.done_units import DoneUnits
from speechlip.preparing.place.earlier_run import (
    changed_since_the_ledger,
    changed_since_the_plan,
    read_finished,
    read_plan,
    refuse_edited,
    refuse_losses,
    refuse_no_manifest,
    refuse_other_work,
    refuse_vanished,
    with_lost_sources,
)
from speechlip.preparing.place.finish import CardWriter, FolderFacts, finish
from speechlip.preparing.place.placing import damaged_shards, each_whole_result
from speechlip.preparing.place.repair import repair
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.preparing.plan.teaching import LESSONS, write_taught
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.plan.written import PLAN, at_their_places, write_plan
from speechlip.preparing.run_units import run_units
from speechlip.progress import SILENT, Progress
from speechlip.workers.engines import Engine


def run_job(
    job: Job, engine: Engine, workers: int, progress: Progress = SILENT, card: CardWriter = write_card
) -> Manifest:
    """Prepare ``job`` whole, or go on with it, or find it done; returns the manifest.

    Shards of a finished folder that are missing or cut are made again. Raises ShardError where the folder was
    begun with other options or other sources, is damaged, or is not one of ours; and, unless losses are
    accepted, where a source went away meanwhile or met what another run may not; OptionError where another
    run writes there.
    """
    if manifest := finished_already(job):
        return manifest
    with only_run(job.out):
        if job.manifest_path.exists():
            return whole_again(job, engine, workers, progress)
        make_folder(job.work)
        job, plan, done = plan_of_job(job, progress)
        job = taught(job, plan, progress)
        run_units(job, plan.units, plan.with_phones, engine, workers, progress, done)
        return finish_job(job, plan, done, card)


def finished_already(job: Job) -> Manifest | None:
    """The manifest of a folder that ``job`` has nothing to do in; None where it has. Raises as ``run_job``
    does.
    """
    if job.manifest_path.exists():
        manifest, rows = read_finished(job.out)
        refuse_edited(job.out, manifest)
        changed = changed_since_the_ledger(job.out, job.sources, job.options, rows)
        refuse_other_work(job.out, job.options, manifest.options, changed)
        if not job.work.exists() and not damaged_shards(job.data, manifest.shards):
            return manifest
    elif not job.work.exists():
        refuse_no_manifest(job.out)
    return None


def finish_job(job: Job, plan: Plan, done: DoneUnits, card: CardWriter = write_card) -> Manifest:
    """The folder finished from what came of all units. Raises ShardError as ``run_job`` does."""
    refuse_losses(done.lost(plan.units), job.accept_losses)
    position = {plain_name(source.name): place for place, source in enumerate(job.sources)}
    refused = (refused_row(split, entry) for split, entry in plan.refused)
    lines = done.ledger(plan.units, refused, position)
    columns = sorted({name for source in job.sources for name in source.more})
    facts = FolderFacts(job.about, job.options.as_dict(), columns, alike=plan.alike)
    return finish(job.out, done.results(plan.units), lines, facts, card)


def whole_again(job: Job, engine: Engine, workers: int, progress: Progress) -> Manifest:
    """The manifest of a finished folder, whose missing and cut shards are made again first."""
    manifest, rows = read_finished(job.out)
    if damaged := damaged_shards(job.data, manifest.shards):
        make_folder(job.work)
        plan = make_plan(job.sources, job.options, progress, job.inspect)
        job = taught(replace(job, accept_losses=True), plan, progress)
        run = partial(
            run_units, job, with_phones=plan.with_phones, engine=engine, workers=workers, progress=progress
        )
        repair(job.out, job.work, manifest, rows, damaged, plan, run)
    shutil.rmtree(job.work, ignore_errors=True)
    return manifest


def plan_of_job(job: Job, progress: Progress) -> tuple[Job, Plan, DoneUnits]:
    """The plan that an earlier run left, if it is for the same sources and options, else a new one.

    Also the job, with the sources of that plan, and what is done of it.
    """
    path, done = job.work / PLAN, DoneUnits(job.work)
    if path.exists() or any(job.work.glob("*.json")):
        plan, options = read_plan(path)
        if job.accept_losses:
            job = replace(job, sources=with_lost_sources(job.sources, plan))
        made: dict[str, str] = {}
        for unit, result in each_whole_result(job.work, job.data, plan.units):
            made.update((row.source, row.sha256) for row in result.rows)
            done.add(unit, result)
        changed = changed_since_the_plan(job.sources, job.options, plan, made, job.accept_losses)
        refuse_other_work(job.out, job.options, options, changed)
        for leftover in job.work.glob("*.part"):
            leftover.unlink()
        return job, at_their_places(plan, job.sources), done
    plan = make_plan(job.sources, job.options, progress, job.inspect)
    refuse_vanished(plan)
    write_plan(path, plan, job.options, str(job.videos or ""))
    return job, plan, done


def taught(job: Job, plan: Plan, progress: Progress) -> Job:
    """The job, where ``self`` judges with the file of what the set taught it. Raises OptionError."""
    if not job.options.learns:
        return job
    write_taught(job.work / LESSONS, plan, job.options, job.teach, progress)
    return with_lessons(job)


def with_lessons(job: Job) -> Job:
    """The job with the file of what the set taught, which is there."""
    lessons = job.work / LESSONS
    sync_filter = replace(job.sync_filter, lessons=lessons) if job.sync_filter else None
    return replace(job, lessons=lessons, sync_filter=sync_filter)
