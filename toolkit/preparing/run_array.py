"""A preparation in three steps for any scheduler: the plan, its units in any process that sees the folder,
and the end. The bytes are those of one run.
"""

import os
import shutil

from speechlip.cards.dataset import write_card
from speechlip.errors import OptionError, ShardError
from speechlip.files.locks import beside_others, only_run
from speechlip.files.writing import make_folder
from speechlip.format import MANIFEST
from speechlip.manifest import Manifest
from speechlip.preparing.job import Job
from speechlip.preparing.place.done_units import DoneUnits
from speechlip.preparing.place.earlier_run import DAMAGED, refuse_losses, refuse_other_work
from speechlip.preparing.place.finish import CardWriter
from speechlip.preparing.place.placing import damaged_shards
from speechlip.preparing.plan.shares import Share
from speechlip.preparing.plan.teaching import LESSONS
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.plan.written import PLAN, PlanHead, read_head, units_at
from speechlip.preparing.run_job import finish_job, finished_already, plan_of_job, taught, with_lessons
from speechlip.preparing.run_units import run_units
from speechlip.progress import SILENT, Progress
from speechlip.shards.read.shardset import read_manifest
from speechlip.version import VERSION
from speechlip.wording import counted, listed
from speechlip.workers.engines import Engine


def plan_job(job: Job, progress: Progress = SILENT) -> Plan | None:
    """Write the plan of ``job``, or find it written; None where the folder is finished already.

    Raises as ``run_job`` does.
    """
    if finished_already(job):
        return None
    with only_run(job.out):
        if job.manifest_path.exists():
            tidied(job)
            return None
        make_folder(job.work)
        job, plan, _ = plan_of_job(job, progress)
        taught(job, plan, progress)
        return plan


def tidied(job: Job) -> Manifest:
    """The manifest of a finished folder, without what a killed end left. Raises ShardError where shards of it
    are missing or cut.
    """
    manifest = read_manifest(job.out)
    if damaged := damaged_shards(job.data, manifest.shards):
        raise ShardError(
            f"{job.out} is finished, and of its shards are missing or cut: "
            f"{listed([row.name for row in damaged])}; the same command without --plan-only or --finish "
            "makes them again"
        )
    shutil.rmtree(job.work, ignore_errors=True)
    return manifest


def read_share(job: Job, share: Share) -> tuple[PlanHead, list]:
    """The plan that lies in the folder of ``job``, without its sources, and where the units of a share are.

    Raises OptionError where there is no plan, ShardError where it is for other options or damaged, or where
    another release made it.
    """
    path = job.work / PLAN
    try:
        head = read_head(path)
    except FileNotFoundError as error:
        raise OptionError(f"{job.out} has no plan; run the same command with --plan-only first") from error
    except (OSError, *DAMAGED) as error:
        raise ShardError(
            f"{path} cannot be read ({type(error).__name__}: {error}): delete {path.parent} "
            "and run the same command with --plan-only"
        ) from error
    if head.version not in (VERSION, ""):
        raise ShardError(
            f"speechlip {head.version} made the plan of {job.out}, and {VERSION} is installed on "
            f"{os.uname().nodename}, where shards could have other bytes: install {head.version} there"
        )
    refuse_other_work(job.out, job.options, head.options, [])
    return head, share.of(head.units)


def run_share(
    job: Job, share: Share, engine: Engine, workers: int, progress: Progress = SILENT
) -> tuple[str, ...]:
    """Do the units of a share that are not done; the names of all of them.

    ``job`` needs no sources: those of its units stand in the plan. Other shares may run at the same time, and
    the same share twice. Raises OptionError where there is no plan or a whole run holds the folder;
    ShardError where the plan is for other options, and as ``run_job`` does for sources that are lost.
    """
    with beside_others(job.out):
        if job.options.learns:
            if not (job.work / LESSONS).exists():
                raise OptionError(f"the plan of {job.out} was not finished; run --plan-only again")
            job = with_lessons(job)
        head, places = read_share(job, share)
        units = units_at(job.work / PLAN, head, places, str(job.videos or head.videos))
        done = run_units(job, units, head.with_phones, engine, workers, progress)
    refuse_losses(done.lost(units), job.accept_losses)
    return tuple(unit.name for unit in units)


def end_array(job: Job, progress: Progress = SILENT, card: CardWriter = write_card) -> Manifest:
    """Finish the folder once every unit is done; returns the manifest.

    Raises ShardError that names the units which are missing, and as ``run_job`` does.
    """
    if manifest := finished_already(job):
        return manifest
    if not (job.manifest_path.exists() or (job.work / PLAN).exists()):
        raise OptionError(f"{job.out} has no plan; run the same command with --plan-only first")
    with only_run(job.out):
        if job.manifest_path.exists():
            return tidied(job)
        job, plan, done = plan_of_job(job, progress)
        refuse_missing(plan, done)
        return finish_job(job, plan, done, card)


def refuse_missing(plan: Plan, done: DoneUnits) -> None:
    """Raise ShardError where units have no whole result."""
    missing = [unit.name for unit in plan.units if unit not in done]
    if missing:
        is_are = "is" if len(missing) == 1 else "are"
        raise ShardError(
            f"{len(missing)} of {counted(len(plan.units), 'unit')} {is_are} missing: {listed(missing)}; no "
            f"{MANIFEST} is written. Run their jobs again, or the same command without --finish, which does "
            "the rest here"
        )
