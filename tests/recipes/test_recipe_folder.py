"""Every tree that people have: odd names, links, metadata, sidecars."""

import os
from pathlib import Path

import pytest
from speechlip.errors import OptionError
from speechlip.recipes.folder import sources


@pytest.fixture
def put(tmp_path):
    root = tmp_path / "videos"
    root.mkdir()

    def put(name: str, text: str = "") -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return root

    return put


def names(root: Path, **more) -> list[str]:
    return [source.name for source in sources(root, **more)]


def test_endings_in_any_case_and_nothing_else(put):
    wanted = ["a.AVI", "b.mp4", "c.MOV", "d.mkv", "e.WebM", "f.mpg", "g.mpeg", "h.M4V"]
    for name in [*wanted, "x.txt", "x.mp3", "mp4", "y.mp4.part", ".DS_Store", "._b.mp4", ".hidden/z.mp4"]:
        root = put(name)
    assert names(root) == wanted


def test_speaker_is_the_first_folder_or_the_stem(put):
    for name in ("anna/x/1.mp4", "anna/2.mp4", "ben/1.mp4", "carl.v2.mp4"):
        root = put(name)
    assert {source.name: source.speaker for source in sources(root)} == {
        "anna/2.mp4": "anna",
        "anna/x/1.mp4": "anna",
        "ben/1.mp4": "ben",
        "carl.v2.mp4": "carl.v2",
    }


@pytest.mark.parametrize(
    "name", ["two words.mp4", 'it\'s "so".mp4', "new\nline.mp4", "žluťoučký 口.mp4", "a.b.c.mp4", "-rf.mp4", "$(x);`y`.mp4"]
)
def test_odd_names(put, name):
    root = put(f"odd {name[:2]}/{name}")
    put(f"odd {name[:2]}/{name[:-4]}.TextGrid")
    (source,) = sources(root)
    assert source.path.is_file() and source.name.endswith(name) and source.phones_path.is_file()


def test_one_video_as_root(put):
    path = put("deep/one.mp4") / "deep/one.mp4"
    put("deep/two.mp4")
    (source,) = sources(path)
    assert (source.name, source.speaker, source.path) == ("one.mp4", "one", path)


def test_files_beside_a_video(put):
    for name in ("a.b.mp4", "a.b.TextGrid", "a.b.landmarks.npz", "c.mp4"):
        root = put(name)
    put("a.b.txt", " Guten Tag, Ömer \n")
    first, second = sources(root)
    assert (first.phones_path, first.landmarks_path) == (root / "a.b.TextGrid", root / "a.b.landmarks.npz")
    assert first.transcript == "Guten Tag, Ömer"
    assert (second.phones_path, second.landmarks_path, second.transcript) == (None, None, "")


def test_empty_folder_yields_nothing(put):
    assert names(put("x.txt")) == []


def test_folder_links_are_entered_once_and_loops_end(put, tmp_path):
    root = put("real/a.mp4")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.mp4").touch()
    for link, target in (("aaa", root / "real"), ("real/up", root), ("above", tmp_path), ("far", elsewhere), ("self", root / "self")):
        (root / link).symlink_to(target)
    (root / "linked.mp4").symlink_to(root / "real/a.mp4")
    (root / "gone.mp4").symlink_to(root / "nothing.mp4")
    assert names(root) == ["far/b.mp4", "gone.mp4", "linked.mp4", "real/a.mp4"]


def test_output_inside_input_is_left_out(put):
    put("a.mp4")
    root = put("shards/b.mp4")
    assert names(root, exclude=root / "shards") == ["a.mp4"]
    assert names(root, exclude=root / "x" / ".." / "shards") == ["a.mp4"]


def test_a_folder_that_cannot_be_listed_becomes_a_source(put, monkeypatch):
    put("a.mp4")
    root = put("locked/b.mp4")
    if os.geteuid():
        (root / "locked").chmod(0)
    else:  # nothing is locked for root
        scandir = os.scandir
        monkeypatch.setattr(os, "scandir", lambda path: scandir(root / "missing" if Path(path).name == "locked" else path))
    assert names(root) == ["a.mp4", "locked"]
    (root / "locked").chmod(0o755)


def test_metadata_names_speaker_split_transcript_licence(put):
    put("x/1.mp4")
    put("x/2.mp4")
    root = put("ben é.mp4")
    rows = 'file,speaker,split,transcript,licence\nx/1.mp4,anna,test,"Well, hello",CC-BY-4.0\nben e\u0301.mp4,,,,\n'
    put("metadata.csv", "\ufeff" + rows)
    found = {source.name: (source.speaker, source.split, source.transcript, source.licence) for source in sources(root)}
    assert found == {
        "x/1.mp4": ("anna", "test", "Well, hello", "CC-BY-4.0"),
        "x/2.mp4": ("x", None, "", "unknown"),
        "ben é.mp4": ("ben é", None, "", "unknown"),
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,spekar\na.mp4,x\n", "unknown columns 'spekar'; it may have: file, speaker, split, transcript, licence"),
        ("speaker\nx\n", "no column 'file'"),
        ("", "no column 'file'"),
        ("file\na.mp4\nb.mp4\n", "row 3 names 'b.mp4', and there is no such video"),
        ("file\n../a.mp4\n", "no such video"),
        ("file,speaker\na.mp4,x\na.mp4,y\n", "row 3 names 'a.mp4' a second time"),
        ("file,split\na.mp4,dev\n", "split 'dev'; it may be: train, validation, test"),
        ("file,speaker\na.mp4,Smith, Jane\n", "more cells than columns"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(put, table, message):
    put("a.mp4")
    root = put("metadata.csv", table)
    with pytest.raises(OptionError, match=message.replace("(", r"\(")):
        list(sources(root))


def test_metadata_in_another_encoding_is_refused(put):
    root = put("a.mp4")
    (root / "metadata.csv").write_bytes("file,speaker\na.mp4,Zoë\n".encode("latin-1"))
    with pytest.raises(OptionError, match="not a CSV file in UTF-8"):
        list(sources(root))
