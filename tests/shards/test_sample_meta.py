"""The ``json`` of a sample as a record: what is stored comes back, what an older release lacks is None."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from speechlip.format import ClipFormat
from speechlip.records import Clip, ClipQuality, Phone, Source
from speechlip.shards.sample_meta import OWN_META, SampleMeta, meta_of

LEAST = {"n_frames": 50, "speaker": "anna", "source_sha256": "ab", "start_s": 4.0}

QUALITY = {each.name: 0.5 for each in fields(ClipQuality)} | {
    "sync_offset_frames": -2,
    "sync_model": "phones",
    "sync_verdict": "clear",
}


NO_RUNS = ([], [[1, 49]], [[1, 50, 0]], [[1.0, 50]], [[-1, 50]], [50], "50", [[True, 50]], {"1": 50})


def stored(**changes):
    return json.dumps(LEAST | changes).encode()


def test_every_field_of_a_written_clip_comes_back():
    lips, audio = np.zeros((3, 96, 96, 3), np.uint8), np.zeros(1920, np.int16)
    source = Source(Path("a.mp4"), "a.mp4", "anna", licence="MIT", transcript="hi", more={"mood": "glad"})
    clip = Clip(
        source, 1, 50, lips, audio, None, None, 0.98765, 123.456, 2, 0, 2, 1.5, ClipQuality(**QUALITY)
    )
    heard = Phone(0.0, 0.1, "AA", "textgrid+espeak", -1.5), Phone(0.1, 0.12, "SIL", "other", -9.0)
    clip = replace(clip, speech=np.array([True, False, True]), phones=heard, faces=np.array([1, 2, 2]))
    meta = meta_of(clip, ClipFormat(detector="sidecar"), "k", "ab", ["mono"], double_of="b.mp4")
    assert meta.dump() == {
        "n_frames": 3,
        "speaker": "anna",
        "source_sha256": "ab",
        "start_s": 2.0,
        "key": "k",
        "source": "a.mp4",
        "licence": "MIT",
        "transcript": "hi",
        "corrected": ["mono"],
        "track": 1,
        "fps": 25,
        "detector": "sidecar",
        "crop": "lips",
        "phone_source": "textgrid",
        "phone_score": -1.5,
        "face_score": 0.9877,
        "face_width_px": 123.5,
        "interpolated_frames": 2,
        "faces_max": 2,
        "faces_median": 1.5,
        "faces_at_once": [[1, 1], [2, 2]],
        "double_of": "b.mp4",
        "speech_share": 0.6667,
        "speech": [[0.0, 0.04], [0.08, 0.12]],
        "mood": "glad",
        **QUALITY,
    }
    assert meta.dump().keys() - {"mood"} == OWN_META
    assert SampleMeta.load(json.dumps(meta.dump()).encode()) == meta


def test_what_is_not_stored_is_none_and_other_columns_stay():
    meta = SampleMeta.load(stored(mood="glad"))
    assert (meta.n_frames, meta.seconds, meta.speaker, meta.start_s) == (50, 2.0, "anna", 4.0)
    assert (meta.key, meta.detector, meta.corrected, meta.more) == (None, None, None, {"mood": "glad"})
    assert meta.dump() == LEAST | {"mood": "glad"}


@pytest.mark.parametrize("value", [5.0, "mono", None, {}])
def test_corrections_that_are_no_list_are_none(value):
    assert SampleMeta.load(stored(corrected=value)).corrected is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "it is of type list, wanted an object"),
        (b"{}", "it lacks n_frames, speaker, source_sha256, start_s"),
        (stored(n_frames=0), "n_frames is 0, wanted a whole number from 1 to 10000000"),
        (stored(n_frames=True), "n_frames is True"),
        (
            stored(speech=[[0.5, 0.4]]),
            r"speech is [[0.5, 0.4]], wanted spans [start_s, end_s] in order within",
        ),
        (stored(speech=[[0, 2.1]]), r"speech is [[0, 2.1]], wanted spans"),
        (stored(speech=[[0, True]]), r"speech is [[0, True]], wanted spans"),
        (stored(speech="all of it"), "speech is 'all of it', wanted spans"),
        (stored(start_s="4"), "start_s is '4', wanted seconds within the source"),
        (stored(start_s=1e12), "start_s is 1000000000000.0"),
        (stored(start_s=float("nan")), "NaN is no number"),
        *((stored(faces_at_once=runs), "wanted runs [faces, frames] of 50 frames") for runs in NO_RUNS),
    ],
)
def test_what_readers_need_is_asked_for(data, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SampleMeta.load(data)
