"""What ``score-sync`` does between the command line and the job: match files, settle detector and networks, show progress, print the table."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from speechlip.commands.terminal import Bar, echo, say
from speechlip.commands.values import parse_limits, parse_pixels
from speechlip.errors import SOME_MISSING, OptionError, SourceRefused
from speechlip.faces.detectors import choose_detector
from speechlip.files.writing import check_writable, make_folder, write_text
from speechlip.scoring import protocols
from speechlip.scoring.folder.renders import Matched, match, stem_of
from speechlip.scoring.options import ScoreOptions, parse_metrics
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.report.table import conditions, table, undecided_line
from speechlip.scoring.sync.verdict import EARLY, LATE, CorrectionRules, read_rules
from speechlip.scoring.transcode.binary import find
from speechlip.wording import counted, listed, shown
from speechlip.workers.pool import Crashed, Limits, Replaced, outcomes

CORRECTED_FOLDER = "corrected"


def run(
    renders: Path,
    out: Path | None,
    reference: Path | None,
    pairs: Path | None,
    workers: int,
    quiet: bool,
    audit: bool,
    fix_offset: bool,
    command: str,
    max_wait: str,
    max_memory: str,
    chosen: dict[str, Any],
) -> int:
    """Score ``renders`` into ``out`` (default ``scores``) and say what came of it; returns the exit code."""
    for path in filter(None, (renders, reference)):
        if not path.exists():
            raise OptionError(f"{path} does not exist; give a folder of videos or one video")
    limits = parse_limits(max_wait, max_memory)
    matched = match(renders, reference, pairs, exclude=out or Path("scores"))
    if audit:
        return run_audit(matched.tasks, out, quiet, workers, limits, parse_pixels(chosen["max_picture"]))
    if fix_offset and protocols.get(chosen["protocol"]).codec_path != protocols.NO_CODEC:
        raise OptionError(
            "--fix-offset with --protocol direct: the offset of another protocol holds what its codec path adds, and files have not"
        )
    rules = read_rules(chosen.pop("correct_confidence"), chosen.pop("correct_frames"))
    options = read_options(chosen, matched, quiet)
    return run_scores(
        matched, out or Path("scores"), workers, quiet, fix_offset, command, limits, options, rules
    )


def read_options(chosen: dict[str, Any], matched: Matched, quiet: bool) -> ScoreOptions:
    """Texts of the command line to options, the detector settled. Raises OptionError, ModelError."""
    from speechlip.scoring.networks import choose_device

    given = dict(chosen)
    has_reference = any(task.reference or task.problem for task in matched.tasks)
    given |= {
        "device": choose_device(given["device"]),
        "max_picture_px": parse_pixels(given.pop("max_picture")),
    }
    given["ffmpeg"] = find(given.get("ffmpeg"))
    options = ScoreOptions(metrics=parse_metrics(given.pop("metrics"), has_reference), **given)
    if not options.looks_at_faces:
        return options
    name, why = choose_detector(options.detector)
    if why and not quiet:
        echo(why, err=True)
    return replace(options, detector=name)


def run_scores(
    matched: Matched,
    out: Path,
    workers: int,
    quiet: bool,
    fix_offset: bool,
    command: str,
    limits: Limits,
    options: ScoreOptions,
    rules: CorrectionRules,
) -> int:
    """Score what was matched, show progress, print the table; returns the exit code."""
    from speechlip.scoring.folder.job import ScoreJob, score
    from speechlip.scoring.networks import find_networks
    from speechlip.scoring.report.page import write_report

    check_writable(out)
    networks = find_networks(options)
    if fix_offset and networks.sync is None:
        why = networks.problems["lse"][1] if "lse" in networks.problems else "--metrics leaves lse out"
        raise OptionError(
            f"--fix-offset moves sound by the offset that a sync model measures, and there is none: {why}"
        )
    if not quiet:
        for family, (reason, detail) in networks.problems.items():
            echo(f"{family} is not scored, {reason}: {detail}", err=True)
    with Progress(quiet) as progress:
        job = ScoreJob(
            out, matched.tasks, options, networks, command, matched.unused_references, limits, rules
        )
        scores = score(job, workers, progress)
    write_report(scores, out / "report.html")
    if not quiet:
        echo(table(scores))
        if words := undecided_line(scores):
            echo(words)
        echo(conditions(scores))
    if matched.unused_references:
        names = listed([*map(shown, matched.unused_references)])
        count = counted(len(matched.unused_references), "reference")
        echo(f"{count} without a render: {names} (all of them in scores.json)", err=True)
    if fix_offset:
        fix_offsets(matched.tasks, scores, out, quiet)
    return report(scores, out, quiet)


def report(scores: dict, out: Path, quiet: bool) -> int:
    """Say what is missing and where things are; returns the exit code."""
    clips = len(scores["clips"])
    lost = {family: sum(reasons.values()) for family, reasons in scores["missing"].items()}
    if not quiet:
        echo(f"{counted(clips, 'clip')}; {out / 'scores.csv'}, scores.json, report.html")
    if not lost:
        return 0
    asked = clips * len(scores["options"]["metrics"])
    echo(f"{sum(lost.values())} of {counted(asked, 'score')} missing:", err=True)
    for family, reasons in scores["missing"].items():
        echo(
            f"  {family:<6} {', '.join(f'{count} × {reason}' for reason, count in reasons.items())}", err=True
        )
    return SOME_MISSING


def fix_offsets(tasks: Sequence[ScoreTask], scores: dict, out: Path, quiet: bool) -> None:
    """Write a corrected copy of every clip whose sound is off by a whole number of frames, and say of every other why not."""
    from speechlip.scoring.audit.fix_offset import corrected_suffix, write_corrected

    of_clip = {row["clip"]: row for row in scores["rows"]}  # the last row of a clip stands for it
    for task in tasks:
        row = of_clip[task.clip]
        words = why_not_fixed(task, row)
        if not words:
            place = out / CORRECTED_FOLDER / (stem_of(task.clip) + corrected_suffix(task.render))
            make_folder(place.parent)
            offset = row["offset_frames"]
            try:
                write_corrected(task.render, offset, place)
                words = (
                    f"audio {abs(offset)} frames {'early' if offset > 0 else 'late'}, corrected in {place}"
                )
            except (SourceRefused, OptionError) as problem:
                words = f"not corrected, {problem}"
        if not quiet:
            echo(f"{shown(task.clip)}: {words}")


def why_not_fixed(task: ScoreTask, row: dict) -> str:
    """Why a clip gets no corrected copy, or ``""``. row: the one that stands for the clip."""
    if row["offset_frames"] is None:
        return "no offset was measured, nothing corrected"
    if row["offset_verdict"] not in (EARLY, LATE):
        return f"{row['offset_verdict']} (offset {row['offset_frames']:+d}), nothing corrected"
    return "the offset is that of its driving audio, nothing corrected" if task.driving_audio else ""


def run_audit(
    tasks: Sequence[ScoreTask],
    out: Path | None,
    quiet: bool,
    workers: int,
    limits: Limits,
    max_picture_px: int,
) -> int:
    """Print what the containers did to the sound; with ``-o`` also as ``audit.json``."""
    from speechlip.scoring.audit.clip import Audit, audit_row, audit_task
    from speechlip.scoring.audit.table import audit_table

    found: dict[str, Audit | SourceRefused] = {}
    with Bar(len(tasks), "auditing", "clips", quiet=quiet) as bar:
        work = partial(audit_task, max_picture_px=max_picture_px)
        made = outcomes(
            work,
            tasks,
            workers,
            lambda clip, seconds: None,
            lost_audit,
            lambda event: say(str(event)),
            limits,
        )
        for task, result in bar.over(made):
            found[task.clip] = result
    audits = [result for task in tasks if not isinstance(result := found[task.clip], SourceRefused)]
    refused = [
        f"{shown(task.clip)}: {result}"
        for task in tasks
        if isinstance(result := found[task.clip], SourceRefused)
    ]
    if out:
        make_folder(out)
        write_text(
            out / "audit.json",
            json.dumps([audit_row(found) for found in audits], ensure_ascii=False, indent=1) + "\n",
        )
    if audits:
        echo(audit_table(audits))
    for line in refused:
        echo(line, err=True)
    return SOME_MISSING if refused else 0


def lost_audit(task: ScoreTask, crash: Crashed) -> SourceRefused:
    return SourceRefused("audit", crash.reason, crash.detail)


class Progress:
    """How many clips are scored; nothing with ``--quiet``."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.bar: Bar | None = None
        self.passed_s = 0.0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def planned(self, clips: int, done: int) -> None:
        if done and not self.quiet:
            echo(f"{done} of {counted(clips, 'clip')} scored already", err=True)
        self.bar = Bar(clips, "scoring", "clips", done, self.quiet)

    def advanced(self, clip: str, seconds: float) -> None:
        self.passed_s += seconds
        if self.bar is not None:
            self.bar.add(0, f"{self.passed_s:.0f} s of video, {shown(clip)}")

    def replaced(self, event: Replaced) -> None:
        say(str(event))

    def scored(self, clip: str) -> None:
        if self.bar is not None:
            self.bar.add()
