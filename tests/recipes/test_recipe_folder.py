"""Every tree that people have: odd names, links, metadata, sidecars."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from speechlip.errors import OptionError
from speechlip.exporting.job import find_tasks
from speechlip.recipes.folder import sources
from speechlip.scoring.renders import tasks


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


ENDINGS = """
3g2 3gp asf avi dv flv m2ts m4v mkv mov mp4 mpeg mpg MTS mxf ogv qt rm ts vob webm wmv y4m
"""


def test_endings_in_any_case_and_nothing_else(put):
    wanted = sorted(
        ["a.AVI", "e.WebM", "h.M4V", "y.mp4.part", "z.LRV", *(f"x.{ending}" for ending in ENDINGS.split())]
    )
    for name in [
        *wanted,
        "x.txt",
        "x.mp3",
        "x.png",
        "x.TextGrid",
        "x.wav",
        "mp4",
        ".DS_Store",
        "._b.mp4",
        ".hidden/z.mp4",
    ]:
        root = put(name)
    assert names(root) == wanted


def test_all_commands_find_the_same_files(put, tmp_path):
    for name in ("00001.MTS", "a/movie.wmv", "a/phone.3gp", "tape.dv", "late.mp4.part", "x.txt", "x.wav"):
        root = put(name)
    (root / "take-7").write_bytes(b"FLV\x01\x05" + bytes(99))
    found = sorted(names(root))
    assert found == ["00001.MTS", "a/movie.wmv", "a/phone.3gp", "late.mp4.part", "take-7", "tape.dv"]
    assert sorted(task.name for task in find_tasks(root, tmp_path / "features")) == found
    assert sorted(task.clip for task in tasks(root)) == found


def test_source_code_is_no_transport_stream(put):
    put("src/app.ts", "export const größe = 1\n" * 400)
    assert names(put("src/mod.mts", "import x from 'y'\n")) == []


@pytest.mark.parametrize(
    "container", ["mp4", "mov", "matroska", "avi", "mpegts", "flv", "asf", "ogg", "mpeg", "nut", "mxf", "dv"]
)
def test_a_video_under_a_name_that_says_nothing_is_found_by_its_bytes(tmp_path, container):
    """Written by FFmpeg's own muxers, so that no signature is checked against the list it came from."""
    write_video(tmp_path / "take-7", container)
    write_video(tmp_path / "take-8.xyz", container)
    write_video(tmp_path / "Unconfirmed.crdownload", container)
    write_video(tmp_path / "clip.bin", container)
    assert names(tmp_path) == ["Unconfirmed.crdownload", "clip.bin", "take-7", "take-8.xyz"]


def test_audio_and_images_under_such_names_are_no_videos(tmp_path):
    for place, (container, codec) in enumerate(
        [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "libopus")]
    ):
        with av.open(str(tmp_path / f"{place}.xyz"), "w", format=container) as out:
            stream = out.add_stream(codec, rate=16000, layout="mono")
            for packet in [*stream.encode(silence(stream.format.name)), *stream.encode()]:
                out.mux(packet)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF"):
        Image.new("RGB", (64, 64), "red").save(tmp_path / f"{kind}.xyz", kind)
    (tmp_path / "photo.xyz").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    (tmp_path / "notes.xyz").write_text("G" * 1000)
    os.mkfifo(tmp_path / "pipe.xyz")
    assert names(tmp_path) == []


CODECS = {"ogg": "libvpx", "dv": "dvvideo", "flv": "flv", "mpeg": "mpeg2video", "mxf": "mpeg2video"}


def write_video(path, container):
    """Ten images in a codec that the container carries; a DV file is its packets, one after the other."""
    size = (720, 576, "yuv420p") if container == "dv" else (160, 128, "yuv420p")
    with av.open(str(path), "w", format="avi" if container == "dv" else container) as out:
        stream = out.add_stream(CODECS.get(container, "mpeg4"), rate=25)
        stream.width, stream.height, stream.pix_fmt = size
        packets = [packet for _ in range(10) for packet in stream.encode(av.VideoFrame(*size))]
        packets += stream.encode()
        raw = b"".join(map(bytes, packets))
        for packet in packets:
            out.mux(packet)
    if container == "dv":
        path.write_bytes(raw)


def silence(name):
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
    frame.sample_rate = 16000
    return av.AudioResampler(name, "mono", 16000).resample(frame)[0]


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
    "name",
    [
        "two words.mp4",
        'it\'s "so".mp4',
        "new\nline.mp4",
        "žluťoučký 口.mp4",
        "a.b.c.mp4",
        "-rf.mp4",
        "$(x);`y`.mp4",
    ],
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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_transcript_may_begin_with_the_mark_of_its_encoding(put, encoding):
    root = put("a.mp4")
    (root / "a.txt").write_bytes("Grüß Gott".encode(encoding))
    assert next(iter(sources(root))).transcript == "Grüß Gott"


def test_empty_folder_yields_nothing(put):
    assert names(put("x.txt")) == []


def test_folder_links_are_entered_once_and_loops_end(put, tmp_path):
    root = put("real/a.mp4")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.mp4").touch()
    for link, target in (
        ("aaa", root / "real"),
        ("real/up", root),
        ("above", tmp_path),
        ("far", elsewhere),
        ("self", root / "self"),
    ):
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
        monkeypatch.setattr(
            os, "scandir", lambda path: scandir(root / "missing" if Path(path).name == "locked" else path)
        )
    assert names(root) == ["a.mp4", "locked"]
    (root / "locked").chmod(0o755)


def test_metadata_names_speaker_split_transcript_licence(put):
    put("x/1.mp4")
    put("x/2.mp4")
    root = put("ben é.mp4")
    rows = (
        'file,speaker,split,transcript,licence\nx/1.mp4,anna,test,"Well, hello",CC-BY-4.0\n'
        "ben e\u0301.mp4,,,,\n"
    )
    put("metadata.csv", "\ufeff" + rows)
    found = {
        source.name: (source.speaker, source.split, source.transcript, source.licence)
        for source in sources(root)
    }
    assert found == {
        "x/1.mp4": ("anna", "test", "Well, hello", "CC-BY-4.0"),
        "x/2.mp4": ("x", None, "", "unknown"),
        "ben é.mp4": ("ben é", None, "", "unknown"),
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,mood,mood\na.mp4,x,y\n", "has the column 'mood' twice; keep one of them"),
        ("file,licence,license\na.mp4,x,y\n", "has the column 'licence' twice"),
        ("speaker\nx\n", "no column 'file'"),
        ("", "no column at all, and no column 'file'"),
        (
            "file;speaker\na.mp4;x\n",
            "has 'file;speaker', and no column 'file', .*; commas between file, speaker",
        ),
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


@pytest.mark.parametrize("column", ["file_name", "path", "File"])
def test_metadata_under_other_names_and_with_columns_of_its_own(put, column):
    put("b.mp4")
    put("a.mp4")
    root = put("metadata.csv", f'{column},License,mood, age ,\na.mp4,CC-BY-4.0,"glad, very",041,x\n')
    first, second = sources(root)
    assert (first.licence, first.more) == ("CC-BY-4.0", {"mood": "glad, very", "age": "041", "column_5": "x"})
    assert (second.licence, second.more) == ("unknown", {"mood": "", "age": "", "column_5": ""})


def test_of_two_columns_for_the_video_the_first_name_counts(put):
    put("a.mp4")
    root = put("metadata.csv", "path,file\n/data/raw/1.mp4,a.mp4\n")
    assert [source.more for source in sources(root)] == [{"path": "/data/raw/1.mp4"}]


def test_a_transcript_is_not_read_from_elsewhere(put, tmp_path):
    """A link in a folder of somebody else's could name any file, whose text would go into the shards."""
    root = put("a.mp4")
    (tmp_path / "secret").write_text("word for word")
    (root / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(
        OptionError,
        match=r"a\.txt is a link to .*secret, outside .*; copy the transcript there, or remove the link",
    ):
        list(sources(root))
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(put("texts/1.txt", "inside") / "texts/1.txt")
    assert [source.transcript for source in sources(root)] == ["inside"]
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("a.mp4", "a.txt"):  # video and text are links to one folder: that folder is meant
        (linked / name).symlink_to(
            (root / name).resolve().with_name(name) if name == "a.mp4" else root / "b.txt"
        )
    (root / "b.txt").write_text("beside the video")
    assert [source.transcript for source in sources(linked)] == ["beside the video"]


def test_metadata_in_another_encoding_is_refused(put):
    root = put("a.mp4")
    (root / "metadata.csv").write_bytes("file,speaker\na.mp4,Zoë\n".encode("latin-1"))
    with pytest.raises(OptionError, match="not a CSV file in UTF-8"):
        list(sources(root))


@pytest.mark.parametrize("stem", ["x" * 251, "ü" * 125])
def test_names_as_long_as_a_name_may_be_are_videos_like_others(tmp_path, stem):
    """What may lie beside them, ``NAME.landmarks.npz``, would be longer than any file's name."""
    from speechlip.files.writing import write_text
    from speechlip.scoring.clip.faces import as_source

    (tmp_path / f"{stem}.mp4").write_bytes(b"")
    (tmp_path / "a.mp4").write_bytes(b"")
    assert sorted(source.name for source in sources(tmp_path)) == ["a.mp4", f"{stem}.mp4"]
    assert as_source(tmp_path / f"{stem}.mp4").landmarks_path is None
    (tmp_path / "out").mkdir()
    write_text(tmp_path / "out" / f"{stem}.csv", "words")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{stem}.csv"], (
        "nor is there room for .part behind it"
    )
