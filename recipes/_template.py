"""What the dataset is, in a line. Copy this file to ``recipes/<name>.py``; the contract test finds it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.recipes import folder
from speechlip.records import Source

NAME = "template"  # the file's name
TITLE = "The dataset's full name"
LICENCE = "unknown"  # SPDX, such as CC-BY-4.0, or "unknown"
CITATION = ""  # BibTeX, as its authors ask to be cited
ACCESS = "Ask its authors at … ; unpack the archives into one folder."
HOMEPAGE = ""
SPLITS = ("train", "validation", "test")  # the official ones, or None


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every video of ``root``, in sorted order; raise OptionError where the folder is not this dataset.

    Here: ``<split>/<speaker>/<clip>.mp4``. Whatever cannot be read is yielded all the same: preparing refuses
    it with a reason.
    """
    for path in folder.videos(root, exclude):
        name = path.relative_to(root).as_posix()
        split, speaker, *_ = [*name.split("/"), ""]
        if split not in SPLITS:
            raise OptionError(
                f"{name} lies in none of the splits {', '.join(SPLITS)}; is {root} the dataset's own folder?"
            )
        yield replace(folder.source(path, name), speaker=speaker, split=split, licence=LICENCE)
