"""What ``score-sync`` says: one call of the library, its result as text, the exit code."""

from pathlib import Path
from typing import Any

from speechlip.checks import Workers
from speechlip.commands.terminal import Bars, echo
from speechlip.commands.values import parse_limits, parse_pixels
from speechlip.errors import SOME_MISSING
from speechlip.metrics.sync.columns import family_in_reasons
from speechlip.scoring.audit.run import audit
from speechlip.scoring.audit.table import audit_table
from speechlip.scoring.folder.corrected import fix_offsets
from speechlip.scoring.folder.job import score_folder
from speechlip.scoring.options import ScoreOptions, ordered, parse_metrics
from speechlip.scoring.report.table import (
    conditions,
    opinion_table,
    subgroup_table,
    table,
    theval_table,
    undecided_line,
)
from speechlip.scoring.scores import Scores
from speechlip.scoring.sync.verdict import read_rules
from speechlip.scoring.theval import GROUP
from speechlip.wording import counted, listed, shown
from speechlip.workers.engines import EngineChoice
from speechlip.workers.events import Limits

OUT = Path("scores")
DEFAULT_PROTOCOL = ScoreOptions.protocol


def run(
    renders: Path,
    out: Path | None,
    reference: Path | None,
    pairs: Path | None,
    workers: Workers,
    engine: EngineChoice,
    quiet: bool,
    audit: bool,
    fix_offset: bool,
    command: str,
    max_wait: str,
    max_memory: str,
    chosen: dict[str, Any],
) -> int:
    """Score ``renders`` into ``out`` (default ``scores``) and say what came of it; returns the exit code."""
    limits = parse_limits(max_wait, max_memory)
    max_picture_px = parse_pixels(chosen.pop("max_picture"))
    if audit:
        return run_audit(renders, out, quiet, workers, limits, max_picture_px)
    rules = read_rules(chosen.pop("correct_confidence"), chosen.pop("correct_frames"))
    metrics, protocol = with_theval(parse_metrics(chosen.pop("metrics")), chosen.pop("protocol"))
    by, mos = chosen.pop("by"), chosen.pop("mos")
    options = ScoreOptions(metrics, protocol, max_picture_px=max_picture_px, **chosen)
    out = out or OUT
    with Bars(quiet) as progress:
        how: dict[str, Any] = {
            "pairs": pairs,
            "workers": workers,
            "engine": engine,
            "limits": limits,
            "rules": rules,
        }
        how |= {"command": command, "progress": progress, "by": parse_columns(by), "mos": mos}
        if fix_offset:
            fixed = fix_offsets(renders, out, reference, options, **how)
            scores, corrections = fixed.scores, fixed.corrections
        else:
            scores, corrections = score_folder(renders, out, reference, options, **how), ()
    if not quiet:
        say_scores(scores)
    say_unused(scores)
    for correction in corrections if not quiet else ():
        echo(f"{shown(correction.clip)}: {correction.words}")
    return report(scores, out, quiet)


def say_scores(scores: Scores) -> None:
    """The table, and what one must know to read it."""
    echo(table(scores))
    for by in dict.fromkeys(group.by for group in scores.subgroups):
        echo(f"\nby {by}, ! the worst group\n{subgroup_table(scores, by)}")
    for scale in dict.fromkeys(each.scale for each in scores.opinions):
        echo(f"\nrank correlation with opinions, {shown(scale)}\n{opinion_table(scores, scale)}")
    if measures := theval_table(scores):
        echo(f"\nTHEval's measures beside the real videos', theval.csv\n{measures}")
    if words := undecided_line(scores):
        echo(words)
    for each in scores.sets:
        if each.value is not None:
            echo(each.words)
    echo(conditions(scores))


def with_theval(metrics: tuple[str, ...], protocol: str) -> tuple[tuple[str, ...], str]:
    """Metrics and protocol as the library has them: ``theval`` is a group of metrics there.

    >>> with_theval((), "theval"), with_theval(("lmd",), "theval"), with_theval((), "lrs")
    ((('theval',), 'direct'), (('theval', 'lmd'), 'direct'), ((), 'lrs'))
    """
    if protocol != GROUP:
        return metrics, protocol
    return ordered((*metrics, GROUP)), DEFAULT_PROTOCOL


def parse_columns(text: str | None) -> tuple[str, ...]:
    """Read a list such as ``language,gender``.

    >>> parse_columns("language, gender"), parse_columns(None)
    (('language', 'gender'), ())
    """
    return tuple(dict.fromkeys(filter(None, map(str.strip, (text or "").split(",")))))


def say_unused(scores: Scores) -> None:
    """The references that no render belongs to."""
    if scores.unused_references:
        names = listed([*map(shown, scores.unused_references)])
        count = counted(len(scores.unused_references), "reference")
        echo(f"{count} without a render: {names} (all of them in scores.json)", err=True)


def report(scores: Scores, out: Path, quiet: bool) -> int:
    """Say what is missing and where things are; returns the exit code."""
    clips = len(scores.clips)
    lost = {family: sum(reasons.values()) for family, reasons in scores.missing.items()}
    if not quiet:
        echo(f"{counted(clips, 'clip')}; {out / 'scores.csv'}, scores.json, report.html")
    without = [each.words for each in scores.sets if each.value is None]
    for words in without:
        echo(words, err=True)
    if not lost:
        return SOME_MISSING if without else 0
    asked = clips * len(scores.options["metrics"])
    echo(f"{sum(lost.values())} of {counted(asked, 'score')} missing:", err=True)
    for family, reasons in scores.missing.items():
        words = ", ".join(f"{count} × {reason}" for reason, count in reasons.items())
        echo(f"  {family_in_reasons(family, scores.other_model):<6} {words}", err=True)
    return SOME_MISSING


def run_audit(
    renders: Path, out: Path | None, quiet: bool, workers: Workers, limits: Limits, max_picture_px: int
) -> int:
    """Print what the containers did to the audio; with ``out`` also as ``audit.json``."""
    with Bars(quiet) as progress:
        audits = audit(
            renders,
            out,
            workers=workers,
            limits=limits,
            max_picture_px=max_picture_px,
            progress=progress,
        )
    if audits.clips:
        echo(audit_table(audits.clips))
    for clip, refusal in audits.refused.items():
        echo(f"{shown(clip)}: {refusal}", err=True)
    return SOME_MISSING if audits.refused else 0
