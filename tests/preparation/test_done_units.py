"""Results of units that are read once: a line of the ledger for every source, in their order."""

import json
from dataclasses import replace

from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.place.done_units import DoneUnits
from speechlip.preparing.place.placing import done_unit
from speechlip.preparing.plan.units import Unit
from speechlip.shards.ledger import LedgerRow, line_of, row_from
from speechlip.shards.pairs.rules import PairClip

ROW = LedgerRow(
    *("a.mp4", "ann", "train", "kept", 1, 4.0, 4.0, 4.0, 0.0, {}, "", "", "", "0" * 64, 9, (), {}),
    clip_frames=(100,),
)
UNITS = [Unit("train", 0, ()), Unit("train", 1, ()), Unit("validation", 0, ())]
POSITION = {"a.mp4": 0, "b.mp4": 1, "c.mp4": 2, "d.mp4": 3}


def result(*rows):
    return UnitResult("", 1, (), (), rows)


def test_rows_of_units_come_in_the_order_of_the_sources_and_parts_of_one_are_added_up(tmp_path):
    done = DoneUnits(tmp_path)
    later = replace(ROW, split="validation", clips=2, clip_frames=(50, 50), seconds=4.0)
    done.add(UNITS[2], result(later))
    done.add(
        UNITS[1], result(replace(ROW, source="b.mp4", reason="crashed the worker", detail="exit code 9"))
    )
    done.add(UNITS[0], result(replace(ROW, source="d.mp4"), ROW))
    assert done.lost(UNITS) == ["'b.mp4' (crashed the worker: exit code 9)"]
    done.add(UNITS[1], result(replace(ROW, source="b.mp4")))  # made again
    assert done.lost(UNITS) == [] and all(unit in done for unit in UNITS)
    assert [each.bytes for each in done.results(UNITS).values()] == [1, 1, 1]
    refused = replace(ROW, source="c.mp4", status="skipped", clips=0)
    lines = list(done.ledger(UNITS, [refused], POSITION))
    assert [json.loads(line)["source"] for line in lines] == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    assert lines[1:3] == [line_of(replace(ROW, source="b.mp4")), line_of(refused)]
    both = row_from(json.loads(lines[0]))
    assert (both.split, both.clips, both.clip_frames, both.seconds) == (
        "train+validation",
        3,
        (100, 50, 50),
        8,
    )
    assert not list(tmp_path.iterdir())


def test_clips_of_train_are_counted_and_not_held():
    clips = (PairClip("a", "ann", "film", 0, 20), PairClip("b", "ben", "film", 20, 30))
    of_train, of_test = (
        done_unit(Unit(split, 0, ()), UnitResult("", 1, ("json",), clips, ())) for split in ("train", "test")
    )
    assert (of_train.clips, of_test.clips) == ((), clips)
    assert (of_train.n_clips, of_train.n_frames, of_train.speakers) == (2, 50, {"ann", "ben"})
