"""Any tree of talking videos, perhaps with a ``metadata.csv`` and files beside the videos. The default recipe.

Videos are whatever ends in ``VIDEO_ENDINGS``, in any case, and is no folder: what cannot be read is refused later, by name.
The speaker is the first sub-folder, or the file's stem where there is none.
Beside ``x.mp4`` may lie ``x.TextGrid`` (phone times), ``x.landmarks.npz`` (``sidecar`` landmarks) and ``x.txt`` (transcript).
``metadata.csv`` at the root may name, by column ``file`` (path relative to the root), any of speaker, split, transcript and licence; empty
cells and videos without a row keep the defaults.

Names that begin with a dot are left out, folders too (``.DS_Store``, macOS's ``._x.mp4``). A folder that cannot be listed is yielded as a
source, so that preparing refuses it by name and nothing in it is lost unseen. Links to folders are followed, each folder is entered once.
"""

import csv
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.records import Source

NAME = "folder"
TITLE = "Any folder of talking videos"
LICENCE = "unknown"
CITATION = ""
ACCESS = "Your own videos; metadata.csv may name a licence for each."
HOMEPAGE = ""
SPLITS = None

VIDEO_ENDINGS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
COLUMNS = ("file", "speaker", "split", "transcript", "licence")
SPLIT_NAMES = ("train", "validation", "test")


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every video under ``root``, sorted by name; ``root`` may be a single video.

    exclude: a folder to leave out, such as an output folder inside the input folder.
    Raises OptionError where ``root`` does not exist or ``metadata.csv`` cannot be used.
    """
    root = Path(root)
    if root.is_file():
        yield source(root, root.name)
        return
    found = {path.relative_to(root).as_posix(): path for path in videos(root, exclude)}
    rows = _metadata(root / "metadata.csv", set(found))
    for name, path in found.items():
        yield source(path, name, rows.get(_key(name)))


def videos(root: Path, exclude: Path | None = None) -> list[Path]:
    """Paths of all videos under ``root`` (and of folders that cannot be listed), sorted by their names relative to it."""
    if not root.is_dir():
        raise OptionError(f"no folder or file {root}; name the videos' folder, or one video")
    left_out = exclude.resolve() if exclude else None
    entered, found, folders = set(root.resolve().parents), [], [root]
    while folders:
        folder = folders.pop(0)
        real = folder.resolve()
        if real in entered or real == left_out:
            continue
        entered.add(real)
        entries = _listing(folder)
        if entries is None:
            found.append(folder)
            continue
        inner = [entry for entry in entries if _is_folder(entry)]
        found += [Path(entry.path) for entry in entries if entry not in inner and entry.name.lower().endswith(VIDEO_ENDINGS)]
        folders[:0] = [Path(entry.path) for entry in inner if not entry.is_symlink()]
        folders += [Path(entry.path) for entry in inner if entry.is_symlink()]  # after all real folders, whose names win
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _listing(folder: Path) -> list[os.DirEntry] | None:
    """What lies in ``folder``, sorted, without dot files; None where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError:
        return None


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def source(path: Path, name: str, row: dict[str, str] | None = None) -> Source:
    """One video with what lies beside it; ``row`` are its cells of ``metadata.csv``. Recipes with a layout of their own replace fields of it."""
    row = row or {}
    parts = name.split("/")
    return Source(
        path=path,
        name=name,
        speaker=row.get("speaker") or (parts[0] if len(parts) > 1 else path.stem),
        split=row.get("split") or None,
        licence=row.get("licence") or LICENCE,
        transcript=row.get("transcript") or _text(_beside(path, ".txt")),
        phones_path=_beside(path, ".TextGrid"),
        landmarks_path=_beside(path, ".landmarks.npz"),
    )


def _beside(path: Path, ending: str) -> Path | None:
    place = path.with_name(path.stem + ending)
    return place if place.is_file() else None


def _text(path: Path | None) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path else ""


def _key(name: str) -> str:
    """One spelling for names that look the same: macOS writes é as two characters."""
    return unicodedata.normalize("NFC", name)


def _metadata(path: Path, found: set[str]) -> dict[str, dict[str, str]]:
    """Rows of ``metadata.csv`` by file; {} where there is none. Raises OptionError for anything it cannot use."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            columns, table = reader.fieldnames or [], list(reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise OptionError(f"{path} is not a CSV file in UTF-8: {error}") from error
    _check_columns(path, columns)
    keys = {_key(name) for name in found}
    rows: dict[str, dict[str, str]] = {}
    for line, row in enumerate(table, start=2):
        _check_row(f"{path}, row {line}", row, keys, rows)
        rows[_key(row["file"])] = {column: (cell or "").strip() for column, cell in row.items() if column != "file"}
    return rows


def _check_columns(path: Path, columns) -> None:
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise OptionError(f"{path} has unknown columns {', '.join(map(repr, unknown))}; it may have: {', '.join(COLUMNS)}")
    if "file" not in columns:
        raise OptionError(f"{path} has no column 'file', the video's path relative to {path.parent}; it may have: {', '.join(COLUMNS)}")


def _check_row(where: str, row: dict, found: set[str], rows: dict) -> None:
    if None in row:
        raise OptionError(f"{where} has more cells than columns: {row[None]}; put quotes around cells with commas")
    if _key(row["file"] or "") not in found:
        raise OptionError(
            f"{where} names {row['file']!r}, and there is no such video; correct the path (relative, with /) or remove the row"
        )
    if _key(row["file"]) in rows:
        raise OptionError(f"{where} names {row['file']!r} a second time; keep one row for each video")
    split = (row.get("split") or "").strip()
    if split and split not in SPLIT_NAMES:
        raise OptionError(f"{where} has split {split!r}; it may be: {', '.join(SPLIT_NAMES)}, or empty")
