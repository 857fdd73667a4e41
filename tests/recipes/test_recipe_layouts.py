"""The field's datasets as small trees of the same layout: speakers, splits, transcripts, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_dataset import read_tar

import zoo
from speechlip import recipes
from speechlip.commands.cli import speechlip
from speechlip.errors import OptionError
from speechlip.media import listing
from speechlip.phones import read_phones
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.recipes.grid import LETTERS, SLOTS, sentence
from speechlip.recipes.hdtf import person

WORD_ALIGN = (
    "0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 35500 at\n"
    "35500 41000 f\n41000 47250 two\n47250 53000 now\n53000 74500 sil\n"
)
PHONE_ALIGN = "0 10000 sil\n10000 15000 b\n15000 20000 ih1\n20000 26000 n\n26000 50000 sp\n"
PRETRAIN = (
    "Text:  SO WHAT: A TEST\nConf:  4\n\nWORD START END ASDSCORE\nSO 0.05 0.21 8.2\nWHAT 0.21 0.40 7.9\n"
)
TEST = (
    "Text:  WHEN WE TALK\nConf:  5\nRef:   0Fi83BHQsMA\n\n"
    "FRAME \tX \tY \tW \tH\n000153 0.457 0.316 0.115 0.204\n"
)


@pytest.fixture
def put(tmp_path):
    root = tmp_path / "videos"

    def put(*names: str, text: str = "") -> Path:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return root

    return put


def found(recipe: str, root: Path) -> dict:
    return {source.name: source for source in recipes.get(recipe).sources(root)}


def test_lrs3_has_its_splits_talks_and_texts(put):
    put("pretrain/abc/50001.mp4", "trainval/abc/50001.mp4", "trainval/_d-/00002.mp4", "test/xyz/00001.mp4")
    put("pretrain/abc/50001.txt", text=PRETRAIN)
    root = put("test/xyz/00001.txt", text=TEST)
    assert {name: (s.speaker, s.split, s.transcript) for name, s in found("lrs3", root).items()} == {
        "pretrain/abc/50001.mp4": ("abc", "train", "SO WHAT: A TEST"),
        "test/xyz/00001.mp4": ("xyz", "test", "WHEN WE TALK"),
        "trainval/_d-/00002.mp4": ("_d-", "train", ""),
        "trainval/abc/50001.mp4": ("abc", "train", ""),
    }
    assert all(s.phones_path is None and s.licence == "CC-BY-NC-ND-4.0" for s in found("lrs3", root).values())


def test_official_splits_reach_the_plan_and_no_other_is_made(put):
    root = put(
        "pretrain/abc/50001.mp4", "trainval/abc/50001.mp4", "trainval/def/00002.mp4", "test/xyz/00001.mp4"
    )
    options = PrepOptions(recipe="lrs3", detector="sidecar")
    plan = make_plan(list(found("lrs3", root).values()), options)
    talks = {(split, planned.source.speaker) for split, planned in plan.refused}  # the files are empty
    assert talks == {("train", "abc"), ("train", "def"), ("test", "xyz")}


def test_lrs3_takes_a_textgrid_beside_a_video(put):
    root = put("test/xyz/00001.mp4", "test/xyz/00001.TextGrid")
    assert found("lrs3", root)["test/xyz/00001.mp4"].phones_path == root / "test/xyz/00001.TextGrid"


def test_hdtf_speakers_are_the_persons_of_its_lists(put):
    root = put(
        "RD_Radio1_000.mp4",
        "RD_Radio11_003.mp4",
        "WDA_NancyPelosi0_000.mp4",
        "WDA_NancyPelosi1_002.mp4",
        "WRA_RandPaul_000.mp4",
    )
    put(
        "Radio11_0.mp4",
        "WDA_LucilleRoybal-Allard_000.mp4",
        "WDA_WhipJimClyburn_000.mp4",
        "WDA_JamesClyburn1_000.mp4",
    )
    assert {name: source.speaker for name, source in found("hdtf", root).items()} == {
        "RD_Radio11_003.mp4": "Radio11",
        "RD_Radio1_000.mp4": "Radio1",
        "Radio11_0.mp4": "Radio11",
        "WDA_JamesClyburn1_000.mp4": "JamesClyburn",
        "WDA_LucilleRoybal-Allard_000.mp4": "LucilleRoybal-Allard",
        "WDA_NancyPelosi0_000.mp4": "NancyPelosi",
        "WDA_NancyPelosi1_002.mp4": "NancyPelosi",
        "WDA_WhipJimClyburn_000.mp4": "JamesClyburn",
        "WRA_RandPaul_000.mp4": "RandPaul",
    }
    assert all(source.split is None for source in found("hdtf", root).values())


def test_hdtf_numbers_of_radio_videos_are_never_taken_off():
    assert len({person(f"Radio{number}") for number in range(1, 60)}) == 59


@pytest.mark.parametrize(
    ("video", "align"),
    [
        ("s1/bbaf2n.mpg", "s1/bbaf2n.align"),
        ("s1/bbaf2n.mpg", "s1/align/bbaf2n.align"),
        ("s1/video/bbaf2n.mp4", "s1/align/bbaf2n.align"),
        ("s1/bbaf2n.mpg", "alignments/s1/bbaf2n.align"),
        ("video/s1/bbaf2n.mpg", "align/s1/bbaf2n.align"),
    ],
)
def test_grid_finds_phones_in_every_layout(put, video, align):
    put(video)
    root = put(align, text=PHONE_ALIGN)
    source = found("grid", root)[video]
    assert (source.speaker, source.transcript, source.phones_path) == (
        "s1",
        "bin blue at f two now",
        root / align,
    )
    assert [phone.phone for phone in read_phones(source.phones_path)] == ["SIL", "b", "ih1", "n", "SIL"]


def test_grid_words_are_no_phones(put):
    put("s1/bbaf2n.mpg", "s2/renamed.mpg", "s3/pwij3p.mpg", "s4/broken.mpg", "s5/other.mpg")
    put("s1/bbaf2n.align", "s2/renamed.align", "s3/pwij3p.align", text=WORD_ALIGN)
    put("s4/broken.align", text="0 x sil")
    root = put("s5/other.align", text="0 100 tʃ\n100 200 ə\n")
    sources = found("grid", root)
    assert all(source.phones_path is None for source in sources.values())
    said = {name: source.transcript for name, source in sources.items()}
    assert said["s1/bbaf2n.mpg"] == said["s2/renamed.mpg"] == "bin blue at f two now"
    assert (
        said["s3/pwij3p.mpg"] == "place white in j three please"
    )  # the name, for folders of alignments are exchanged
    assert said["s4/broken.mpg"] == said["s5/other.mpg"] == ""


def test_grid_takes_a_textgrid_before_an_align(put):
    root = put("s1/bbaf2n.mpg", "s1/bbaf2n.TextGrid")
    put("s1/bbaf2n.align", text=PHONE_ALIGN)
    assert found("grid", root)["s1/bbaf2n.mpg"].phones_path == root / "s1/bbaf2n.TextGrid"


def test_grid_names_spell_every_sentence_once():
    assert [len(slot) for slot in SLOTS] == [4, 4, 4, 26, 10, 4]
    said = {
        sentence(a + b + c + d + e + f)
        for a in SLOTS[0]
        for b in SLOTS[1]
        for c in SLOTS[2]
        for d in LETTERS
        for e in "z5"
        for f in "an"
    }
    assert len(said) == 4 * 4 * 4 * 26 * 2 * 2 and "" not in said
    assert [sentence(stem) for stem in ("", "bbaf2", "bbaf2nn", "bbaf0n", "xbaf2n", "BBAF2N")] == [""] * 6


def test_voxceleb2_has_its_splits_and_persons(put):
    root = put(
        "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4",
        "dev/mp4/id00012/2DLq_Kkc1r8/00001.mp4",
        "test/mp4/id00017/_x/00002.mp4",
    )
    assert {name: (s.speaker, s.split) for name, s in found("voxceleb2", root).items()} == {
        "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4": ("id00012", "train"),
        "dev/mp4/id00012/2DLq_Kkc1r8/00001.mp4": ("id00012", "train"),
        "test/mp4/id00017/_x/00002.mp4": ("id00017", "test"),
    }


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ("lrs3", "00001.mp4"),
        ("lrs3", "abc/00001.mp4"),
        ("lrs3", "val/abc/00001.mp4"),
        ("lrs3", "lrs3/test/abc/00001.mp4"),
        ("hdtf", "RD_Radio1.mp4"),
        ("hdtf", "interview_001.mp4"),
        ("grid", "bbaf2n.mpg"),
        ("grid", "s35/bbaf2n.mpg"),
        ("voxceleb2", "mp4/id00012/a/00001.mp4"),
        ("voxceleb2", "dev/mp4/a/b/00001.mp4"),
        ("voxceleb2", "dev/aac/id00012/b/00001.mp4"),
        ("voxceleb2", "train/mp4/id00012/b/00001.mp4"),
    ],
)
def test_another_layout_is_refused_with_the_wanted_one(put, recipe, name):
    with pytest.raises(
        OptionError, match=rf"'{name}' in .*videos does not lie as .*<?.*; name the dataset's own folder"
    ):
        found(recipe, put(name))


@pytest.mark.parametrize("locked", ["pretrain", "pretrain/abc"])
def test_a_folder_that_cannot_be_listed_stays_in_the_account(put, monkeypatch, locked):
    root = put("pretrain/abc/1.mp4", "test/xyz/1.mp4")
    seen = listing._listing
    monkeypatch.setattr(listing, "_listing", lambda path: None if path == root / locked else seen(path))
    assert {name: source.split for name, source in found("lrs3", root).items()} == {
        locked: "train",
        "test/xyz/1.mp4": "test",
    }


def test_prep_shards_cuts_the_phones_of_an_align_file(talking, tmp_path, capsys):
    """Two seconds of a synthetic head as GRID's bbaf2n: the clip's phones are those of the file."""
    clip = min(talking.rglob("*.mp4"))
    frames, audio = zoo.read_clip(clip)
    folder = tmp_path / "grid" / "s1"
    (folder / "align").mkdir(parents=True)
    zoo.write_clip(folder / "bbaf2n.mp4", frames[:50], audio[: 50 * 640])
    with np.load(clip.with_suffix(".landmarks.npz"), allow_pickle=False) as marks:
        np.savez(folder / "bbaf2n.landmarks.npz", **{name: marks[name][:50] for name in marks.files})
    (folder / "align" / "bbaf2n.align").write_text(PHONE_ALIGN)
    out = tmp_path / "shards"
    command = [
        "prep-shards",
        str(tmp_path / "grid"),
        "-o",
        str(out),
        "--recipe",
        "grid",
        "--detector",
        "sidecar",
        "--workers",
        "1",
    ]
    with pytest.raises(SystemExit) as ended:
        speechlip(command)
    assert ended.value.code == 0, capsys.readouterr().err
    (shard,) = (out / "data").glob("*.tar")
    (sample,) = read_tar(shard).values()
    spans = [(0, 0.4, "SIL"), (0.4, 0.6, "b"), (0.6, 0.8, "ih1"), (0.8, 1.04, "n"), (1.04, 2.0, "SIL")]
    assert json.loads(sample["phones.json"]) == [
        {"start_s": a, "end_s": b, "phone": phone, "source": "align", "score": None} for a, b, phone in spans
    ]
    meta = json.loads(sample["json"])
    assert (meta["speaker"], meta["transcript"], meta["licence"], meta["start_s"]) == (
        "s1",
        "bin blue at f two now",
        "CC-BY-4.0",
        0,
    )
    about = json.loads((out / "manifest.json").read_text())["about"]
    assert about["title"] == recipes.get("grid").TITLE and "cooke2006" in about["citation"]
