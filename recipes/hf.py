"""A ``datasets.Dataset`` as source: a folder that ``save_to_disk`` wrote, or one of parquet or arrow files.

Columns: ``video`` (a file, embedded or named by its path), or ``audio`` with ``image``, a list of images,
both embedded, and ``fps``, how many images a second: a rate is never guessed. Beside them may stand
``speaker``, ``split``, ``transcript``, ``licence``; without ``speaker`` each row counts as a speaker of its
own, and without ``licence`` it is unknown.

Everything after this reads files, so embedded videos are written out as they are, and images with audio as
FFV1 and FLAC in Matroska, without loss (audio at 16 bits), into ``.speechlip`` below the data set's folder,
which other readers of the folder do not see. It may be deleted when the shards are done. A row that no video
can be made of, or that names a file outside the data set's folder (links followed), is a source that is
refused by name: whatever a row names goes out under the row's licence.

Splits come from folders and file names (``train``, ``validation`` or ``dev``, ``test``), where these name
more than one; a lone ``train`` is divided. The files are read by pyarrow alone: nothing is unpickled, nothing
is fetched, no code of the data set runs.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from speechlip.errors import OptionError, SourceRefused, WriteError
from speechlip.files.writing import whole_file
from speechlip.media.streams.endings import VIDEO_ENDINGS
from speechlip.recipes._layout import lies_in
from speechlip.recipes._tables import SPLIT_OF, columns, rows, split_of, table_files
from speechlip.records import Source

NAME = "hf"
TITLE = "A Hugging Face data set on disk"
LICENCE = "unknown"
CITATION = ""
ACCESS = "Your own data set, or hf download USER/NAME --repo-type dataset; its card says under which licence."
HOMEPAGE = "https://huggingface.co/docs/datasets"
SPLITS = None

UNPACKED = ".speechlip"
VIDEO, PICTURES = ("video",), ("audio", "image", "fps")
ABOUT = ("speaker", "split", "transcript", "licence")


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every row, in the order of files and rows, each written out before it is yielded.

    Raises OptionError where ``root`` has no table, or one with other columns; WriteError where ``root``
    cannot be written to.
    """
    root = Path(root)
    files = table_files(root, exclude)
    if not files:
        raise OptionError(
            f"no .parquet or .arrow file in {root}; "
            "name a data set that save_to_disk wrote, or a folder of such files"
        )
    wanted = {path: _wanted(path, columns(path)) for path in files}
    splits = {path: split_of(path.relative_to(root).as_posix()) for path in files}
    several = len(set(splits.values())) > 1
    for path in files:
        for number, row in enumerate(rows(path, wanted[path])):
            yield _source(root, path, number, row, splits[path] if several else None)


def _wanted(path: Path, there: list[str]) -> list[str]:
    for media in (VIDEO, PICTURES):
        if set(media) <= set(there):
            return [*media, *(name for name in ABOUT if name in there)]
    raise OptionError(
        f"{path} has the columns {', '.join(there)}; "
        "wanted: video, or audio, image and fps; rename_column names them so"
    )


def _source(root: Path, table: Path, number: int, row: dict, split: str | None) -> Source:
    stem = f"{table.relative_to(root).with_suffix('').as_posix()}/{number:06d}"
    about = {name: str(row[name]).strip() for name in ABOUT if row.get(name) is not None}
    found = Source(
        path=root / UNPACKED / stem,
        name=stem + _ending(row),
        speaker=about.get("speaker") or stem,
        split=_split(stem, about["split"]) if about.get("split") else split,
        licence=about.get("licence") or LICENCE,
        transcript=about.get("transcript", ""),
    )
    try:
        return replace(found, path=_file_of(root, table, stem, row))
    except SourceRefused as refusal:
        return replace(found, refusal=refusal.reason, refusal_detail=refusal.detail)


def _split(stem: str, name: str) -> str:
    if name not in SPLIT_OF:
        raise OptionError(f"row {stem} has split {name!r}; it may be: {', '.join(SPLIT_OF)}, or null")
    return SPLIT_OF[name]


def _file_of(root: Path, table: Path, stem: str, row: dict) -> Path:
    """The row's video: the file that it names (a relative path begins at the table), or what it holds,
    written out.

    Raises SourceRefused for a file outside ``root``, and for a row that no video can be made of.
    """
    cell = row.get("video")
    named = (
        cell
        if isinstance(cell, str)
        else cell.get("path")
        if isinstance(cell, dict) and not cell.get("bytes")
        else None
    )
    if not named:
        return _unpacked(root, stem, row)
    if not lies_in(root, table.parent / named):
        advice = f"the row names {named!r}; copy that video into the data set's folder, or embed it"
        raise SourceRefused("recipe", "file outside the data set's folder", advice)
    return table.parent / named


def _unpacked(root: Path, stem: str, row: dict) -> Path:
    """The row's video as a file, written unless it is there; its name holds a hash of what it is made of."""
    media = [_bytes(part) for name in ("video", "audio", "image") for part in _parts(row.get(name))]
    digest = hashlib.sha256(repr([row.get("fps"), *map(_sha256, media)]).encode()).hexdigest()[:8]
    path = root / UNPACKED / f"{stem}-{digest}{_ending(row)}"
    if not lies_in(root, path):
        raise WriteError(f"{path} is, or lies behind, a link out of {root}; remove that link")
    return path if path.is_file() else _write(path, row, media)


def _parts(cell: object) -> list:
    return cell if isinstance(cell, list) else [cell]


def _bytes(cell: object) -> bytes:
    """A cell's file; empty where it holds none."""
    held = cell.get("bytes") if isinstance(cell, dict) else cell
    return held if isinstance(held, bytes) else b""


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, row: dict, media: list[bytes]) -> Path:
    """Write a row's file: its video, or images and audio as one. Raises SourceRefused where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"cannot write to {path.parent}: {error.strerror}; copy the data set to where you may write"
        ) from error
    try:
        with whole_file(path) as file:
            file.write(media[0]) if media[0] else _write_muxed(file, row)
    except ValueError as error:
        raise SourceRefused("recipe", "no video in this row", str(error)) from error
    return path


def _ending(row: dict) -> str:
    """The ending of the row's file: that of its ``video``, else ``.mp4``; ``.mkv`` for images and audio."""
    cell = row.get("video")
    if "video" not in row:
        return ".mkv"
    named = Path(
        (cell if isinstance(cell, str) else cell.get("path") if isinstance(cell, dict) else "") or ""
    ).suffix.lower()
    return named if named in VIDEO_ENDINGS else ".mp4"


def _write_muxed(file: BinaryIO, row: dict) -> None:
    from speechlip.recipes._muxing import mux, read_audio, read_image

    if "video" in row:
        raise ValueError("video is empty")
    if not isinstance(row["image"], list):
        raise ValueError("image must be a list of images; one image does not talk")
    samples, rate = read_audio(_bytes(row["audio"]))
    mux(file, [read_image(_bytes(cell)) for cell in row["image"]], samples, rate, float(row["fps"] or 0))
