"""``speechlip.ShardWriter``: own clips become a folder that every reader takes, or nothing at all."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

import speechlip
from checker import check_shards
from own_clips import contents, corpus, made, members, write
from speechlip import Clip, ClipQuality, Phone, ShardOptions, ShardWriter, Source
from speechlip.errors import OptionError
from speechlip.shards.checks.verify import verify


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"title": None}, "title is None, wanted text"),
        ({"pairs": "no"}, "pairs is 'no', wanted True or False"),
        ({"shard_bytes": "1"}, "shard_bytes is '1', wanted a whole number"),
    ],
)
def test_options_of_another_type(options, message):
    with pytest.raises(OptionError, match=message):
        ShardOptions(**options)


def test_a_path_may_be_text():
    source = Source("a/x.mp4", "x.mp4", "anna", phones_path="a/x.align")
    assert source == Source(Path("a/x.mp4"), "x.mp4", "anna", phones_path=Path("a/x.align"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("x.mp4", "x.mp4", None), "source 'x.mp4': speaker is None, wanted text"),
        (Source(None, "x.mp4", "anna"), "source 'x.mp4': path is None, wanted Path"),
        (Source("x.mp4", "x.mp4", "anna", more=3), "source 'x.mp4': more is 3, wanted a mapping"),
        ("x.mp4", r"source is 'x.mp4', wanted Source\(...\)"),
    ],
)
def test_sources_of_another_type(source, message, tmp_path):
    with ShardWriter(tmp_path / "out") as writer:
        writer.write(made(), source_sha256="ab")
        with pytest.raises(OptionError, match=message):
            writer.write(made(start=50, source=source), source_sha256="ab")
        with pytest.raises(OptionError, match=message):
            writer.skip(source, "too dark")


def test_what_is_no_clip_and_no_options(tmp_path):
    with pytest.raises(OptionError, match=r"options is PrepOptions\(.*, wanted ShardOptions\(...\)"):
        ShardWriter(tmp_path / "out", speechlip.PrepOptions())
    writer = ShardWriter(tmp_path / "out")
    with pytest.raises(OptionError, match=r"clip is None, wanted Clip\(...\)"):
        writer.write(None)
    writer.abandon()


def test_records_print_without_their_arrays(tmp_path):
    prepared = write(tmp_path / "out", [made()])
    (sample,) = speechlip.ClipReader(prepared.folder)
    assert len(repr(made())) < 500 and "lips" not in repr(made())
    assert len(repr(sample)) < 1500 and repr(prepared) == f"Prepared(folder={prepared.folder!r})"


@pytest.fixture(scope="module")
def prepared(talking, tmp_path_factory):
    """As prep-shards writes it, without loss."""
    options = speechlip.PrepOptions(detector="sidecar", lips_format="png", max_clip_s=2.0)
    return speechlip.prepare(talking, tmp_path_factory.mktemp("png") / "out", options)


def read_back(prepared, videos):
    """The clips of a prepared folder as somebody else may hold them, each with what its ``json`` says."""
    fields = ("lips", "audio", "landmarks", "phones")
    for split in prepared.splits:
        for sample in speechlip.ClipReader(prepared.folder, split, fields=fields, shuffle_clips=0):
            meta = sample.meta
            source = Source(
                videos / meta.source,
                meta.source,
                meta.speaker,
                split,
                meta.licence,
                meta.transcript,
            )
            numbers = ("face_score", "face_width_px", "interpolated_frames")
            yield (
                Clip(
                    source,
                    meta.track,
                    round(meta.start_s * 25),
                    sample.lips,
                    sample.audio,
                    sample.landmarks,
                    tuple(Phone(**phone) for phone in sample.phones),
                    *(getattr(meta, name) for name in numbers),
                    faces_max=meta.faces_max,
                    faces_median=meta.faces_median,
                    quality=meta,
                    speech=spoken(meta),
                    faces=np.repeat(*np.int32(meta.faces_at_once).T),
                ),
                meta,
            )


def spoken(meta):
    """The frames of a clip in which somebody speaks, by their middles."""
    middles = (np.arange(meta.n_frames) + 0.5) / 25
    return np.any([(start_s < middles) & (middles < end_s) for start_s, end_s in meta.speech], axis=0)


@pytest.fixture(scope="module")
def rewritten(prepared, talking, tmp_path_factory):
    options = ShardOptions(title="Heads", detector="sidecar", lips_format="png")
    with ShardWriter(tmp_path_factory.mktemp("own") / "out", options) as writer:
        for clip, meta in read_back(prepared, talking):
            assert writer.write(clip, corrected=meta.corrected) == meta.key
    return writer.prepared


def test_clips_that_are_written_again_have_the_same_bytes(prepared, rewritten):
    was, now = members(prepared.folder), members(rewritten.folder)
    assert len(was) == 6 * prepared.clips and now == was


def test_readers_and_checks_take_the_folder(rewritten):
    assert verify(rewritten.folder).problems == ()
    code, said = check_shards(rewritten.folder)
    assert code == 0, said
    clips = list(speechlip.ClipReader(rewritten.folder, "train"))
    assert len(clips) == rewritten.splits["train"].clips
    assert (rewritten.folder / "README.md").read_text().count("# Heads") == 1
    assert {path.name for path in rewritten.folder.iterdir()} == {
        "README.md",
        "card",
        "clips.parquet",
        "croissant.json",
        "data",
        "ledger.jsonl",
        "manifest.json",
        "pairs",
    }


def test_the_same_clips_give_the_same_bytes(tmp_path):
    write(tmp_path / "one", corpus())
    write(tmp_path / "two", corpus())
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_crop_of_ones_own_is_named_and_has_no_image(tmp_path):
    folder = write(tmp_path / "out", corpus(), crop="mine-2").folder
    assert verify(folder).ok
    assert {json.loads(text)["crop"] for name, text in members(folder).items() if name.endswith(".json")} == {
        "mine-2"
    }
    assert not (folder / "card" / "crop.png").exists()
    assert "crop.png" not in (folder / "README.md").read_text()


def test_splits_come_from_the_sources_and_pairs_may_be_left_out(tmp_path):
    done = write(tmp_path / "with", corpus())
    assert {name: totals.clips for name, totals in done.splits.items()} == {"train": 4, "test": 4}
    assert list(done.manifest.pairs) == ["test"]
    assert write(tmp_path / "without", corpus(), pairs=False).manifest.pairs == {}
    assert verify(tmp_path / "without").ok and not (tmp_path / "without" / "pairs").exists()


def test_the_ledger_counts_by_hand(tmp_path):
    """Frames 0–29 and 20–49 of one face and another: 50 of them in a clip, 60 in clips."""
    with ShardWriter(tmp_path / "out") as writer:
        writer.write(made(faces_max=2, faces_median=2.0), source_sha256="x")
        writer.write(made(start=20, track=1, interpolated_frames=5), source_sha256="x", corrected=["turned"])
        writer.skip(made("b.mp4").source, "no face", "it shows a cat", seconds=4.0)
    kept, skipped = writer.prepared.rows
    assert (kept.seconds, kept.seconds_kept, kept.clip_seconds, kept.clips) == (2.0, 2.0, 2.4, 2)
    assert (kept.clip_frames, kept.interpolated_seconds, kept.faces_max) == ((30, 30), 0.2, 2)
    assert (kept.corrected, kept.several_faces_seconds, kept.split) == (("turned",), 0.8, "train")
    assert (skipped.status, skipped.reason, skipped.detail) == ("skipped", "no face", "it shows a cat")
    assert (skipped.seconds, skipped.dropped) == (4.0, {"no face": 4.0})
    assert verify(tmp_path / "out").ok
    assert writer.prepared.funnel.skipped == {"clips: no face": 1}


def test_a_shard_ends_before_it_is_too_large(tmp_path):
    done = write(tmp_path / "out", [made(start=40 * n, seed=n) for n in range(6)], shard_bytes=1_700_000)
    sizes = [path.stat().st_size for path in done.shards]
    assert len(sizes) == 3 and all(size <= 1_700_000 + 10_240 for size in sizes)
    assert verify(done.folder).ok and sum(shard.clips for shard in done.manifest.shards) == 6
    one_each = write(tmp_path / "one-each", [made(start=40 * n, seed=n) for n in range(3)], shard_bytes=1)
    assert len(one_each.shards) == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"lips": np.zeros((30, 88, 88, 3), np.uint8)},
            r"lips is \(30, 88, 88, 3\) uint8, wanted \(T, 96, 96, 3\)",
        ),
        ({"lips": np.zeros((30, 96, 96, 3), np.float32)}, r"float32, wanted \(T, 96, 96, 3\) uint8"),
        ({"lips": np.zeros((0, 96, 96, 3), np.uint8)}, "lips has no frame"),
        ({"lips": np.zeros((700, 96, 96, 3), np.uint8)}, "lips has 700 frames, a JPEG filmstrip holds 682"),
        ({"audio": np.zeros(640 * 29, np.int16)}, r"audio is \(18560,\) int16, wanted \(19200,\) int16"),
        ({"audio": [0] * 640 * 30}, r"audio is list, wanted an array \(19200,\) int16"),
        ({"landmarks": np.zeros((30, 68, 2), np.float32)}, r"wanted \(30, 20, 2\) float32"),
        (
            {"landmarks": np.full((30, 20, 2), np.nan, np.float32)},
            "landmarks hold values that are no numbers",
        ),
        ({"phones": (Phone(1.0, 1.3, "AH"),)}, r"phone 'AH' lasts from 1 to 1\.3 s, wanted .* 0 to 1\.2"),
        ({"phones": ({"phone": "AH"},)}, "a phone is dict, wanted speechlip.records.Phone"),
        ({"face_score": 2.0}, "face_score is 2, wanted 0 … 1"),
        ({"quality": {}}, "quality is dict, wanted speechlip.records.ClipQuality"),
        (
            {"quality": ClipQuality(yaw_deg="left")},
            "yaw_deg of its quality is 'left', wanted a number or None",
        ),
        ({"quality": ClipQuality(sharpness=np.nan)}, "sharpness of its quality is nan, wanted a number"),
        ({"face_width_px": np.nan}, "face_width_px of a clip of 'a.mp4' is nan, wanted a number"),
        ({"track": 0.5}, "track of a clip of 'a.mp4' is 0.5, wanted a whole number"),
        ({"start_frame": -1}, "start_frame is -1, wanted 0"),
        ({"interpolated_frames": 31}, "interpolated_frames is 31, wanted 0 … 30"),
        ({"source": Source(Path("a"), "", "a")}, "a source has an empty name"),
        ({"source": Source(Path("a"), "a", "a", split="Dev 1")}, "is of split 'Dev 1'; take a-z, 0-9 and _"),
        (
            {"source": Source(Path("a"), "a", "a", more={"key": "1"})},
            "brings a field 'key', which every sample has",
        ),
        ({"source": Source(Path("a"), "a", "a", more={"mood": 1})}, "the field 'mood' of 'a' is no text"),
    ],
)
def test_a_clip_that_cannot_be_a_sample_says_what_was_wanted(tmp_path, changed, message):
    with ShardWriter(tmp_path / "out") as writer:
        with pytest.raises(OptionError, match=message):
            writer.write(made(**changed), source_sha256="x")
        writer.write(made(), source_sha256="x")
    assert writer.prepared.clips == 1 and verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (made(), "a-e6d48eab-t0-f000000 is written already; clips of 'a.mp4' differ in track or start_frame"),
        (made(start=40, speaker="ben"), "two different sources are named 'a.mp4'"),
        (made("b.mp4", split="test"), "speaker 'anna' is in split 'train' and now in 'test'"),
        (
            made(start=40, phones=()),
            "phones.json, .* the first clip .*give landmarks and phones to every clip",
        ),
        (
            made(source=Source(Path("c"), "c", "cy", more={"mood": "glad"})),
            r"brings the fields \['mood'\], the first source \[\]",
        ),
    ],
)
def test_clips_of_one_folder_fit_together(tmp_path, clip, message):
    with ShardWriter(tmp_path / "out") as writer:
        writer.write(made(), source_sha256="x")
        with pytest.raises(OptionError, match=message):
            writer.write(clip, source_sha256="x")
    assert writer.prepared.clips == 1 and verify(tmp_path / "out").ok


def test_files_may_be_split_apart_from_their_speakers(tmp_path):
    clips = [made(), made("b.mp4", split="test", seed=1)]
    assert verify(write(tmp_path / "out", clips, split_by="file").folder).ok


def test_a_source_without_a_file_needs_something_to_tell_it_apart(tmp_path):
    with ShardWriter(tmp_path / "out") as writer:
        with pytest.raises(OptionError, match=r"'a\.mp4' has no file /nowhere/a\.mp4; .*source_sha256"):
            writer.write(made())
        writer.write(made(), source_sha256="x")
        with pytest.raises(OptionError, match=r"'a\.mp4' has clips, so it is not skipped"):
            writer.skip(made().source, "no face")
        with pytest.raises(OptionError, match=r"'b\.mp4' has no reason"):
            writer.skip(made("b.mp4").source, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spectrogram": "cqt"}, "no spectrogram 'cqt'; there are: stft, mel"),
        ({"lips_format": "webp"}, "no lips format 'webp'; there are: jpg, png"),
        ({"split_by": "time"}, "no split_by 'time'; there are: speaker, file"),
        ({"crop": "a/b"}, "crop is 'a/b', wanted a name"),
        ({"shard_bytes": 0}, "shard_bytes must be positive"),
    ],
)
def test_options_that_cannot_work_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        ShardOptions(**options)


def test_moved_audio_stands_in_the_sample(tmp_path):
    folder = write(tmp_path / "out", [made(delay_frames=3)]).folder
    ((_, text),) = [item for item in members(folder).items() if item[0].endswith(".json")]
    assert json.loads(text)["corrected"] == ["audio moved by +3 frames to fit the lips"]
    assert np.load(io.BytesIO(members(folder)["a-e6d48eab-t0-f000000.stft.npy"])).shape == (150, 257)
