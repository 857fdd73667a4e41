"""A data set as source: videos as they are, images and audio without loss, splits, rows without a video."""

import io
import os
import re
from pathlib import Path

import av
import datasets
import numpy as np
import pyarrow as pa
import pytest
import soundfile
from PIL import Image
from pyarrow import parquet

import zoo
from speechlip.commands.cli import speechlip
from speechlip.errors import OptionError, SourceRefused, WriteError
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.recipes import hf

FPS = 30000 / 1001


def found(root: Path, **more) -> list:
    return list(hf.sources(root, **more))


def write(path: Path, **columns) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)
    return path


def held(*files: bytes | None, path: str | None = None) -> list[dict]:
    return [{"bytes": data, "path": path} for data in files]


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()


def wav(samples: np.ndarray, rate: int = 22050) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture(scope="module")
def noisy():
    """20 noisy images of odd size and their stereo audio."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (20, 33, 47, 3), np.uint8), rng.integers(-30000, 30000, (14715, 2)).astype(
        np.int16
    )


@pytest.fixture(scope="module")
def small_video(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("video") / "x.mp4"
    zoo.write_clip(path, np.full((25, 64, 64, 3), 90, np.uint8), np.arange(16000, dtype=np.int16) % 999)
    return path.read_bytes()


def images_row(images, samples, fps=FPS) -> dict:
    return {"image": [held(*map(png, images))], "audio": held(wav(samples)), "fps": [fps]}


def test_embedded_videos_are_written_as_they_are(tmp_path, small_video):
    columns = {
        "speaker": ["anna", None],
        "transcript": ["hello", None],
        "licence": ["CC0-1.0", None],
        "other": [1, 2],
    }
    write(tmp_path / "faces.parquet", video=held(small_video, b"two", path="dir/A clip.MOV"), **columns)
    first, second = found(tmp_path)
    assert first.path.read_bytes() == small_video and second.path.read_bytes() == b"two"
    assert first.path.parent == tmp_path / ".speechlip/faces" and (first.name, second.name) == (
        "faces/000000.mov",
        "faces/000001.mov",
    )
    assert (first.speaker, first.transcript, first.licence, first.split) == ("anna", "hello", "CC0-1.0", None)
    assert (second.speaker, second.transcript, second.licence) == ("faces/000001", "", "unknown")
    assert probe(first.path).video_duration_s == pytest.approx(1.0)


def test_images_and_audio_are_read_as_any_video_is(tmp_path, noisy, capsys):
    """At 25 fps and 16 kHz, prep-shards' own reader gives each image with its 640 samples."""
    images, _ = noisy
    audio = np.random.default_rng(1).integers(-30000, 30000, (20 * 640, 1)).astype(np.int16)
    write(tmp_path / "a.parquet", image=[held(*map(png, images))], audio=held(wav(audio, 16000)), fps=[25])
    (source,) = found(tmp_path)
    read = list(read_frames(source.path, probe(source.path), "pyav"))
    assert np.array_equal(np.stack([frame.image.rgb() for frame in read]), images)
    assert np.array_equal(np.concatenate([frame.samples for frame in read]), audio[:, 0])
    with pytest.raises(SystemExit) as ended:
        speechlip(
            ["prep-shards", str(tmp_path), "-o", str(tmp_path / "shards"), "--recipe", "hf", "--dry-run"]
        )
    assert ended.value.code == 0 and "1 video, 0:00.8" in capsys.readouterr().out


def test_a_second_time_nothing_is_written_and_a_changed_row_is(tmp_path, small_video):
    write(tmp_path / "faces.parquet", video=held(small_video, b"two"))
    before = found(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}
    assert len(stamps) == 2 and found(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")} == stamps
    write(tmp_path / "faces.parquet", video=held(small_video, b"new"))
    after = found(tmp_path)
    assert after[0] == before[0] and after[1].path != before[1].path and after[1].path.read_bytes() == b"new"


def test_what_save_to_disk_wrote_is_read_with_its_splits(tmp_path, small_video):
    (tmp_path / "x.mp4").write_bytes(small_video)
    features = datasets.Features({"video": datasets.Video(), "speaker": datasets.Value("string")})
    one = datasets.Dataset.from_dict(
        {"video": [str(tmp_path / "x.mp4")], "speaker": ["anna"]}, features=features
    )
    two = datasets.Dataset.from_dict(
        {"video": [str(tmp_path / "x.mp4")], "speaker": ["ben"]}, features=features
    )
    datasets.DatasetDict({"train": one, "dev": two}).save_to_disk(tmp_path / "both")
    one.save_to_disk(tmp_path / "alone" / "train")
    (tmp_path / "both" / "train" / "cache-1234.arrow").write_bytes(b"left behind by map")
    (tmp_path / "both" / "train" / "data-of-another-time.arrow").write_bytes(b"not named by state.json")
    assert [(s.speaker, s.split) for s in found(tmp_path / "both")] == [
        ("ben", "validation"),
        ("anna", "train"),
    ]
    assert all(source.path.read_bytes() == small_video for source in found(tmp_path / "both"))
    assert [source.split for source in found(tmp_path / "alone")] == [None]  # one split is none


def test_splits_of_files_and_of_rows(tmp_path):
    write(tmp_path / "data/train-00000-of-00001.parquet", video=held(b"1"))
    write(tmp_path / "data/test-00000-of-00001.parquet", video=held(b"2"))
    write(tmp_path / "more.parquet", video=held(b"3", b"4"), split=["val", None])
    assert [source.split for source in found(tmp_path)] == ["test", "train", "validation", None]
    write(tmp_path / "more.parquet", video=held(b"3"), split=["../../up"])
    with pytest.raises(
        OptionError, match=r"row more/000000 has split '../../up'; it may be: train, validation"
    ):
        found(tmp_path)


def test_feather_files_are_read_too(tmp_path):
    table = pa.table({"video": held(b"1", b"2", b"3")})
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as out:
        out.write_table(table, max_chunksize=2)
    assert [source.path.read_bytes() for source in found(tmp_path)] == [b"1", b"2", b"3"]


OUTSIDE = "file outside the data set's folder"


@pytest.mark.parametrize("cell", ["text", "struct"])
def test_a_row_may_name_files_of_the_data_set_only(tmp_path, small_video, cell, capsys):
    """Whatever a stranger's table names would go out with the shards, under the table's licence."""
    root = tmp_path / "set"
    (root / "data").mkdir(parents=True)
    (tmp_path / "private.mp4").write_bytes(small_video)
    (root / "link.mp4").symlink_to(tmp_path / "private.mp4")
    (root / "folder").symlink_to(tmp_path)
    (root / "own.mp4").write_bytes(small_video)
    (root / "inner.mp4").symlink_to(root / "own.mp4")
    names = ["../own.mp4", "../inner.mp4", str(root / "own.mp4"), "x" * 5000]
    names += [
        str(tmp_path / "private.mp4"),
        "../../private.mp4",
        "../link.mp4",
        "../folder/private.mp4",
        "a\0b",
        "../own.mp4/../../../private.mp4",
    ]
    write(
        root / "data/a.parquet",
        video=names if cell == "text" else [{"bytes": None, "path": name} for name in names],
    )
    sources = found(root)
    assert [source.refusal for source in sources] == [""] * 4 + [OUTSIDE] * 6
    assert all(source.path.resolve().is_relative_to(root) for source in sources)
    with pytest.raises(SystemExit) as ended:
        speechlip(["prep-shards", str(root), "-o", str(tmp_path / "shards"), "--recipe", "hf", "--dry-run"])
    assert (
        ended.value.code == 0
        and f"6 will be refused, {OUTSIDE}: data/a/000004.mp4" in capsys.readouterr().out
    )


def test_tables_and_unpacked_files_behind_links_are_refused(tmp_path, small_video):
    root, elsewhere = tmp_path / "set", tmp_path / "elsewhere"
    write(elsewhere / "private.parquet", video=held(small_video))
    write(root / "a.parquet", video=held(small_video))
    (root / ".speechlip").symlink_to(elsewhere)
    with pytest.raises(WriteError, match=r"\.speechlip/a/.* behind, a link out of .*; remove that link"):
        found(root)
    assert sorted(path.name for path in elsewhere.iterdir()) == ["private.parquet"]
    (root / "b.parquet").symlink_to(elsewhere / "private.parquet")
    with pytest.raises(OptionError, match=r"b\.parquet is a link out of .*; copy the table there"):
        found(root)


def test_the_hubs_cache_is_one_folder(tmp_path, small_video):
    """snapshots/<revision>/ holds links to ../../blobs/."""
    snapshot = tmp_path / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    write(tmp_path / "blobs" / "aa", video=["clip.mp4"])
    (tmp_path / "blobs" / "bb").write_bytes(small_video)
    (snapshot / "a.parquet").symlink_to("../../blobs/aa")
    (snapshot / "clip.mp4").symlink_to("../../blobs/bb")
    assert [source.path.read_bytes() for source in found(snapshot)] == [small_video]


def test_videos_named_by_path_stay_where_they_are(tmp_path, small_video):
    (tmp_path / "x.mp4").write_bytes(small_video)
    write(
        tmp_path / "data/a.parquet",
        video=[{"bytes": None, "path": str(tmp_path / "x.mp4")}, {"bytes": None, "path": "../x.mp4"}],
    )
    first, second = found(tmp_path)
    assert (
        first.path == tmp_path / "x.mp4"
        and second.path.samefile(first.path)
        and first.name == "data/a/000000.mp4"
    )
    assert not (tmp_path / ".speechlip").exists()


def test_an_address_is_not_fetched_but_accounted_for(tmp_path):
    write(tmp_path / "a.parquet", video=["https://example.org/x.mp4"])
    (source,) = found(tmp_path)
    with pytest.raises(SourceRefused, match="missing file"):
        probe(source.path)


def test_images_and_audio_come_out_without_loss(tmp_path, noisy):
    images, samples = noisy
    write(tmp_path / "a.parquet", **images_row(images, samples))
    (source,) = found(tmp_path)
    assert source.name.endswith(".mkv")
    with av.open(str(source.path)) as container:
        frames = list(container.decode(video=0))
    with av.open(str(source.path)) as container:
        heard = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)])
        rate = container.streams.audio[0].sample_rate
    assert np.array_equal(np.stack([frame.to_ndarray(format="rgb24") for frame in frames]), images)
    assert np.array_equal(heard, samples) and rate == 22050
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(20) / FPS, atol=0.00051)
    again = write(tmp_path / "copy" / "a.parquet", **images_row(images, samples))
    assert found(again.parent)[0].path.read_bytes() == source.path.read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"audio": held(b"no sound")}, "the audio cannot be read"),
        ({"audio": held(None)}, "the audio cannot be read"),
        ({"image": [held(b"no image")]}, "an image cannot be read"),
        ({"image": [[]]}, "images of one size"),
        (
            {"image": [held(png(np.zeros((4, 6, 3), np.uint8)), png(np.zeros((6, 4, 3), np.uint8)))]},
            r"got sizes \[\(4, 6, 3\), \(6, 4, 3\)\]",
        ),
        ({"image": held(b"")}, "image must be a list of images; one image does not talk"),
        ({"fps": [0.0]}, "1 to 240 images a second are wanted"),
        ({"fps": [float("nan")]}, "fps nan"),
        ({"fps": pa.nulls(1, pa.float32())}, "1 to 240 images a second are wanted"),
        ({"audio": held(wav(np.zeros((99, 3), np.int16)))}, "3 channels"),
    ],
)
def test_a_row_that_gives_no_video_is_told_of_and_refused(tmp_path, noisy, change, reason):
    images, samples = noisy
    write(tmp_path / "a.parquet", **images_row(images[:2], samples) | change)
    (source,) = found(tmp_path)
    assert source.refusal == "no video in this row" and re.search(reason, source.refusal_detail)
    assert found(tmp_path) == [source] and not any(
        path.is_file() for path in (tmp_path / ".speechlip").rglob("*")
    )


def test_an_empty_video_is_refused_too(tmp_path):
    write(
        tmp_path / "a.parquet", video=pa.array([None], pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    )
    assert found(tmp_path)[0].refusal_detail == "video is empty"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"image": [[b""]], "audio": [b""]},
            "has the columns image, audio; wanted: video, or audio, image and fps; rename_column",
        ),
        ({"film": [b""]}, "has the columns film"),
    ],
)
def test_other_columns_are_refused_before_anything_is_written(tmp_path, columns, message):
    write(tmp_path / "a.parquet", video=held(b"1"))
    write(tmp_path / "b.parquet", **columns)
    with pytest.raises(OptionError, match=f"b.parquet {message}"):
        found(tmp_path)
    assert not (tmp_path / ".speechlip").exists()


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_damaged_and_missing_tables_are_refused(tmp_path, name):
    with pytest.raises(OptionError, match=r"no \.parquet or \.arrow file in"):
        found(tmp_path)
    (tmp_path / name).write_bytes(b"this is no table, whatever it is called")
    with pytest.raises(OptionError, match=f"{name} cannot be read as a table: .*; fetch it again"):
        found(tmp_path)


def test_a_folder_that_cannot_be_listed_is_refused_by_name(tmp_path, monkeypatch):
    write(tmp_path / "train" / "a.parquet", video=held(b"1"))
    write(tmp_path / "test" / "b.parquet", video=held(b"2"))
    scandir = os.scandir

    def locked(path="."):
        if Path(path).name == "test":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)  # root may list any folder, so a mode would not do
    with pytest.raises(
        OptionError,
        match=f"the folder {tmp_path}/test cannot be listed \\(Permission denied\\): .*make it readable",
    ):
        found(tmp_path)
    assert len(found(tmp_path, exclude=tmp_path / "test")) == 1


def test_the_shards_inside_the_folder_are_no_source(tmp_path):
    write(tmp_path / "a.parquet", video=held(b"1"))
    write(tmp_path / "shards/pairs/test.parquet", lips_key=["x"])
    write(tmp_path / ".hidden/b.parquet", lips_key=["x"])
    assert len(found(tmp_path, exclude=tmp_path / "shards")) == 1


def test_only_the_rows_that_are_asked_for_are_written(tmp_path):
    write(tmp_path / "a.parquet", video=held(*(bytes([i]) for i in range(1, 9))))
    next(iter(hf.sources(tmp_path)))
    assert len(list(tmp_path.rglob("*.mp4"))) == 1


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    write(tmp_path / "a.parquet", video=held(b"1"))
    (tmp_path / ".speechlip").write_text("in the way")
    with pytest.raises(WriteError, match=r"cannot write to .*\.speechlip.*copy the data set"):
        found(tmp_path)
