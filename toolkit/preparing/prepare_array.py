"""A preparation in three steps, for schedulers: ``plan_units``, ``prepare_units``, ``finish_units``."""

from pathlib import Path

from speechlip import recipes
from speechlip.checks import check_kind
from speechlip.errors import OptionError
from speechlip.format import MANIFEST
from speechlip.preparing.ends.local import Ends
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.shares import parse_share
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.prep_run import DEFAULT_RUN, PrepRun
from speechlip.preparing.prepare import DEFAULTS, declarations, find_sources, settle_models, whole_job
from speechlip.preparing.prepared import Prepared
from speechlip.preparing.run_array import end_array, plan_job, read_share, run_share
from speechlip.shards.ledger_file import stored_ledger
from speechlip.urls import is_elsewhere
from speechlip.workers.engines import LOCAL
from speechlip.workers.processes import start_server


def plan_units(
    videos: str | Path, out: str | Path, options: PrepOptions = DEFAULTS, run: PrepRun = DEFAULT_RUN
) -> Plan | None:
    """Write the plan that ``prepare`` would follow into ``out``, and do nothing of it.

    videos, out, options: as ``prepare`` has them.
    run: how it is run, such as ``PrepRun(workers=4)``.

    None where ``out`` is finished already. Raises what ``prepare`` raises.
    """
    ends = shared_ends(videos, out, options, run)
    sources = find_sources(ends.videos, ends.out, options)
    here = run.workers_here(ends, len(sources), "video")
    return plan_job(whole_job(ends, sources, options, run, here), run.progress)


def prepare_units(
    videos: str | Path,
    out: str | Path,
    share: str,
    options: PrepOptions = DEFAULTS,
    run: PrepRun = DEFAULT_RUN,
) -> tuple[str, ...]:
    """Do a share of the units of the plan that lies in ``out``; their names.

    videos: where this machine has the videos.
    share: ``i::n``, every n-th unit from the i-th on, longest first; all n shares together are the plan.
    run: how it is run.

    Nothing is listed or opened but the videos of these units. Other shares may run at the same time, on any
    machine that sees ``out``; the same share twice does no harm.

    Raises OptionError where there is no plan, ShardError where it was made with other options, and as
    ``prepare`` does.
    """
    wanted, ends = parse_share(share), shared_ends(videos, out, options, run)
    if not ends.videos.exists():
        raise OptionError(f"{ends.videos} does not exist; give a folder of videos or one video")
    if (ends.out / MANIFEST).exists():
        return ()
    engine = run.open_engine(ends.videos, ends.out)
    settled = settle_models(options, ends.out, run.progress)
    about, sync_filter = declarations(recipes.get(options.recipe)), options.open_sync_filter()
    job = Job(ends.out, (), settled, about, sync_filter, run.accept_losses, videos=ends.videos)
    _, places = read_share(job, wanted)
    if not places:
        return ()
    if run.engine == LOCAL:
        start_server()
    here = run.workers_here(ends, len(places), "unit")
    return run_share(job, wanted, engine, run.units_at_once(ends, here), run.progress)


def finish_units(
    videos: str | Path, out: str | Path, options: PrepOptions = DEFAULTS, run: PrepRun = DEFAULT_RUN
) -> Prepared:
    """Finish ``out`` once every unit is done: pairs, ledger, card, and the manifest last.

    Raises ShardError that names the units which are missing, and as ``prepare`` does.
    """
    ends = shared_ends(videos, out, options, run)
    sources = find_sources(ends.videos, ends.out, options)
    manifest = end_array(whole_job(ends, sources, options, run, here=1), run.progress)
    ends.publish(run.progress)
    return Prepared(ends.out, manifest, stored_ledger(ends.out))


def shared_ends(videos: str | Path, out: str | Path, options: PrepOptions, run: PrepRun) -> Ends:
    """The ends of one of several jobs. Raises OptionError where they would not see each other's shards, or
    for an argument of another kind.
    """
    check_kind("options", options, PrepOptions)
    check_kind("run", run, PrepRun)
    if is_elsewhere(out) and not str(run.work.folder):
        raise OptionError(
            "jobs share a folder of shards until --finish uploads them: give all of them one --work DIR that "
            "every machine sees"
        )
    return run.ends(videos, out)
