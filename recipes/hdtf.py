"""HDTF: high-definition talking faces from YouTube, politicians and radio hosts.

Its authors hand out lists of addresses, times and crops; clips are cut by their script. Names:
``WDA_BarackObama_000.mp4``, that is list (RD, WDA or WRA), video, clip; as their README has it also without
the list, ``Radio11_0.mp4``. The clips may lie at any depth.

Speaker, from the lists: a video of WDA or WRA bears a person's name and, where there are several, a number
(``NancyPelosi0``, ``NancyPelosi1``); the number is taken off. ``WhipJimClyburn`` and ``JamesClyburn1`` are
one address, so they are one person. Videos of RD are only numbered (``Radio11``): there each video counts as
a speaker, and one host may be several.

The authors' ``download.py`` asks for images without audio (``bestvideo``): such clips end in the ledger as
``no audio stream``. Download with audio. No official splits. Licence as their README states it; the videos'
own rights are their owners'.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speechlip.recipes import folder
from speechlip.recipes._layout import stands_for_videos, wrong_layout
from speechlip.records import Source

NAME = "hdtf"
TITLE = "HDTF, High-Definition Talking Face"
LICENCE = "CC-BY-4.0"
CITATION = """@inproceedings{zhang2021flow,
  title={Flow-Guided One-Shot Talking Face Generation With a High-Resolution Audio-Visual Dataset},
  author={Zhang, Zhimeng and Li, Lincheng and Ding, Yu and Fan, Changjie},
  booktitle={Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages={3661--3670},
  year={2021}
}"""
ACCESS = (
    "Lists of YouTube addresses, times and crops at the homepage; "
    "download and cut the videos yourself, with their sound."
)
HOMEPAGE = "https://github.com/MRzzm/HDTF"
SPLITS = None

CLIP = re.compile(r"(?:(?:RD|WDA|WRA)_)?(?P<video>[A-Z][A-Za-z-]+\d*)_\d+")
SAME_PERSON = {"WhipJimClyburn": "JamesClyburn"}


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every clip, sorted. Raises OptionError for a video that is not named as HDTF's clips are."""
    for path in folder.videos(root, exclude):
        name = CLIP.fullmatch(path.stem)
        if not name and not stands_for_videos(path):
            raise wrong_layout(root, path, "<RD|WDA|WRA>_<video>_<clip number>.mp4")
        speaker = person(name["video"]) if name else path.name
        yield replace(
            folder.source(path, path.relative_to(root).as_posix()), speaker=speaker, licence=LICENCE
        )


def person(video: str) -> str:
    """Who speaks in a video of the authors' lists.

    >>> person("NancyPelosi1"), person("LucilleRoybal-Allard"), person("WhipJimClyburn"), person("Radio11")
    ('NancyPelosi', 'LucilleRoybal-Allard', 'JamesClyburn', 'Radio11')
    """
    if video.startswith("Radio"):
        return video
    name = video.rstrip("0123456789")
    return SAME_PERSON.get(name, name)
