"""What ``export-features`` prints: failures as they come, then counts, files and what is left out."""

from pathlib import Path

from speechlip.commands.terminal import Bars, echo
from speechlip.commands.values import parse_limits, parse_pixels, parse_share
from speechlip.errors import SOME_MISSING
from speechlip.exporting.export import Exported, export_features
from speechlip.exporting.layouts import parse_renderers
from speechlip.exporting.options import ExportOptions
from speechlip.workers.engines import EngineChoice


def run(
    encoder: str,
    videos: Path,
    out: Path | None,
    renderers: str | None,
    train_share: str,
    scale_of: Path | None,
    device: str,
    random_init: bool,
    engine: EngineChoice,
    max_wait: str,
    max_memory: str,
    max_picture: str,
    quiet: bool,
) -> int:
    """Export every video and print the result; returns the exit code."""
    options = ExportOptions(
        renderers=parse_renderers(renderers) if renderers is not None else None,
        train_share=parse_share(train_share),
        scale_of=scale_of,
        device=device,
        random_init=random_init,
        max_picture_px=parse_pixels(max_picture),
    )
    limits = parse_limits(max_wait, max_memory)
    with Bars(quiet) as bars:
        exported = export_features(encoder, videos, out, options, engine=engine, limits=limits, progress=bars)
    if not quiet:
        print_result(exported)
    return SOME_MISSING if exported.failed else 0


def print_result(exported: Exported) -> None:
    for name, why in exported.left_out.items():
        echo(f"{name} is not written: {why}", err=True)
    counts = ", ".join(f"{count} {status}" for status, count in exported.counts.items())
    echo(f"{counts}; {', '.join(exported.files)} in {exported.folder}, rows in {exported.ledger}")
