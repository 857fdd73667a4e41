"""What ``render-lips`` prints: what is left out as it comes, then the table."""

from pathlib import Path
from typing import Any

from speechlip.commands.terminal import Bars, echo
from speechlip.commands.values import parse_pixels
from speechlip.errors import SOME_MISSING
from speechlip.rendering.implicit_options import given_options
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.page import PAGE
from speechlip.rendering.paper_table import check_table, paper_table
from speechlip.rendering.render import render_lips
from speechlip.rendering.table import as_text
from speechlip.workers.engines import EngineChoice


def run(
    person: Path,
    encoders: tuple[str, ...],
    out: Path,
    split: str,
    renderer: str,
    detector: str,
    device: str,
    max_picture: str,
    mapping: str,
    audio: Path | None,
    pose: Path | None,
    table: str | None,
    engine: EngineChoice,
    quiet: bool,
    **of_implicit: Any,
) -> int:
    """Render every row and print the table; returns the exit code."""
    options = RenderOptions(
        split,
        detector,
        device,
        parse_pixels(max_picture),
        renderer,
        mapping=mapping,
        audio=str(audio or ""),
        pose=str(pose or ""),
        implicit=given_options(of_implicit),
    )
    if table:
        check_table(table, audio is not None)
    with Bars(quiet) as bars:
        renders = render_lips(person, encoders, out, options, engine=engine, progress=bars)
    if not quiet:
        echo(as_text(renders))
        echo(f"side by side: {out / PAGE}; numbers with intervals: {out / 'scores.csv'}")
    if table:
        echo(f"\n{paper_table(renders, table)}")
    return SOME_MISSING if renders.failed else 0
