"""The funnel against sums by hand."""

import json
from dataclasses import asdict, replace

import pytest

from speechlip.errors import ShardError
from speechlip.manifest import Funnel, Manifest
from speechlip.records import SyncVerdict
from speechlip.shards.checks.contents import Contents
from speechlip.shards.checks.ledger import check_ledger
from speechlip.shards.ledger import LedgerRow, dump_ledger, empty_splits, format_funnel, funnel
from speechlip.shards.ledger_file import read_ledger, stored_ledger

KEPT = LedgerRow(
    "a.mp4", "a", "train", "kept", 2, 10.0, 8.0, 12.0, 0.2, {"no face": 2.0}, "", "", "", "ab", 9, (), {}
)
LOST = replace(
    KEPT,
    source="b.mp4",
    status="skipped",
    clips=0,
    seconds_kept=0.0,
    clip_seconds=0.0,
    interpolated_seconds=0.0,
    dropped={"no audio stream": 10.0},
    stage="probe",
    reason="no audio stream",
)


def test_the_funnel_adds_up():
    totals = funnel([KEPT, LOST, KEPT])
    assert (totals.sources, totals.sources_kept, totals.sources_skipped, totals.clips) == (3, 2, 1, 4)
    assert totals.seconds == 30 == totals.seconds_kept + sum(totals.dropped.values())
    assert totals.dropped == {"no audio stream": 10.0, "no face": 4.0}
    assert totals.skipped == {"probe: no audio stream": 1}


def test_the_printed_funnel_names_every_reason_widest_first():
    text = format_funnel(funnel([KEPT, LOST, KEPT]))
    assert text.index("no audio stream") < text.index("no face")
    assert "0:30.0" in text and "in 4 clips" in text and "interpolated" in text


def test_the_printed_funnel_says_one_thing_once():
    """By hand: 10 s without sound and one video lost for it, 4 s without a face in kept ones, 0.04 s that
    would be shown as 0:00.0.
    """
    broken = replace(LOST, seconds=0.0, dropped={}, reason="truncated file")
    text = format_funnel(
        funnel([replace(KEPT, dropped={"no face": 1.96, "no audio": 0.04}), LOST, KEPT, broken])
    )
    assert [line.split() for line in text.splitlines()] == [
        ["sources", "4", "0:30.0"],
        ["−", "no", "audio", "stream", "1", "0:10.0"],
        ["−", "no", "face", "0:04.0"],
        ["−", "truncated", "file", "1"],
        ["=", "kept", "2", "0:16.0", "in", "4", "clips"],
        ["of", "which", "the", "face", "interpolated", "0:00.4"],
    ]


def test_splits_with_a_share_and_without_a_clip():
    shares, dealt, official = (
        {"train": 0.9, "validation": 0.1, "test": 0.0},
        {"split": ""},
        {"split": "train"},
    )
    assert empty_splits(shares, ["train"], [dealt]) == empty_splits(shares, ["train"], [{}]) == ["validation"]
    assert empty_splits(shares, ["train", "validation"], [dealt]) == []
    assert empty_splits(shares, ["train"], [official]) == []  # nothing was dealt
    assert empty_splits(shares, ["train"], [official, dealt]) == ["validation"]


def test_only_a_line_feed_ends_a_row(tmp_path):
    """str.splitlines would also cut at these, which JSON writes as they are."""
    rows = [replace(LOST, source=f"a{separator}b.mp4") for separator in "\u0085\u2028\u2029"]
    text = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "ledger.jsonl").write_text(text, encoding="utf-8")
    assert [row.source for row in read_ledger(tmp_path)] == [row.source for row in rows]
    manifest = Manifest(
        format=1, fields=(), shards=(), splits={}, pairs={}, funnel=Funnel(sources=3, clips=0)
    )
    assert list(check_ledger(tmp_path, manifest, Contents())) == []


def test_rows_come_back_from_the_text_that_was_written(tmp_path):
    """A verdict of an older release lacks its verdict on the offset."""
    whole = replace(KEPT, sync=(SyncVerdict(5.5, 7.0, -2, delay_frames=2), SyncVerdict(detail="no face")))
    (tmp_path / "ledger.jsonl").write_text("".join(dump_ledger([whole, LOST])), encoding="utf-8")
    assert read_ledger(tmp_path) == [whole, LOST]
    raw = json.loads(*dump_ledger([whole]))
    assert raw["sync"][1]["confidence"] is None and list(raw) == sorted(raw)
    del raw["sync"][0]["offset_verdict"]
    (tmp_path / "ledger.jsonl").write_text(json.dumps(raw) + "\n", encoding="utf-8")
    assert read_ledger(tmp_path) == [whole]
    (tmp_path / "ledger.jsonl").write_text(json.dumps(raw | {"sync": [7]}) + "\n", encoding="utf-8")
    with pytest.raises(ShardError, match=r"ledger\.jsonl cannot be read \(sync is \[7\]\)"):
        read_ledger(tmp_path)


def test_a_stored_ledger_is_a_sequence_whose_rows_stay_on_disk(tmp_path):
    rows = [replace(LOST, source=f"{number}\u2028.mp4") for number in range(5)]
    (tmp_path / "ledger.jsonl").write_text("".join(dump_ledger(rows)), encoding="utf-8", newline="\n")
    stored = stored_ledger(tmp_path)
    assert stored == rows and [*stored] == rows and len(stored) == 5
    assert (stored[0], stored[-1], stored[1:3]) == (rows[0], rows[4], tuple(rows[1:3]))
    assert [*reversed(stored)] == rows[::-1] and stored != rows[1:]
    with pytest.raises(IndexError):
        stored[5]
