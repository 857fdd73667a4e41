"""Every video of a folder, one after another; what fails is a row of the ledger, and the others go on."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path

from speechlip.checks import AUTO
from speechlip.errors import ModelError, OptionError, ShardError, SourceRefused, WriteError
from speechlip.exporting.facts import facts_name, foreign_files, frames_if_done, own_name
from speechlip.exporting.layouts import LAYOUTS
from speechlip.exporting.opening import Opening, opened
from speechlip.exporting.records import EXPORTED, FAILED, KEPT, Exporter, ExportPlan, ExportRow, Task
from speechlip.exporting.video import export_video
from speechlip.files.locks import only_run
from speechlip.files.names import plain_name
from speechlip.files.writing import write_text
from speechlip.format import LEDGER
from speechlip.media.listing import videos
from speechlip.media.streams.endings import shown_endings
from speechlip.media.whole_audio import Audio, read_audio
from speechlip.progress import SILENT, Progress
from speechlip.workers.cluster import Doing, folder_above
from speechlip.workers.engines import LOCAL, EngineChoice, engine_name, get_engine, settle_at_once
from speechlip.workers.events import DEFAULT_LIMITS, Crashed, Limits, Report, unheard
from speechlip.workers.outcomes import outcomes
from speechlip.workers.processes import steps_told
from speechlip.workers.unexpected import unexpected_refused

PEAK_BYTES = 3_000_000_000
"""Of memory that one unit takes on another engine, an estimate."""


def label_of(name: str, random_init: bool = False) -> str:
    """How an encoder is called in file names; never as a renderer's file is.

    >>> label_of("runs/se4lip/"), label_of("hubert@9"), label_of("random:runs/se4lip"), label_of("runs/hu")
    ('se4lip', 'hubert-9', 'random-se4lip', 'hu-features')
    """
    random = "random-" * (random_init or name.startswith("random:"))
    word = name.removeprefix("random:").rstrip("/").rpartition("/")[2]
    label = random + (re.sub(r"[^A-Za-z0-9_-]+", "-", word).strip("-") or "encoder")
    return f"{label}-features" if own_name(label) in LAYOUTS else label


def find_tasks(source: Path, out: Path) -> list[Task]:
    """One task per video under ``source``, or for the one file that it is.

    Raises OptionError: none, or two for one folder of ``out``.
    """
    files = [source] if source.is_file() else videos(source, exclude=out)
    root = source.parent if source.is_file() else source
    tasks = [
        Task(path.relative_to(root).as_posix(), path, out / path.relative_to(root).with_suffix(""))
        for path in files
    ]
    if not tasks:
        raise OptionError(
            f"no video in {source}; export-features reads {shown_endings()}, at any depth, or one sound file"
        )
    same: dict[Path, list[str]] = defaultdict(list)
    for task in tasks:
        same[task.folder].append(plain_name(task.name))
    for folder, names in same.items():
        if len(names) > 1:
            raise OptionError(f"{' and '.join(names)} would both be written to {folder}; rename one of them")
    return tasks


def check_folders(tasks: Sequence[Task], label: str) -> None:
    """Raise OptionError where a folder holds features of another encoder, or of another tool.

    The renderers' file names are the same for all.
    """
    for task in tasks:
        others = sorted(
            path.name for path in task.folder.glob("aud_*.json") if path.name != facts_name(label)
        )
        if others:
            raise OptionError(
                f"{task.folder} holds features of another encoder ({others[0]}), whose files have the same "
                "names; choose another -o"
            )
        if foreign := foreign_files(task.folder, label):
            raise OptionError(
                f"{task.folder} holds {', '.join(foreign)}, which no export of {label} wrote; choose "
                "another -o"
            )


def export_all(
    tasks: Sequence[Task],
    exporter: Exporter,
    plan: ExportPlan,
    out: Path,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    engine: EngineChoice = LOCAL,
    opening: Opening | None = None,
) -> Iterator[ExportRow]:
    """A row for every video, as it is done; after the last, the ledger with all of them.

    ``local`` reads videos in a process of their own, one after another, and encodes them here, where the
    encoder is open. On another engine a video is a unit, which reads and encodes it by an encoder that is
    opened there as ``opening`` says. A video at which the process dies or hangs is a row, and the others go
    on. Raises OptionError where another run writes into ``out``.
    """
    with only_run(out):
        rows = {}
        frames = {task: frames_if_done(task, exporter, plan) for task in tasks}
        kept = {
            task: ExportRow(plain_name(task.name), KEPT, done)
            for task, done in frames.items()
            if done is not None
        }
        pending = [task for task in tasks if task not in kept]
        made: Iterator[tuple[Task, ExportRow]]
        if opening is None or engine_name(engine) == LOCAL:
            made = (
                (task, export_read(task, read, exporter, plan))
                for task, read in audio_of(pending, plan.max_picture_px, limits, progress)
            )
        else:
            made = exported_on(engine, opening, pending, plan, limits, progress)
        for task, row in chain(kept.items(), made):
            rows[task] = row
            yield row
        lines = [json.dumps(asdict(rows[task]), ensure_ascii=False) + "\n" for task in tasks]
        write_text(out / LEDGER, "".join(lines))


def exported_on(
    engine: EngineChoice,
    opening: Opening,
    tasks: Sequence[Task],
    plan: ExportPlan,
    limits: Limits,
    progress: Progress,
) -> Iterator[tuple[Task, ExportRow]]:
    """Each task with its row, as units of an engine.

    How much memory a process takes is not looked at, as the encoder is in it, too.
    """
    doing = Doing("export-features", folder_above(task.path for task in tasks))
    return outcomes(
        partial(export_unit, opening=opening, plan=plan),
        tasks,
        workers=settle_at_once(engine, AUTO, len(tasks), "video", PEAK_BYTES, progress),
        advanced=lambda video, seconds: progress.advance(0, video),
        lost=crashed,
        replaced=lambda event: progress.say(str(event)),
        engine=get_engine(engine, replace(limits, memory_bytes=0), doing),
    )


def export_unit(task: Task, report: Report, *, opening: Opening, plan: ExportPlan) -> ExportRow:
    """Read and encode one video, and write its files. No error of a video goes further than this."""
    read = read_task(task, report, plan.max_picture_px)
    with steps_told(report, plain_name(task.name)):
        return export_read(task, read, opened(opening), plan)


def crashed(task: Task, crash: Crashed[Task]) -> ExportRow:
    """What stands for a video whose process died twice, or was over a limit."""
    return ExportRow(plain_name(task.name), FAILED, 0, "video", crash.reason, crash.detail)


def audio_of(
    tasks: Sequence[Task], max_picture_px: int, limits: Limits, progress: Progress
) -> Iterator[tuple[Task, Audio | Exception]]:
    """Each task with its audio, or with why there is none."""
    return outcomes(
        partial(read_task, max_picture_px=max_picture_px),
        tasks,
        workers=1,
        advanced=unheard,
        lost=lambda task, crash: SourceRefused("video", crash.reason, crash.detail),
        replaced=lambda event: progress.say(str(event)),
        limits=limits,
        light=True,
    )


def read_task(task: Task, report: Report, max_picture_px: int) -> Audio | Exception:
    """The audio of one video, or why there is none. No error of a video goes further than this."""
    name = plain_name(task.name)
    report(name, 0.0)
    try:
        with unexpected_refused("features"):
            return read_audio(task.path, max_picture_px)
    except SourceRefused as refusal:
        return refusal


def export_read(task: Task, read: Audio | Exception, exporter: Exporter, plan: ExportPlan) -> ExportRow:
    """Write the files of one video that was read. No error of a video goes further than this."""
    name = plain_name(task.name)
    try:
        with unexpected_refused("features", ModelError, ShardError, OptionError, WriteError):
            if isinstance(read, Exception):
                raise read
            return ExportRow(name, EXPORTED, export_video(task, read, exporter, plan))
    except SourceRefused as refusal:
        return ExportRow(name, FAILED, 0, refusal.stage, refusal.reason, refusal.detail)
    except (ModelError, ShardError) as error:
        return ExportRow(name, FAILED, 0, "features", "cannot be encoded", str(error))
