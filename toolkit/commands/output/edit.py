"""What ``speechlip edit`` prints, and which function its options ask for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from speechlip.commands.output.prep_shards import show_prepared
from speechlip.commands.terminal import Bars, echo
from speechlip.commands.values import parse_bytes, parse_limits, parse_split, read_engine
from speechlip.editing.append import append_videos
from speechlip.editing.split import deal_splits, move_clips
from speechlip.errors import NOTHING_KEPT, NoVideos, OptionError
from speechlip.preparing.ends.local import WorkPlace
from speechlip.preparing.prepared import Prepared
from speechlip.progress import Progress


def run(out: str, work: Path | None, quiet: bool, edit: Callable[[dict[str, Any]], Prepared]) -> int:
    """Edit and print the funnel; returns the exit code.

    edit: is given what every edit takes beside its own, progress and work place.
    """
    try:
        with Bars(quiet) as bars:
            prepared = edit({"progress": bars, "work": WorkPlace(work or "")})
    except NoVideos as nothing:
        echo(nothing, err=True)
        return NOTHING_KEPT
    return show_prepared(prepared, quiet, out)


def split_as_asked(
    shards: str | Path,
    out: str,
    *,
    progress: Progress,
    work: WorkPlace,
    split_by: str | None,
    shares: str | None,
    seed: int | None,
    also_declared: bool,
    where: str | None,
    to: str | None,
) -> Prepared:
    """Deal anew, or move with ``where`` and ``to``. Raises OptionError for options that do not fit."""
    if (where is None) != (to is None):
        raise OptionError("--where says which clips move and --to where they go; give both, or neither")
    if where is not None and to is not None:
        if shares is not None or seed is not None or also_declared:
            raise OptionError("--split, --seed and --also-declared deal anew, --where moves; give either")
        return move_clips(shards, out, where, to, by=split_by, progress=progress, work=work)
    return deal_splits(
        shards,
        out,
        by=split_by or "speaker",
        shares=None if shares is None else parse_split(shares),
        seed=seed,
        also_declared=also_declared,
        progress=progress,
        work=work,
    )


def append_as_asked(
    shards: str | Path,
    video_dir: str,
    out: str,
    *,
    progress: Progress,
    work: WorkPlace,
    max_wait: str,
    max_memory: str,
    spool: str,
    **given: Any,
) -> Prepared:
    """Append with limits and spool as the command line writes them."""
    how: dict[str, Any] = {"engine": read_engine(given), "limits": parse_limits(max_wait, max_memory)}
    work = replace(work, spool_bytes=parse_bytes(spool))
    return append_videos(shards, video_dir, out, progress=progress, work=work, **how, **given)
