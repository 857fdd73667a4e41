"""PrepOptions: what it accepts, what it fills in, and what it says when it is made of what cannot work."""

from pathlib import Path

import numpy as np
import pytest

from speechlip import PrepOptions
from speechlip.errors import OptionError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "lrs9"}, "no recipe 'lrs9'; there are: .*folder, grid"),
        ({"detector": "hog"}, "no detector 'hog'; there are: auto, landmarker, mediapipe, .*cascade"),
        ({"crop": "nosuch"}, "no crop preset 'nosuch'; there are: lips, lower-face, auto-avsr"),
        ({"crop": "auto-avsr", "detector": "cascade"}, "gives boxes only: take --crop lips"),
        ({"faces": "some"}, "there are: largest, all"),
        ({"spectrogram": "cqt"}, "there are: stft, mel"),
        ({"lips_format": "webp"}, "there are: jpg, png"),
        ({"decoder": "vlc"}, "no decoder 'vlc'; there are: pyav, decord"),
        ({"split_by": "mood"}, "there are: speaker, file, time"),
        ({"split": {"train": 0.5}}, "'train=0.5' add up to 0.5; they must add up to 1"),
        ({"split": {"Train": 1.0}}, "a split cannot be called 'Train'"),
        ({"split": {"train": 1.5, "test": -0.5}}, "the share of split 'train' is 1.5"),
        ({"min_clip_s": 0.1}, "shorter than one window"),
        ({"min_clip_s": 6.0}, "at least twice"),
        ({"max_clip_s": 30.0}, "take --lips-format png"),
        (
            {"cut_sources_s": 5},
            "--cut-sources 5s is shorter than --max-clip 10s, .* take minutes, such as 20min",
        ),
        ({"cut_sources_s": -1.0}, "--cut-sources -1s is shorter"),
        ({"shard_bytes": 0}, "--shard-size must be positive"),
        ({"shard_bytes": "256MB"}, "shard_bytes is '256MB', wanted a whole number"),
        ({"min_clip_s": "1s"}, "min_clip_s is '1s', wanted a number"),
        ({"max_clip_s": float("nan")}, "max_clip_s is nan, wanted a number of seconds"),
        ({"crop": ["lips"]}, r"crop is \['lips'\], wanted text"),
        ({"split": "0.8"}, "split is '0.8', wanted a mapping"),
        ({"split": {"train": "1"}}, "the share of split 'train' is '1', wanted a number"),
        ({"split": {1: 1.0}}, "the name of a split is 1, wanted text"),
        ({"sync_correct": "no"}, "sync_correct is 'no', wanted True or False"),
        ({"limit": -1}, "--limit must not be negative"),
        ({"max_picture_px": 0}, "--max-picture must be positive"),
        ({"sync_correct": True}, "go with --sync-filter"),
        ({"sync_model": "runs/a"}, "go with --sync-filter"),
        ({"sync_filter": "confidence=3"}, "cannot read the condition 'confidence=3'"),
        ({"sync_filter": "conf>=3", "correct_frames": "0-99"}, "cannot read the frames '0-99'"),
    ],
)
def test_options_that_cannot_work_are_refused_with_what_to_do(options, message):
    with pytest.raises(OptionError, match=message):
        PrepOptions(**options)


def test_png_strips_may_be_long():
    assert PrepOptions(max_clip_s=60, lips_format="png").max_clip_s == 60


def test_shares_come_from_what_is_split_unless_they_are_given():
    assert PrepOptions().split == {"train": 0.9, "validation": 0.05, "test": 0.05}
    assert PrepOptions(split_by="time").split == {"train": 10 / 11, "validation": 1 / 11}
    assert PrepOptions(split_by="time", split={"train": 1}).split == {"train": 1}


def test_numbers_are_recorded_as_they_are_on_the_command_line():
    recorded = PrepOptions(min_clip_s=1, seed=np.int64(3)).as_dict()
    assert (repr(recorded["min_clip_s"]), repr(recorded["seed"])) == ("1.0", "3")


def test_the_sync_filter_holds_what_was_asked_for():
    asked = PrepOptions(sync_filter="conf>=3", sync_correct=True, syncnet_weights="a.model")
    stage = asked.open_sync_filter()
    assert (stage.correct, stage.weights, stage.conditions[0].limit) == (True, Path("a.model"), 3.0)
    assert PrepOptions().open_sync_filter() is None


def test_the_record_leaves_out_where_a_model_lies():
    recorded = PrepOptions(sync_filter="conf>=3", syncnet_weights="/home/me/a.model").as_dict()
    assert {"recipe", "split", "sync_model"} <= recorded.keys()
    assert "/home/me/a.model" not in map(str, recorded.values())


@pytest.mark.parametrize("text", ["0.5", "share<0.5", "share>=0", "share>=1.5", "share>=nan", "share>=1;x"])
def test_other_conditions_on_speech_are_refused(text):
    with pytest.raises(OptionError, match=r"cannot read --speech '.*'; write it as 'share>=0.5'"):
        PrepOptions(speech=text)
    assert PrepOptions(speech=" share >= .25 ").least_speech == 0.25
