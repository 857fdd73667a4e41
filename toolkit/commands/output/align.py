"""What ``speechlip align`` prints: counts by what was aligned from, then the failures by reason."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speechlip.aligning.align import AlignOptions, align
from speechlip.aligning.records import ALIGNED, FAILED, KEPT, AlignRow
from speechlip.checks import Workers
from speechlip.commands.output.prep_shards import show_prepared
from speechlip.commands.terminal import Bars, echo
from speechlip.editing.align import align_shards
from speechlip.errors import NOTHING_KEPT, SOME_MISSING, NoVideos, OptionError
from speechlip.files.names import is_file
from speechlip.format import MANIFEST
from speechlip.preparing.ends.local import WorkPlace
from speechlip.remote.names import is_remote
from speechlip.urls import COPY_THERE, path_here
from speechlip.wording import counted, listed, shown
from speechlip.workers.engines import EngineChoice


def run(
    videos: str | Path,
    out: str | None,
    work: Path | None,
    workers: Workers,
    engine: EngineChoice,
    quiet: bool,
    chosen: dict[str, Any],
) -> int:
    """Align and print the result; returns the exit code."""
    options = AlignOptions(**chosen)
    if is_remote(videos) or is_file(Path(videos) / MANIFEST):
        return run_shards(videos, out, WorkPlace(work or ""), options, workers, engine, quiet)
    here = path_here(out, "-o", COPY_THERE) if out else None
    try:
        with Bars(quiet) as bars:
            rows = align(videos, here, options, workers=workers, engine=engine, progress=bars)
    except NoVideos as nothing:
        echo(nothing, err=True)
        return NOTHING_KEPT
    if not quiet:
        show_counts(rows)
    show_failures(rows)
    return SOME_MISSING if any(row.status == FAILED for row in rows) else 0


def run_shards(
    shards: str | Path,
    out: str | None,
    work: WorkPlace,
    options: AlignOptions,
    workers: Workers,
    engine: EngineChoice,
    quiet: bool,
) -> int:
    """Align the clips of a finished folder and print its funnel; returns the exit code."""
    if out is None:
        raise OptionError(f"{shards} holds shards, which stay as they are: give a folder for new ones, -o")
    with Bars(quiet) as bars:
        prepared = align_shards(
            shards, out, options, workers=workers, engine=engine, progress=bars, work=work
        )
    return show_prepared(prepared, quiet, out) or (SOME_MISSING if prepared.without_phones else 0)


def show_counts(rows: Sequence[AlignRow]) -> None:
    forms = Counter(row.form for row in rows if row.status == ALIGNED)
    phones = sum(row.phones for row in rows)
    parts = [f"{counted(count, 'video')} from {form}" for form, count in sorted(forms.items())]
    if kept := [row for row in rows if row.status == KEPT]:
        parts.append(f"{counted(len(kept), 'TextGrid')} there before")
    echo(f"{', '.join(parts) or 'nothing aligned'}; {counted(phones, 'phone')}")
    for row in rows:
        if row.detail and row.status != FAILED:
            echo(f"{shown(row.source)}: {row.detail}")


def show_failures(rows: Sequence[AlignRow]) -> None:
    """One line a reason: how many, which, and what the first of them says."""
    by_reason: dict[str, list[AlignRow]] = defaultdict(list)
    for row in rows:
        if row.status == FAILED:
            by_reason[row.reason].append(row)
    for reason, failed in by_reason.items():
        names = listed([shown(row.source) for row in failed])
        echo(
            f"no phones, {reason}: {names}" + (f" ({failed[0].detail})" if failed[0].detail else ""), err=True
        )
