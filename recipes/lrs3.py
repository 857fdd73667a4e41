"""LRS3-TED: sentences from TED and TEDx talks, as face tracks of 224 × 224 at 25 fps.

Layout (read off public preparation scripts, AV-HuBERT's and auto-avsr's): ``pretrain|trainval|test/<YouTube
id>/<utterance>.mp4``, a ``.txt`` of the same name beside each. Its first line is ``Text:  …``, its second
``Conf:  …``; in ``pretrain`` a table ``WORD START END ASDSCORE`` follows.

The transcript is kept. Word times are not: the shard format holds phones, and words are none. For phones,
align the text (Montreal Forced Aligner) and put each TextGrid beside its video.

Splits: ``pretrain`` and ``trainval`` become ``train``, for they have talks in common; ``test`` has none of
theirs. The speaker is the talk: the dataset does not say which talks one person gave.

Licence, not read at its source, for the pages are gone: the dataset's page named CC BY 4.0, TED's terms for
the talks are CC BY-NC-ND 4.0. The narrower one is declared, for it is what the images and the audio are
under.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speechlip.recipes import folder
from speechlip.recipes._layout import parts, wrong_layout
from speechlip.records import Source

NAME = "lrs3"
TITLE = "LRS3-TED, Lip Reading Sentences 3"
LICENCE = "CC-BY-NC-ND-4.0"
CITATION = """@article{afouras2018lrs3,
  title={LRS3-TED: a large-scale dataset for visual speech recognition},
  author={Afouras, Triantafyllos and Chung, Joon Son and Zisserman, Andrew},
  journal={arXiv preprint arXiv:1809.00496},
  year={2018}
}"""
ACCESS = (
    "No longer handed out, as its page says. "
    "Who has a copy has it under TED's terms: shards are adaptations, and stay unpublished."
)
HOMEPAGE = "https://mmai.io/datasets/lip_reading/"
LANGUAGE = "en"
SPLITS = ("train", "test")

SPLIT_OF = {"pretrain": "train", "trainval": "train", "test": "test"}
LAYOUT = "pretrain|trainval|test/<YouTube id>/<utterance>.mp4"


def sources(root: Path, exclude: Path | None = None) -> Iterator[Source]:
    """Yield every utterance, sorted; a folder may be missing. Raises OptionError for a video elsewhere."""
    for path in folder.videos(root, exclude):
        part, talk, _ = parts(root, path, LAYOUT)
        if part not in SPLIT_OF:
            raise wrong_layout(root, path, LAYOUT)
        found = folder.source(path, path.relative_to(root).as_posix())
        yield replace(
            found,
            speaker=talk,
            split=SPLIT_OF[part],
            licence=LICENCE,
            transcript=spoken_text(found.transcript),
        )


def spoken_text(text: str) -> str:
    """The transcript in an utterance's text file, empty where it has none.

    >>> spoken_text("Text:  SO WHAT DO WE DO\\nConf:  4\\n\\nWORD START END ASDSCORE\\nSO 0.05 0.21 8.2")
    'SO WHAT DO WE DO'
    """
    lines = (line.partition(":") for line in text.splitlines())
    return next((said.strip() for key, _, said in lines if key.strip() == "Text"), "")
