"""What ``speechlip export-clips`` prints: failures as they come, then counts."""

from pathlib import Path

from speechlip.commands.terminal import Bars, echo
from speechlip.errors import SOME_MISSING
from speechlip.exporting.clips import export_clips


def run(shards: str | Path, out: Path, where: str, split: str | None, form: str, quiet: bool) -> int:
    """Export the clips and print the result; returns the exit code."""
    with Bars(quiet) as bars:
        exported = export_clips(shards, out, where, split=split, form=form, progress=bars)
    if not quiet:
        counts = ", ".join(f"{count} {status}" for status, count in exported.counts.items())
        echo(f"{counts}; {exported.table} names the files")
    return SOME_MISSING if exported.failed else 0
