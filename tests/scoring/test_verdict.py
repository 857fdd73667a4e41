"""Which offsets are acted on: sure ones, away from the edge of the search and from 0, and no others, unless
someone asks.
"""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from stated_model import StatedModel

from speechlip.commands.cli import prep_shards, score_sync
from speechlip.errors import OptionError
from speechlip.metrics.sync.lse import sync_score
from speechlip.scoring.clip.rows import with_verdicts
from speechlip.scoring.records import ScoreRow
from speechlip.scoring.sync import sync_filter
from speechlip.scoring.sync.sync_filter import SyncFilter, parse_filter
from speechlip.scoring.sync.verdict import (
    STATED,
    CorrectionRules,
    least_confidence_of,
    offset_verdict,
    read_rules,
)
from zoo import RATE, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Four seconds of a tone before a grey wall."""
    folder = tmp_path_factory.mktemp("wall")
    tone = (3000 * np.sin(np.arange(4 * RATE) / 9)).astype(np.int16)
    return write_clip(folder / "clip.mp4", np.full((100, 120, 160, 3), 90, np.uint8), tone)


def scored(clip, out, model, *more):
    """(what the terminal says, the row of scores.csv) of a run with --fix-offset."""
    asked = [
        "--sync-model",
        model,
        "--protocol",
        "precropped",
        "--metrics",
        "lse",
        "--workers",
        "1",
        "--fix-offset",
        "-o",
        str(out),
    ]
    done = CliRunner().invoke(score_sync, [str(clip), *asked, *more])
    assert done.exit_code == 0, done.output
    with (out / "scores.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    return done.output, row


def test_noise_is_undecided_and_nothing_is_moved(clip, sync_models, tmp_path):
    """Every curve has a lowest point: a clip with the audio of nobody was "13 frames late, corrected"."""
    said, row = scored(clip, tmp_path / "out", "stated:noise:1")
    assert (
        row["offset_verdict"] == "undecided: the interval of the confidence reaches 0"
        and float(row["sync_confidence"]) > 0
    )
    assert (
        f"clip.mp4: {row['offset_verdict']} (offset {int(row['offset_frames']):+d}), nothing corrected"
        in said
    )
    assert "? 1 of 1 offset undecided, not to be acted on" in said and f"{row['offset_frames']} ?" in said
    assert not (tmp_path / "out" / "corrected").exists()
    assert '"offset_verdict":"undecided' in (tmp_path / "out" / "report.html").read_text()


def test_a_sure_offset_is_corrected_and_its_verdict_says_which_way(clip, sync_models, tmp_path):
    said, row = scored(clip, tmp_path / "out", "stated:-5:0.3")
    assert (row["offset_frames"], row["offset_verdict"]) == ("-5", "audio late") and "?" not in said
    assert (
        "clip.mp4: audio 5 frames late, corrected in" in said
        and (tmp_path / "out" / "corrected" / "clip.mp4").is_file()
    )


def test_one_frame_is_left_alone_and_corrected_when_asked_without_scoring_again(clip, sync_models, tmp_path):
    _, row = scored(clip, tmp_path / "out", "declared:1:0.3")
    assert row["offset_verdict"] == "in sync" and not (tmp_path / "out" / "corrected").exists()
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / ".clips").glob("*.json")}
    _, row = scored(
        clip, tmp_path / "out", "declared:1:0.3", "--correct-frames", "1-14", "--correct-confidence", "0.2"
    )
    assert row["offset_verdict"] == "audio early" and (tmp_path / "out" / "corrected" / "clip.mp4").is_file()
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "out" / ".clips").glob("*.json")
    } == finished
    rules = json.loads((tmp_path / "out" / "scores.json").read_text())["correction"]
    assert rules == {"confidence": 0.2, "least_frames": 1, "greatest_frames": 14, "model_confidence": 0.1}


@pytest.mark.parametrize(
    ("model", "asked", "verdict", "asked_verdict"),
    [
        ("stated:1:0.3", CorrectionRules(None, 1, 14), "in sync", "audio early"),
        (
            "stated:-15:0.3",
            CorrectionRules(None, 2, 15),
            "undecided: at the edge of the search, 15 frames",
            "audio late",
        ),
        ("declared:4:6", CorrectionRules(0.0), "undecided: confidence 0.0", "audio early"),
        *((f"stated:noise:{seed}", STATED, "undecided", "undecided") for seed in range(2, 12)),
    ],
)
def test_what_a_model_measures_is_judged(model, asked, verdict, asked_verdict):
    opened = StatedModel(model)
    score = sync_score(*opened.features(range(100), None))
    measured = (score.offset_frames, score.lse_c, score.ci_low, least_confidence_of(opened))
    assert offset_verdict(*measured).startswith(verdict) and offset_verdict(*measured, asked).startswith(
        asked_verdict
    )


def test_syncnets_least_confidence_is_3_and_a_number_counts_alone():
    assert offset_verdict(4, 2.99, 2.0, 3.0) == "undecided: confidence 2.990 is below 3"
    assert (
        offset_verdict(4, 3.0, 2.0, 3.0) == "audio early"
        and offset_verdict(-4, 3.0, 2.0, 3.0) == "audio late"
    )
    assert (
        offset_verdict(4, 3.0, 0.0, 3.0)
        == offset_verdict(4, 3.0, float("nan"), 3.0)
        == offset_verdict(4, 9.0, None, None)
    )
    assert offset_verdict(4, 2.0, 0.0, 3.0, CorrectionRules(2.0)) == "audio early"
    assert (
        offset_verdict(-9, 5.0, 2.0, 3.0, CorrectionRules(None, 2, 8))
        == "undecided: farther than what is corrected, 9 frames"
    )


def test_tracks_that_disagree_leave_the_clip_undecided():
    def rows(*offsets):
        tracks = [
            ScoreRow("a", str(n), "scored", values={"lse_c": 5.0, "offset_frames": offset, "lse_ci_low": 4.0})
            for n, offset in enumerate(offsets)
        ]
        return with_verdicts(
            [*tracks, ScoreRow("a", "mean", "scored", values={"lse_c": 5.0, "offset_frames": offsets[0]})],
            3.0,
            STATED,
        )

    assert [row.offset_verdict for row in rows(4, 4)] == ["audio early"] * 3
    assert rows(4, -4)[-1].offset_verdict == "undecided: its tracks disagree"
    assert rows(4, 15)[-1].offset_verdict == "undecided: at the edge of the search, 15 frames"
    values = {"offset_frames": 0, "sync_confidence": 0.5, "sync_ci_low": 0.3}
    (own,) = with_verdicts([ScoreRow("a", "0", "scored", values=values, sync_model="m")], 0.1, STATED)
    assert own.offset_verdict == "in sync"
    assert with_verdicts([ScoreRow("a", "", "failed")], 3.0, STATED)[0].offset_verdict == ""


@pytest.mark.parametrize(
    ("model", "delay", "verdict"),
    [("stated:5:0.3", 5, "audio early"), ("stated:1:0.3", 0, "in sync"), ("stated:noise:1", 0, "undecided")],
)
def test_preparation_moves_sound_by_the_same_rules(sync_models, model, delay, verdict):
    from speechlip.scoring.sync.means import TrackSync

    sync_filter.open_model.cache_clear()
    score = sync_score(*StatedModel(model).features(range(100), None))
    found = SyncFilter(parse_filter("dist>=0"), correct=True, model=model)._verdict(
        TrackSync(None, 0, 100, score)
    )
    assert (found.delay_frames, found.refusal) == (delay, "") and found.offset_verdict.startswith(verdict)


def test_the_funnel_counts_undecided_tracks_and_an_old_ledger_has_none():
    from speechlip.shards.ledger import format_funnel, funnel, row_from

    row = {
        "source": "a.mp4",
        "speaker": "a",
        "split": "train",
        "status": "kept",
        "clips": 1,
        "seconds": 4.0,
        "seconds_kept": 4.0,
    }
    row |= {
        "clip_seconds": 4.0,
        "interpolated_seconds": 0.0,
        "dropped": {},
        "stage": "",
        "reason": "",
        "detail": "",
        "sha256": "0",
    }
    row |= {"bytes": 1, "corrected": [], "damage": {}}
    old, undecided = (
        {"offset_frames": 3},
        {"offset_frames": 3, "offset_verdict": "undecided: confidence 0.011 is below 0.1"},
    )
    assert funnel([row_from(row | {"sync": [old]})]).offsets_undecided is None
    assert "1 face track with an undecided offset: sound not moved" in format_funnel(
        funnel([row_from(row | {"sync": [undecided, old]})])
    )


@pytest.mark.parametrize("frames", ["14-2", "0-5", "2-16", "3", "2 to 5"])
def test_frames_that_cannot_be_read_say_how_to_write_them(frames, clip, tmp_path):
    with pytest.raises(OptionError, match="cannot read the frames"):
        read_rules(None, frames)
    for command, more in ((score_sync, ["--metrics", "cpbd"]), (prep_shards, ["--sync-filter", "conf>=3"])):
        done = CliRunner().invoke(
            command, [str(clip), "-o", str(tmp_path / "out"), "--correct-frames", frames, *more]
        )
        assert done.exit_code == 1 and "such as 2-14" in done.output
    assert not (tmp_path / "out").exists()
    with pytest.raises(OptionError, match="no number"):
        read_rules(float("nan"), "2-14")
