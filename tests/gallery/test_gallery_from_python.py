"""``speechlip.write_gallery`` gives a record, tells how far it is, and prints nothing."""

import json
import re

import pytest
from PIL import Image
from tiny_dataset import write_dataset

import speechlip
from speechlip.progress import Silent


class Recorder(Silent):
    def __init__(self):
        self.stages, self.clips = [], []

    def begin(self, stage, total, unit, done=0.0):
        self.stages.append((stage, total, unit))

    def advance(self, amount=1.0, at=""):
        self.clips.append(at)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_dataset(
        tmp_path_factory.mktemp("gallery") / "shards", {"train": {"anna": (12, 12), "ben": (12,)}}
    )


def test_page_and_montage_are_written_and_nothing_is_printed(shards, tmp_path, capfd):
    told, montage = Recorder(), tmp_path / "wall.png"
    gallery = speechlip.write_gallery(
        shards, tmp_path / "out", speechlip.GalleryOptions(n=2), montage=montage, progress=told
    )
    assert gallery == speechlip.Gallery(tmp_path / "out" / "index.html", 2, montage)
    assert told.stages == [("reading", 2, "clips")] and len(set(told.clips)) == 2
    assert all(key in gallery.page.read_text() for key in told.clips)
    assert Image.open(montage).size == (12 * 96, 2 * 144 + 8) and capfd.readouterr() == ("", "")


def test_what_cannot_be_shown_is_said(shards, tmp_path):
    with pytest.raises(speechlip.SpeechLipError, match="at least one clip must be shown, but -n is 0"):
        speechlip.GalleryOptions(n=0)
    with pytest.raises(speechlip.SpeechLipError, match="no split 'test' with shards"):
        speechlip.write_gallery(shards, tmp_path / "out", speechlip.GalleryOptions(split="test"))
    with pytest.raises(speechlip.SpeechLipError, match=r"must end in \.png, not as wall\.jpg"):
        speechlip.write_gallery(shards, tmp_path / "out", montage="wall.jpg")
    assert not (tmp_path / "out").exists()


def test_where_somebody_speaks_is_shown_and_its_pairs_are_there(tmp_path):
    """Two clips, each with speech in frames 10 to 19: the lane says so, and every pair has it."""
    spoken = {"anna-0": [(10, 20)], "ben-0": [(10, 20)]}
    folder = write_dataset(
        tmp_path / "out", {"train": {"anna": (40,), "ben": (30,)}}, shards=1, spoken=spoken
    )
    page = speechlip.write_gallery(folder, tmp_path / "gallery").page.read_text()
    scripts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    told = [json.loads(script) for script in scripts]
    clips = {each["key"]: each for each in told if "heard" in each}
    assert {key: clip["heard"] for key, clip in clips.items()} == {key: [[0.4, 0.8]] for key in spoken}
    pairs = next(each["pairs"] for each in told if "pairs" in each)
    starts = [start for rows in pairs.values() for row in rows for start in (row[0], row[2])]
    assert len(starts) > 4 and all(8 <= start <= 17 for start in starts)
