"""Any tree of talking videos, perhaps with a ``metadata.csv`` and files beside them: the default recipe.

Videos are whatever ``speechlip.media.streams.endings`` takes for one, by ending or by first bytes: what
cannot be read is refused later, by name. The speaker is the first sub-folder, or the file's stem where there
is none. Beside ``x.mp4`` may lie ``x.TextGrid`` (phone times), ``x.landmarks.npz`` (``sidecar`` landmarks)
and ``x.txt`` (transcript).

``metadata.csv`` at the root may name, by column ``file`` (path relative to the root), any of speaker, split,
transcript and licence; empty cells and videos without a row keep the defaults. ``file_name`` or ``path``
serve as ``file``, ``license`` as ``licence``. Every other column is carried as text into the ``json`` of the
samples.

A folder that cannot be listed is yielded as a source (``speechlip.media.listing``). A ``x.txt`` that is a
link to a text elsewhere is an OptionError: the transcript goes into the samples word for word.
"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.files.names import is_file
from speechlip.files.reading import read_bytes
from speechlip.media.listing import videos as videos
from speechlip.recipes._layout import lies_in
from speechlip.recipes._metadata import read_metadata
from speechlip.records import LANDMARKS_ENDING, Source

NAME = "folder"
TITLE = "Any folder of talking videos"
LICENCE = "unknown"
CITATION = ""
ACCESS = "Your own videos; metadata.csv may name a licence for each."
HOMEPAGE = ""
SPLITS = None
UTF16_MARKS = (BOM_UTF16_BE, BOM_UTF16_LE)


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every video under ``root``, sorted by name; ``root`` may be a single video.

    exclude: a folder to leave out, such as an output folder inside the input folder.

    Raises OptionError where ``root`` does not exist, ``metadata.csv`` cannot be used, or a transcript is a
    link to a text elsewhere.
    """
    root = Path(root)
    if root.is_file():
        yield source(root, root.name)
        return
    found = {path.relative_to(root).as_posix(): path for path in videos(root, exclude)}
    said = read_metadata(root / "metadata.csv", found)
    for name, path in found.items():
        yield source(path, name, said.of(name), said.more_of(name))


def source(
    path: Path, name: str, row: dict[str, str] | None = None, more: dict[str, str] | None = None
) -> Source:
    """One video with what lies beside it. Recipes with a layout of their own replace fields of it.

    row: its cells of ``metadata.csv`` by the names of ``Source``; more: its other cells.
    """
    row = row or {}
    parts = name.split("/")
    return Source(
        path=path,
        name=name,
        speaker=row.get("speaker") or (parts[0] if len(parts) > 1 else path.stem),
        split=row.get("split") or None,
        licence=row.get("licence") or LICENCE,
        transcript=row.get("transcript") or _text(_beside(path, ".txt"), path.parents[len(parts) - 1], path),
        phones_path=_beside(path, ".TextGrid"),
        landmarks_path=_beside(path, LANDMARKS_ENDING),
        more=more or {},
    )


def _beside(path: Path, ending: str) -> Path | None:
    place = path.with_name(path.stem + ending)
    return place if is_file(place) else None


def _text(path: Path | None, root: Path, video: Path) -> str:
    """A transcript, in UTF-8, or UTF-16 with its mark; what is neither has U+FFFD for what cannot be read.

    Raises OptionError for a link to a text neither below ``root`` nor beside the video.
    """
    if path is None:
        return ""
    if not lies_in(root, path) and path.resolve().parent != video.resolve().parent:
        raise OptionError(
            f"{path} is a link to {path.resolve()}, outside {root}; "
            "copy the transcript there, or remove the link"
        )
    content = read_bytes(path)
    encoding = "utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig"
    return content.decode(encoding, errors="replace").strip()
