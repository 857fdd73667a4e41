"""A preparation in three steps, for schedulers: ``plan_units``, ``prepare_units``, ``finish_units``."""

from pathlib import Path

from speechlip import recipes
from speechlip.checks import Workers
from speechlip.errors import OptionError
from speechlip.format import MANIFEST
from speechlip.preparing.ends.local import DEFAULT_WORK, Ends, WorkPlace, ends_of
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.inspecting import inspect_on
from speechlip.preparing.plan.shares import parse_share
from speechlip.preparing.plan.teaching import teach_on
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.prepare import (
    DEFAULTS,
    PEAK_BYTES,
    check_arguments,
    declarations,
    find_sources,
    settle_models,
)
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.run_array import end_array, plan_job, read_share, run_share
from speechlip.progress import SILENT, Progress
from speechlip.remote.stores import is_store
from speechlip.shards.ledger import read_ledger
from speechlip.workers.auto import settle_workers
from speechlip.workers.engines import LOCAL, EngineChoice, get_engine, workers_of
from speechlip.workers.events import DEFAULT_LIMITS, Limits
from speechlip.workers.processes import start_server


def plan_units(
    videos: str | Path,
    out: str | Path,
    options: PrepOptions = DEFAULTS,
    *,
    workers: Workers = 1,
    accept_losses: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Plan | None:
    """Write the plan that ``prepare`` would follow into ``out``, and do nothing of it.

    None where ``out`` is finished already. Parameters and errors are those of ``prepare``.
    """
    check_arguments(options, workers, limits)
    ends = shared_ends(videos, out, work, progress)
    return plan_job(whole_job(ends, options, workers, accept_losses, limits, progress), progress)


def prepare_units(
    videos: str | Path,
    out: str | Path,
    share: str,
    options: PrepOptions = DEFAULTS,
    *,
    workers: Workers = 1,
    engine: EngineChoice = LOCAL,
    accept_losses: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> tuple[str, ...]:
    """Do a share of the units of the plan that lies in ``out``; their names.

    videos: where this machine has the videos.
    share: ``i::n``, every n-th unit from the i-th on, longest first; all n shares together are the plan.

    Nothing is listed or opened but the videos of these units. Other shares may run at the same time, on any
    machine that sees ``out``; the same share twice does no harm. The other parameters are those of
    ``prepare``.

    Raises OptionError where there is no plan, ShardError where it was made with other options, and as
    ``prepare`` does.
    """
    check_arguments(options, workers, limits)
    wanted, ends = parse_share(share), shared_ends(videos, out, work, progress)
    videos, out = ends.videos, ends.out
    if not videos.exists():
        raise OptionError(f"{videos} does not exist; give a folder of videos or one video")
    if (out / MANIFEST).exists():
        return ()
    run_engine = get_engine(engine, limits)
    settled = settle_models(options, out, progress)
    about, sync_filter = declarations(recipes.get(options.recipe)), options.open_sync_filter()
    job = Job(out, (), settled, about, sync_filter, accept_losses, videos=videos)
    _, places = read_share(job, wanted)
    if not places:
        return ()
    if engine == LOCAL:
        start_server()
    here = ends.workers(settle_workers(workers, len(places), "unit", PEAK_BYTES, progress), progress)
    at_once = here if ends.largest else workers_of(engine, workers, here)
    return run_share(job, wanted, run_engine, at_once, progress)


def finish_units(
    videos: str | Path,
    out: str | Path,
    options: PrepOptions = DEFAULTS,
    *,
    accept_losses: bool = False,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Finish ``out`` once every unit is done: pairs, ledger, card, and the manifest last.

    Raises ShardError that names the units which are missing, and as ``prepare`` does.
    """
    check_arguments(options, 1, DEFAULT_LIMITS)
    ends = shared_ends(videos, out, work, progress)
    job = whole_job(ends, options, 1, accept_losses, DEFAULT_LIMITS, progress)
    manifest = end_array(job, progress)
    ends.publish(progress)
    return Prepared(job.out, manifest, tuple(read_ledger(job.out)))


def shared_ends(videos: str | Path, out: str | Path, work: WorkPlace, progress: Progress) -> Ends:
    """The ends of one of several jobs. Raises OptionError where they would not see each other's shards."""
    if is_store(out) and not str(work.folder):
        raise OptionError(
            "jobs share a folder of shards until --finish uploads them: give all of them one --work DIR that "
            "every machine sees"
        )
    return ends_of(videos, out, work, progress)


def whole_job(
    ends: Ends,
    options: PrepOptions,
    workers: Workers,
    accept_losses: bool,
    limits: Limits,
    progress: Progress,
) -> Job:
    """What ``prepare`` would do, its sources listed and its models settled."""
    sources = find_sources(ends.videos, ends.out, options)
    workers = ends.workers(settle_workers(workers, len(sources), "video", PEAK_BYTES, progress), progress)
    return Job(
        ends.out,
        sources,
        settle_models(options, ends.out, progress),
        declarations(recipes.get(options.recipe)),
        options.open_sync_filter(),
        accept_losses,
        inspect_on(workers, limits),
        teach_on(workers, limits),
        videos=ends.videos,
    )
