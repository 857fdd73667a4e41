"""``speechlip.write_gallery`` gives a record, tells how far it is, and prints nothing."""

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
