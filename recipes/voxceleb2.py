"""VoxCeleb2: celebrities in interviews on YouTube, face tracks of 224 × 224 at 25 fps with their audio.

Layout (read off public preparation scripts, AV-HuBERT's and others): ``dev|test/mp4/<id>/<YouTube
id>/<utterance>.mp4``. The archive of ``test`` unpacks as ``mp4/…``: unpack it into a folder ``test``. Text
files with face boxes and the separate m4a audio are not read; the mp4 have the audio.

Splits: ``dev`` becomes ``train``; ``dev`` and ``test`` have no person in common. No transcripts, no phones.
Many languages.

Licence as the dataset's page states it, after others who cite it; the videos' own rights are their owners'.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speechlip.recipes import folder
from speechlip.recipes._layout import parts, stands_for_videos, wrong_layout
from speechlip.records import Source

NAME = "voxceleb2"
TITLE = "VoxCeleb2"
LICENCE = "CC-BY-4.0"
CITATION = """@inproceedings{chung2018voxceleb2,
  title={VoxCeleb2: Deep Speaker Recognition},
  author={Chung, Joon Son and Nagrani, Arsha and Zisserman, Andrew},
  booktitle={Interspeech},
  year={2018}
}"""
ACCESS = (
    "By request: the form at the homepage gives a key to the archives; "
    "join their parts and unpack them into dev and test."
)
HOMEPAGE = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox2.html"
SPLITS = ("train", "test")

SPLIT_OF = {"dev": "train", "test": "test"}
PERSON = re.compile(r"id\d{5}")
LAYOUT = "dev|test/mp4/<id00000>/<YouTube id>/<utterance>.mp4"


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every utterance, sorted; a folder may be missing. Raises OptionError where a video lies
    elsewhere.
    """
    for path in folder.videos(root, exclude):
        part, kind, who, _, _ = parts(root, path, LAYOUT)
        as_wanted = kind == "mp4" and PERSON.fullmatch(who)
        if part not in SPLIT_OF or not (as_wanted or stands_for_videos(path)):
            raise wrong_layout(root, path, LAYOUT)
        yield replace(
            folder.source(path, path.relative_to(root).as_posix()),
            speaker=who,
            split=SPLIT_OF[part],
            licence=LICENCE,
        )
