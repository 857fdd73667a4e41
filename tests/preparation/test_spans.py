"""Which frames become clips: hand-made observations, and a property over random ones."""

from dataclasses import replace

import numpy as np
import pytest

from speechlip.faces.landmarks import mean_face
from speechlip.media.frames import ReadStats
from speechlip.preparing.cut.spans import Observation, Span, choose_spans
from speechlip.preparing.reasons import (
    MOUTH_OUTSIDE,
    NO_AUDIO,
    NO_FACE,
    NO_IMAGE,
    SILENT,
    TOO_BRIEF,
    TOO_SHORT,
    TOO_SMALL,
)
from speechlip.records import FaceTrack


def track(start, length):
    return FaceTrack(
        start, np.zeros((length, 4), np.float32), np.ones(length, np.float32), np.zeros(length, bool)
    )


def observation(n_frames, tracks, has_image=None, peaks=None, mouth_inside=None):
    return Observation(
        np.ones(n_frames, bool) if has_image is None else has_image,
        np.zeros(n_frames, bool),
        np.full(n_frames, 9000, np.int32) if peaks is None else peaks,
        tracks,
        (),
        [np.ones(len(one), bool) for one in tracks] if mouth_inside is None else mouth_inside,
        ReadStats(),
    )


def test_a_whole_video_is_one_clip():
    assert choose_spans(observation(100, [track(0, 100)]), 1, 10) == ((Span(0, 0, 100),), {})


def test_a_long_run_is_cut_evenly_and_nothing_is_lost():
    spans, lost = choose_spans(observation(600, [track(0, 600)]), 1, 10)
    assert [len(span) for span in spans] == [200, 200, 200]
    assert lost == {}


def test_every_lost_frame_has_its_reason():
    peaks = np.full(300, 9000, np.int32)
    peaks[280:] = -1
    has_image = np.ones(300, bool)
    has_image[100:110] = False
    inside = np.ones(290, bool)
    inside[190:200] = False
    spans, lost = choose_spans(observation(300, [track(10, 290)], has_image, peaks, (inside,)), 2, 10)
    assert spans == (Span(0, 10, 100), Span(0, 110, 200), Span(0, 210, 280))
    assert lost == {NO_FACE: 10, NO_IMAGE: 10, MOUTH_OUTSIDE: 10, NO_AUDIO: 20}


def test_the_first_score_below_talkvids_thresholds_is_the_reason():
    """A face of 40 × 40 in 400 × 400 px: 1 % of the frame, which is 30 points of the 50 that are wanted."""
    points = np.tile(mean_face() * 2 + (200, 200), (100, 1, 1)).astype(np.float32)
    small = replace(track(0, 100), landmarks=points, boxes=np.tile([180.0, 180, 220, 220], (100, 1)))
    seen = replace(observation(100, [small]), frame_sizes=[(400, 400)])
    assert choose_spans(seen, 1, 10, quality="talkvid") == (
        (),
        {"low quality: talkvid_avg_resolution": 100},
    )
    two = replace(seen, faces=np.full(100, 2, np.int32))
    assert choose_spans(two, 1, 10, quality="talkvid")[1] == {"low quality: talkvid unknown": 100}


def test_short_runs_and_silence_are_counted():
    peaks = np.full(200, 9000, np.int32)
    peaks[100:] = 5
    spans, lost = choose_spans(
        observation(200, [track(0, 10), track(20, 40), track(120, 50)], peaks=peaks), 1, 10
    )
    assert spans == (Span(1, 20, 60),)
    assert lost == {TOO_SHORT: 10, SILENT: 50, NO_FACE: 100}


def test_faces_that_are_no_track_say_why():
    """20 frames of a small face, 10 of one that came and went, and nobody in the rest."""
    seen = observation(100, [track(50, 50)])
    face_seen, too_small = np.zeros(100, bool), np.zeros(100, bool)
    face_seen[:30], too_small[:20] = True, True
    _, lost = choose_spans(replace(seen, face_seen=face_seen, too_small=too_small), 1, 10)
    assert lost == {TOO_SMALL: 20, TOO_BRIEF: 10, NO_FACE: 20}


@pytest.mark.parametrize("seed", range(20))
def test_kept_and_lost_add_up_and_no_clip_holds_a_bad_frame(seed):
    rng = np.random.default_rng(seed)
    has_image, peaks = (
        rng.random(500) > 0.02,
        np.where(rng.random(500) > 0.02, rng.integers(0, 60, 500), -1).astype(np.int32),
    )
    tracks = [track(0, 220), track(150, 300), track(460, 40)]
    inside = tuple(rng.random(len(one)) > 0.02 for one in tracks)
    spans, lost = choose_spans(observation(500, tracks, has_image, peaks, inside), 0.4, 2)
    kept = np.zeros(500, bool)
    for span in spans:
        frames = np.arange(span.start_frame, span.stop_frame)
        one = tracks[span.track]
        assert 10 <= len(span) <= 50
        assert (
            has_image[frames].all()
            and (peaks[frames] >= 0).all()
            and inside[span.track][frames - one.start_frame].all()
        )
        kept[frames] = True
    assert kept.sum() + sum(lost.values()) == 500
