"""What ``prep-shards`` prints: the plan, or the funnel of what was prepared."""

from pathlib import Path
from typing import Any

from speechlip.checks import Workers
from speechlip.commands.terminal import Bars, echo
from speechlip.commands.values import (
    parse_bytes,
    parse_duration,
    parse_limits,
    parse_pixels,
    parse_split,
)
from speechlip.errors import NOTHING_KEPT, NoVideos, OptionError
from speechlip.format import LEDGER, SHARDS_FOLDER
from speechlip.preparing.ends.local import WorkPlace
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.units import Plan
from speechlip.preparing.prep_run import PrepRun
from speechlip.preparing.prepare import plan_as, prepare_as
from speechlip.preparing.prepare_array import finish_units, plan_units, prepare_units
from speechlip.preparing.prepared import ADVICE, Prepared
from speechlip.preparing.reasons import TOO_SMALL
from speechlip.shards.ledger import LedgerRow, empty_splits, format_funnel
from speechlip.urls import is_elsewhere
from speechlip.wording import clock, counted, listed, shown
from speechlip.workers.engines import EngineChoice, get_engine


def run(
    video_dir: str,
    out: str,
    workers: Workers,
    engine: EngineChoice,
    steps: dict[str, Any],
    quiet: bool,
    accept_losses: bool,
    max_wait: str,
    max_memory: str,
    work: Path | None,
    spool: str,
    chosen: dict[str, Any],
) -> int:
    """Prepare ``video_dir`` into ``out``, or do the one step that is asked for, and say what came of it;
    returns the exit code.
    """
    step = the_step(steps)
    where = WorkPlace(work or "", parse_bytes(spool))
    limits, options = parse_limits(max_wait, max_memory), read_options(chosen)
    get_engine(engine)  # a wrong name is an error of a dry run too
    try:
        with Bars(quiet) as progress:
            how = PrepRun(workers, engine, accept_losses, limits, progress, where)
            if step == "dry_run":
                return show_plan(plan_as(video_dir, out, options, how), options)
            if step == "plan_only":
                return show_written(plan_units(video_dir, out, options, how), out, options)
            if step == "units":
                return show_share(prepare_units(video_dir, out, steps["units"], options, how), out)
            make = finish_units if step == "finish" else prepare_as
            prepared = make(video_dir, out, options, how)
    except NoVideos as nothing:
        echo(nothing, err=True)
        return NOTHING_KEPT
    return show_prepared(prepared, quiet, out)


def the_step(steps: dict[str, Any]) -> str:
    """The one step that is asked for, empty for all of them. Raises OptionError where there are several."""
    asked = [name for name, value in steps.items() if value not in (None, False)]  # --units "" is asked for
    if len(asked) > 1:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise OptionError(f"{options} are steps of their own; give one of them")
    return "".join(asked)


def show_written(plan: Plan | None, out: str, options: PrepOptions) -> int:
    """Print what the plan has for an array of jobs."""
    if plan is None:
        echo(f"{out} is finished: there is nothing to do")
        return 0
    show_plan(plan, options)
    if not plan.units:
        echo("no unit to do: --finish writes what became of every video")
        return 0
    echo(
        f"{counted(len(plan.units), 'unit')} to do: --units 0::N to --units {{N-1}}::N, in any order and on "
        "any machine that sees the folder, then --finish"
    )
    return 0


def show_share(made: tuple[str, ...], out: str) -> int:
    """Print which units a job has done."""
    if made:
        echo(f"{counted(len(made), 'unit')} done: {listed(sorted(made))}")
    else:
        echo(f"nothing to do: no unit of {out} falls to this job, or all is finished")
    return 0


def read_options(chosen: dict[str, Any]) -> PrepOptions:
    """Texts of the command line to options. Raises OptionError."""
    given = {**chosen, **{name: chosen[name] or "" for name in ("sync_model", "undecided", "quality")}}
    split = given.pop("split")
    return PrepOptions(
        split=parse_split(split) if split is not None else {},
        shard_bytes=parse_bytes(given.pop("shard_size")),
        min_clip_s=parse_duration(given.pop("min_clip")),
        max_clip_s=parse_duration(given.pop("max_clip")),
        cut_sources_s=parse_duration(given.pop("cut_sources")),
        max_picture_px=parse_pixels(given.pop("max_picture")),
        **given,
    )


def show_plan(plan: Plan, options: PrepOptions) -> int:
    """Print what would be done: sources, seconds and shards by split."""
    length_s = sum(planned.part_s for planned in plan.sources)
    videos = counted(len({planned.source.name for planned in plan.sources}), "video")
    echo(f"{videos}, {clock(length_s)}, detector {options.detector}, crop {options.crop}")
    for split in dict.fromkeys(unit.split for unit in plan.units):
        units = [unit for unit in plan.units if unit.split == split]
        planned = [entry for unit in units for entry in unit.sources]
        counts = (
            counted(len({entry.source.name for entry in planned}), "video"),
            counted(len({entry.source.speaker for entry in planned}), "speaker"),
            counted(len(units), "shard"),
        )
        split_s = sum(entry.part_s for entry in planned)
        echo(f"  {split:<12}{counts[0]:>12} {counts[1]:>14} {clock(split_s):>10} {counts[2]:>12}")
    filled = {unit.split for unit in plan.units}
    if empty := empty_splits(options.split, filled, (entry.declared for entry in plan.sources)):
        echo(f"  nothing for {', '.join(empty)}: {ADVICE[options.split_by]}")
    for reason, names in refusals(plan).items():
        echo(f"  {len(names)} will be refused, {reason}: {listed(names)}")
    unknown = [
        shown(planned.source.name) for unit in plan.units for planned in unit.sources if not planned.seconds
    ]
    if unknown:
        echo(f"  {len(unknown)} of them state no length: {listed(unknown)}")
    return 0


def refusals(plan: Plan) -> dict[str, list[str]]:
    """Names of refused sources by reason."""
    names: dict[str, list[str]] = {}
    for _, planned in plan.refused:
        names.setdefault(planned.refusal[1], []).append(shown(planned.source.name))
    return names


def show_prepared(prepared: Prepared, quiet: bool, out: str) -> int:
    """Print the funnel, where things are and what to look at; returns the exit code.

    out: where the folder was wanted, a path or a URL.
    """
    code = show_kept(prepared, quiet)
    if is_elsewhere(out) and not quiet:
        echo(f"uploaded to {out}; {prepared.folder} may be deleted")
    return code


def show_kept(prepared: Prepared, quiet: bool) -> int:
    """Print what was kept, or why nothing was; returns the exit code."""
    totals, ledger = prepared.funnel, prepared.folder / LEDGER
    if not prepared.clips:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in totals.skipped.items())
        videos = counted(totals.sources, "video")
        echo(f"nothing was kept of {videos} ({reasons}); {ledger} says why, one row each", err=True)
        show_skipped(prepared, err=True)
        return NOTHING_KEPT
    if not quiet:
        echo(format_funnel(totals))
        splits = ", ".join(
            f"{name} {counted(facts.clips, 'clip')} of {counted(facts.speakers, 'speaker')}"
            for name, facts in prepared.splits.items()
        )
        shards = counted(len(prepared.shards), "shard")
        place, detector = prepared.folder / SHARDS_FOLDER, prepared.manifest.detector
        echo(f"{shards} in {place}: {splits}; detector {detector}")
        show_skipped(prepared)
        if totals.sources_skipped:
            echo(f"{ledger} says what became of every video")
    for warning in prepared.warnings:
        echo(warning, err=True)
    return 0


def show_skipped(prepared: Prepared, err: bool = False) -> None:
    """Print the names of the videos that gave nothing, by reason."""
    for reason, rows in prepared.skipped.items():
        echo(f"skipped, {reason}: {listed([with_width(row) for row in rows])}", err=err)


def with_width(row: LedgerRow) -> str:
    width = f" ({row.small_face_px:g} px wide)" if row.reason == TOO_SMALL else ""
    return shown(row.source) + width
