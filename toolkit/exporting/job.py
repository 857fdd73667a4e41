"""Every video of a folder, one after another; what fails is a row of the ledger, and the others go on."""

import json
import re
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from speechlip.errors import ModelError, OptionError, ShardError, SourceRefused, WriteError
from speechlip.files import write_text
from speechlip.recipes.folder import videos
from speechlip.shards.writer import plain_name

from .facts import facts_name, foreign_files, frames_if_done, own_name
from .layouts import LAYOUTS
from .records import EXPORTED, FAILED, KEPT, Exporter, ExportOptions, Row, Task
from .video import export_video

LEDGER = "ledger.jsonl"


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
    """One task per video under ``source``, or for the one file that it is. Raises OptionError: none, or two for one folder of ``out``."""
    files = [source] if source.is_file() else videos(source, exclude=out)
    root = source.parent if source.is_file() else source
    tasks = [Task(path.relative_to(root).as_posix(), path, out / path.relative_to(root).with_suffix("")) for path in files]
    if not tasks:
        raise OptionError(f"no video in {source}; export-features reads avi m4v mkv mov mp4 mpeg mpg webm, at any depth, or one sound file")
    same: dict[Path, list[str]] = defaultdict(list)
    for task in tasks:
        same[task.folder].append(plain_name(task.name))
    for folder, names in same.items():
        if len(names) > 1:
            raise OptionError(f"{' and '.join(names)} would both be written to {folder}; rename one of them")
    return tasks


def check_folders(tasks: Sequence[Task], label: str) -> None:
    """Raise OptionError where a folder holds features of another encoder, or of another tool: the renderers' file names are the same for all."""
    for task in tasks:
        others = sorted(path.name for path in task.folder.glob("aud_*.json") if path.name != facts_name(label))
        if others:
            raise OptionError(
                f"{task.folder} holds features of another encoder ({others[0]}), whose files have the same names; choose another -o"
            )
        if foreign := foreign_files(task.folder, label):
            raise OptionError(f"{task.folder} holds {', '.join(foreign)}, which no export of {label} wrote; choose another -o")


def export(tasks: Sequence[Task], exporter: Exporter, options: ExportOptions, out: Path) -> Iterator[Row]:
    """A row for every video, as it is done; after the last, the ledger with all of them."""
    rows = []
    for task in tasks:
        rows.append(export_task(task, exporter, options))
        yield rows[-1]
    write_text(out / LEDGER, "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows))


def export_task(task: Task, exporter: Exporter, options: ExportOptions) -> Row:
    """One video, unless it is done. No error of a video goes further than this."""
    name = plain_name(task.name)
    done = frames_if_done(task, exporter, options)
    if done is not None:
        return Row(name, KEPT, done)
    try:
        return Row(name, EXPORTED, export_video(task, exporter, options))
    except SourceRefused as refusal:
        return Row(name, FAILED, 0, refusal.stage, refusal.reason, refusal.detail)
    except (ModelError, ShardError) as error:
        return Row(name, FAILED, 0, "features", "cannot be encoded", str(error))
    except (OptionError, WriteError):
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__}: {error} [{Path(last.filename).name}:{last.lineno}]"
        return Row(name, FAILED, 0, "features", "unexpected error", detail)
