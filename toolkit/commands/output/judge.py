"""What ``speechlip judge`` prints: the cost, a line a metric, what is missing."""

from collections import Counter
from pathlib import Path
from typing import Any

from speechlip.checks import Workers
from speechlip.commands.terminal import Bars, echo
from speechlip.commands.values import parse_limits, parse_pixels
from speechlip.errors import NOTHING_KEPT, SOME_MISSING, NoVideos
from speechlip.judging.job import judge, judge_cost
from speechlip.judging.options import JudgeOptions
from speechlip.judging.records import Judgement
from speechlip.wording import shown


def run(
    command: str,
    plan: bool,
    clips: Path,
    out: Path,
    workers: Workers,
    quiet: bool,
    max_wait: str,
    max_memory: str,
    metrics: tuple[str, ...],
    harms: str | None,
    max_picture: str,
    **chosen: Any,
) -> int:
    """Judge and print the result; returns the exit code."""
    limits = parse_limits(max_wait, max_memory)
    options = JudgeOptions(
        _names(" ".join(metrics)), _names(harms or ""), max_picture_px=parse_pixels(max_picture), **chosen
    )
    try:
        with Bars(quiet) as bars:
            if plan:
                echo(judge_cost(clips, out, options, workers=workers, progress=bars).words)
                return 0
            judgement = judge(
                clips, out, options, workers=workers, limits=limits, command=command, progress=bars
            )
    except NoVideos as nothing:
        echo(nothing, err=True)
        return NOTHING_KEPT
    if not quiet:
        show(judgement, out)
    return say_missing(judgement)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def show(judgement: Judgement, out: Path) -> None:
    for judged in judgement.metrics:
        echo(f"{judged.title} {judged.arrow}".rstrip() + f": {judged.words}\n")
    echo(f"{out / 'judge.html'}, judge.csv, values.csv, judge.json")


def say_missing(judgement: Judgement) -> int:
    """Say why values are missing; returns the exit code."""
    for clip, why in judgement.refused.items():
        echo(f"{shown(clip)}: {why}", err=True)
    lost = Counter((value.metric, value.reason) for value in judgement.values if value.value is None)
    if not lost:
        return 0
    echo(f"{lost.total()} of {len(judgement.values)} values missing:", err=True)
    for (metric, reason), count in lost.items():
        echo(f"  {metric:<18} {count} × {reason}", err=True)
    return SOME_MISSING
