"""GRID: 34 talkers say 1000 sentences each (``bin blue at f two now``), 3 s, 25 fps; talker 21 has no video.

Layout: ``s1`` … ``s34``, in each the videos (mpg, or converted to another format) at any depth, so that the
archives of Zenodo (``s1/bbaf2n.mpg``) and of Sheffield fit. An ``.align`` file may lie beside its video, in
``s1/align/``, or in ``align/s1/`` or ``alignments/s1/``.

Transcript: from the file's name, which spells the sentence; where it does not, from the words of the
``.align``. Zenodo's ``alignments`` has folders of several talkers exchanged (5 and 6, 10 to 15, 18 to 23, 26
to 29, 32 and 33, after lhotse's recipe), which the names do not suffer from.

Phones: GRID's own ``.align`` files hold words, and word times are not kept: the shard format holds phones. An
``.align`` whose labels are ARPAbet, in the same unit (samples at 25 kHz, 1000 to a image), gives phones, as
does a TextGrid beside the video, which comes first.

No official splits. Layout and unit are read off public scripts and files, the licence off Zenodo's record as
others cite it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speechlip.errors import SourceRefused
from speechlip.files.names import is_file
from speechlip.metrics.phones.visemes import fold
from speechlip.phones import SILENCE, read_align
from speechlip.recipes import folder
from speechlip.recipes._layout import stands_for_videos, wrong_layout
from speechlip.records import Source

NAME = "grid"
TITLE = "GRID audiovisual sentence corpus"
LICENCE = "CC-BY-4.0"
CITATION = """@article{cooke2006grid,
  title={An audio-visual corpus for speech perception and automatic speech recognition},
  author={Cooke, Martin and Barker, Jon and Cunningham, Stuart and Shao, Xu},
  journal={The Journal of the Acoustical Society of America},
  volume={120},
  number={5},
  pages={2421--2424},
  year={2006}
}"""
ACCESS = (
    "Free: one archive per talker from Zenodo, record 3625687, or from the University of Sheffield; "
    "unpack them into one folder."
)
HOMEPAGE = "https://zenodo.org/records/3625687"
LANGUAGE = "en"
SPLITS = None

TALKER = re.compile(r"s([1-9]|[12]\d|3[0-4])")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SLOTS: tuple[dict[str, str], ...] = (
    {word[0]: word for word in ("bin", "lay", "place", "set")},
    {word[0]: word for word in ("blue", "green", "red", "white")},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in LETTERS},
    {"z": "zero", **{str(digit): word for digit, word in enumerate(DIGITS) if digit}},
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
WORDS = {word for slot in SLOTS for word in slot.values()}


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every video, sorted. Raises OptionError for a video that lies in no talker's folder."""
    for path in folder.videos(root, exclude):
        talker = next(
            (part for part in path.relative_to(root).parts if TALKER.fullmatch(part)),
            path.name if stands_for_videos(path) else "",
        )
        if not talker:
            raise wrong_layout(root, path, "s1/… to s34/…")
        found = folder.source(path, path.relative_to(root).as_posix())
        align = align_path(root, path, talker)
        labels = labels_of(align) if align else ()
        yield replace(
            found,
            speaker=talker,
            licence=LICENCE,
            transcript=sentence(path.stem) or " ".join(label for label in labels if label in WORDS),
            phones_path=found.phones_path or (align if are_phones(labels) else None),
        )


def sentence(stem: str) -> str:
    """The sentence that a file's name spells, empty where it is no such name.

    >>> sentence("bbaf2n"), sentence("swwzza"), sentence("clip")
    ('bin blue at f two now', 'set white with z zero again', '')
    """
    words = [slot.get(letter, "") for slot, letter in zip(SLOTS, stem, strict=False)]
    return " ".join(words) if len(stem) == len(SLOTS) and all(words) else ""


def align_path(root: Path, video: Path, talker: str) -> Path | None:
    """Where the video's ``.align`` lies, None if nowhere."""
    near = (
        video.parent,
        video.parent / "align",
        video.parent.parent / "align",
        root / "align" / talker,
        root / "alignments" / talker,
    )
    return next(
        (place for place in (folder / f"{video.stem}.align" for folder in near) if is_file(place)), None
    )


def labels_of(align: Path) -> tuple[str, ...]:
    """What an ``.align`` says, without silence; nothing where it cannot be read."""
    try:
        return tuple(phone.phone for phone in read_align(align) if phone.phone != SILENCE)
    except SourceRefused:
        return ()


def are_phones(labels: tuple[str, ...]) -> bool:
    """Whether all labels are ARPAbet phones. Some of GRID's letters are too, but its verbs, colours and
    prepositions never.

    >>> are_phones(("b", "ih", "n")), are_phones(("bin", "blue", "at", "f")), are_phones(("tʃ", "ə"))
    (True, False, False)
    """
    return bool(labels) and all(map(fold, labels))
