"""Which file is compared with which: by relative path without extension, or as ``pairs.csv`` says.

``pairs.csv`` has the column ``render`` (relative to the renders' folder) and any of ``reference`` (relative
to the references' folder, or to the CSV's own where no such folder is given) and ``audio`` (relative to the
CSV's folder): the audio to score a silent render with. A render without a row is matched by name. Nothing is
dropped: a render whose reference is missing is a task that says so, and references left over are listed.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from speechlip.errors import OptionError
from speechlip.files.names import plain_name
from speechlip.media.listing import videos
from speechlip.media.streams.endings import shown_endings
from speechlip.recipes._metadata import key_of
from speechlip.scoring.records import ScoreTask
from speechlip.urls import path_here

COLUMNS = ("render", "reference", "audio")
PAIRS_FILE = "pairs.csv"


@dataclass(frozen=True)
class Matched:
    """What belongs together.

    tasks: one per render, sorted by name.
    unused_references: names of references that no render belongs to.
    """

    tasks: list[ScoreTask]
    unused_references: list[str]


def tasks(
    renders: Path, reference: Path | None = None, pairs_csv: Path | None = None, exclude: Path | None = None
) -> list[ScoreTask]:
    """One task per video.

    renders, reference: a folder, or one file.
    exclude: a folder to leave out, such as the output's.

    Raises OptionError for a folder without a video, or a ``pairs.csv`` that cannot be used.
    """
    return match(renders, reference, pairs_csv, exclude).tasks


def match(
    renders: Path, reference: Path | None = None, pairs_csv: Path | None = None, exclude: Path | None = None
) -> Matched:
    """``tasks``, and the references that are left over."""
    plain = [ScoreTask(plain_name(name), path) for name, path in _listed(renders, exclude).items()]
    if not plain:
        raise OptionError(f"no video in {renders}; score-sync reads {shown_endings()}, at any depth")
    references = _listed(reference, exclude) if reference else {}
    pairs_csv = pairs_csv or _beside(renders)
    rows = read_pairs(pairs_csv, renders, reference) if pairs_csv else {}
    _check_rows(rows, plain, pairs_csv)
    one_each = bool(reference and reference.is_file())
    done = [_apply(task, rows[task.render]) if task.render in rows else task for task in plain]
    if reference:
        by_stem: dict[str, list[str]] = defaultdict(list)
        for name in references:
            by_stem[stem_of(name)].append(name)
        done = [task if task.reference else _by_name(task, references, by_stem, one_each) for task in done]
    used = {task.reference for task in done}
    return Matched(done, [plain_name(name) for name, path in references.items() if path not in used])


def read_pairs(path: Path, renders: Path, reference: Path | None) -> dict[Path, ScoreTask]:
    """Rows of ``pairs.csv``: the render's path → a task with its reference and driving audio. Raises
    OptionError.
    """
    root = renders if renders.is_dir() else renders.parent
    reference_root = reference if reference and reference.is_dir() else path.parent
    rows: dict[Path, ScoreTask] = {}
    for line, row in enumerate(_rows(path), start=2):
        if None in row:
            raise OptionError(
                f"{path}, row {line} has more cells than columns; put quotes around cells with commas"
            )
        cells = {column: (cell or "").strip() for column, cell in row.items()}
        paths = {column: path_here(cell, f"{path}, row {line}, {column}") for column, cell in cells.items()}
        render = root / paths["render"]
        if not cells["render"] or render in rows:
            raise OptionError(
                f"{path}, row {line} names "
                + (f"{cells['render']!r} a second time" if cells["render"] else "no render")
            )
        rows[render] = ScoreTask(
            clip=cells["render"],
            render=render,
            reference=reference_root / paths["reference"] if cells.get("reference") else None,
            driving_audio=path.parent / paths["audio"] if cells.get("audio") else None,
        )
    return rows


def stem_of(name: str) -> str:
    """A relative path without its extension, in any case of letters as it is.

    >>> stem_of("anna/take 1.v2.mp4")
    'anna/take 1.v2'
    """
    return PurePosixPath(name).with_suffix("").as_posix()


def named_alike(names: Iterable[str]) -> dict[str, str]:
    """What tables may call a clip → the clip: its name, and that without its ending.

    >>> named_alike(["b/take1.mp4"])
    {'b/take1': 'b/take1.mp4', 'b/take1.mp4': 'b/take1.mp4'}
    """
    names = list(names)
    return {stem_of(key_of(name)): name for name in names} | {key_of(name): name for name in names}


def clip_named(name: str, clips: Mapping[str, str]) -> str | None:
    """The clip that a table's cell means, whatever the ending; None where there is none.

    clips: from ``named_alike``.
    """
    key = key_of(name)
    return clips.get(key) or (clips.get(stem_of(key)) if PurePosixPath(key).name else None)


def _listed(root: Path, exclude: Path | None) -> dict[str, Path]:
    if root.is_file():
        return {root.name: root}
    return {path.relative_to(root).as_posix(): path for path in videos(root, exclude)}


def _beside(renders: Path) -> Path | None:
    found = renders / PAIRS_FILE
    return found if found.is_file() else None


def _rows(path: Path) -> list[dict]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames or [], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"{path} cannot be read as a CSV file in UTF-8: {error}") from error
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown or "render" not in columns:
        raise OptionError(
            f"{path} has the columns {', '.join(map(repr, columns)) or 'none'}; "
            "wanted: render, and any of reference, audio"
        )
    return rows


def _check_rows(rows: dict[Path, ScoreTask], plain: Iterable[ScoreTask], pairs_csv: Path | None) -> None:
    for render in rows.keys() - {task.render for task in plain}:
        raise OptionError(
            f"{pairs_csv} names {rows[render].clip!r}, and there is no such render; "
            "correct the path or remove the row"
        )


def _apply(task: ScoreTask, row: ScoreTask) -> ScoreTask:
    (reference, problem), (audio, audio_problem) = (
        _there(path) for path in (row.reference, row.driving_audio)
    )
    return replace(
        task, reference=reference, driving_audio=audio, problem=problem, audio_problem=audio_problem
    )


def _there(path: Path | None) -> tuple[Path | None, str]:
    """The file, or why there is none."""
    if path is None:
        return None, ""
    try:
        is_there = path.is_file()
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL in it
        return (
            None,
            f"{path.name[:60]!r} of pairs.csv can be no file ({getattr(error, 'strerror', None) or error})",
        )
    return (path, "") if is_there else (None, f"{path.name} of pairs.csv is not there")


def _by_name(
    task: ScoreTask, references: dict[str, Path], by_stem: dict[str, list[str]], one_each: bool
) -> ScoreTask:
    """The reference of the same name; a reference that is one file belongs to a render that is one file,
    whatever it is called.
    """
    if task.problem:
        return task
    if one_each and len(references) == 1:
        return replace(task, reference=next(iter(references.values())))
    found = by_stem.get(stem_of(task.clip), [])
    if len(found) > 1:
        found = [name for name in found if name == task.clip] or found
    if len(found) == 1:
        return replace(task, reference=references[found[0]])
    return replace(
        task, problem=f"{len(found)} references have its name" if found else "no reference has its name"
    )
