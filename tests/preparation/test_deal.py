"""What is dealt to the splits: speakers, files, or the time of each video."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from speechlip.errors import OptionError
from speechlip.manifest import Manifest
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.parts import added_up
from speechlip.preparing.plan.deal import dealt
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.records import Source
from speechlip.shards.checks.contents import Contents
from speechlip.shards.checks.folder import check_splits
from speechlip.shards.ledger import LedgerRow, splits_of
from speechlip.shards.pairs.rules import PairClip

IN_TIME = PrepOptions(split_by="time")


def planned(name, speaker="anna", n_frames=1500, split=None):
    return PlannedSource(Source(Path(name), name, speaker, split=split), 1000, 5, n_frames / 25)


def parts(n_frames, options=IN_TIME):
    """(split, first frame, stop frame) of each part of a video of so many frames."""
    found = dealt([planned("a.mp4", n_frames=n_frames)], options)
    assert sum(entry.part_s for _, entry in found) == pytest.approx(n_frames / 25)
    return [(split, entry.first_frame, entry.stop_frame) for split, entry in found]


def test_the_first_ten_elevenths_are_to_learn_from():
    """Against whole numbers: AD-NeRF's process_data.py takes int(frames * 10 / 11)."""
    for n_frames in [*range(2, 400), 1500, 7499, 7500, 8192, 11_000, 123_457]:
        border = n_frames * 10 // 11
        assert parts(n_frames) == [("train", 0, border), ("validation", border, None)]


def test_several_parts_touch_and_a_part_without_a_frame_is_left_out():
    thirds = replace(IN_TIME, split={"train": 0.5, "validation": 0.0, "test": 0.25, "rest": 0.25})
    assert parts(101, thirds) == [("train", 0, 50), ("test", 50, 75), ("rest", 75, None)]
    assert parts(1, thirds) == [("rest", 0, None)]
    assert [
        border == int(Fraction(3, 4) * n) for n, border in ((n, parts(n, thirds)[2][1]) for n in range(4, 60))
    ] == [True] * 56


def test_official_splits_are_not_cut():
    (found,) = dealt([planned("a.mp4", split="test")], IN_TIME)
    assert found == ("test", planned("a.mp4", split="test"))


def test_files_are_dealt_one_by_one_and_a_speaker_is_in_several_splits():
    videos = [planned(f"{number}.mp4") for number in range(40)]
    by_file = dealt(videos, PrepOptions(split_by="file"))
    assert [entry for _, entry in by_file] == videos
    assert {
        split: [split for split, _ in by_file].count(split) for split in ("train", "validation", "test")
    } == {
        "train": 36,
        "validation": 2,
        "test": 2,
    }
    assert {split for split, _ in dealt(videos, PrepOptions())} == {"train"}
    assert dealt(
        [planned("a.mp4", split="test"), planned("b.mp4", split="train")], PrepOptions(split_by="file")
    )  # one speaker, two splits


def test_nothing_else_is_dealt():
    with pytest.raises(OptionError, match="no --split-by 'month'; there are: speaker, file, time"):
        PrepOptions(split_by="month")


ROW = LedgerRow(
    "a.mp4",
    "a",
    "train",
    "kept",
    2,
    10.0,
    8.0,
    8.0,
    0.2,
    {"no face": 2.0},
    "",
    "",
    "",
    "ab",
    9,
    ("rotation 90°",),
    {"audio_gaps": 2},
)
LAST = replace(
    ROW,
    split="test",
    clips=1,
    seconds=1.04,
    seconds_kept=1.0,
    clip_seconds=1.0,
    dropped={"no face": 0.04},
    damage={"audio_gaps": 3},
)
ROWS = [replace(ROW, clip_frames=(100, 100), faces_max=1), replace(LAST, clip_frames=(25,), faces_max=2)]


def test_the_parts_of_a_source_are_one_row_that_adds_up():
    first = added_up(ROWS)
    assert (first.split, splits_of(first.split), first.status, first.clips) == (
        "train+test",
        ["train", "test"],
        "kept",
        3,
    )
    assert (first.seconds, first.seconds_kept, first.dropped, first.interpolated_seconds) == (
        11.04,
        9.0,
        {"no face": 2.04},
        0.4,
    )
    assert first.split_clips == {"train": 2, "test": 1}
    assert (first.clip_frames, first.faces_max, first.damage, first.corrected) == (
        (100, 100, 25),
        2,
        {"audio_gaps": 5},
        ("rotation 90°",),
    )


def test_a_part_without_a_clip_does_not_make_a_refusal_and_a_broken_one_is_told():
    empty = replace(
        LAST,
        status="skipped",
        clips=0,
        seconds_kept=0.0,
        dropped={"no face": 1.04},
        stage="clips",
        reason="no face",
        detail="no clip",
    )
    row = added_up([ROW, empty])
    assert (row.status, row.stage, row.reason, row.detail) == ("kept", "", "", "")
    row = added_up([ROW, replace(empty, stage="worker", reason="crashed the worker", detail="exit code 9")])
    assert (row.status, row.reason, row.detail) == ("kept", "crashed the worker", "exit code 9")
    row = added_up([replace(empty, reason="silent audio"), empty])
    assert (row.status, row.stage, row.reason) == ("skipped", "clips", "silent audio")


def contents(*clips):
    """(source, speaker, split, first frame, stop frame) as re-reading the shards finds them."""
    everything = Contents()
    for number, (source, speaker, split, first, stop) in enumerate(clips):
        clip = PairClip(str(number), speaker, source, first, stop - first)
        everything.splits[split].add(clip, speaker)
        everything.sources[source].add(clip, (speaker, split, source), "unknown")
    return everything


def problems(split_by, *clips):
    manifest = Manifest(format=1, fields=(), shards=(), splits={}, pairs={}, options={"split_by": split_by})
    return list(check_splits(manifest, contents(*clips)))


def test_verify_knows_what_was_dealt():
    in_time = [
        ("a", "anna", "train", 0, 100),
        ("a", "anna", "test", 100, 130),
        ("a", "anna", "train", 10, 90),
        ("b", "anna", "train", 0, 500),
    ]
    assert problems("time", *in_time) == []
    assert problems("file", *in_time) == ["source 'a' is in the splits test, train"]
    assert problems("speaker", *in_time) == ["speaker 'anna' is in the splits test, train"]
    assert problems("file", in_time[0], ("b", "anna", "test", 0, 50)) == []
    assert problems("time", *in_time, ("a", "anna", "train", 110, 120)) == [
        "'a' is in split train until 4.8 s, and in split test from 4.0 s on"
    ]
