"""The second reading of a source, where it is not like the first."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from speechlip.errors import SourceRefused
from speechlip.faces.crops import CropPlan
from speechlip.faces.frame_parts import FrameParts
from speechlip.media.frames import Frame, ReadStats
from speechlip.preparing.cut import passes
from speechlip.preparing.cut.kept_regions import KeptRegions
from speechlip.preparing.cut.source_stats import SourceStats
from speechlip.preparing.cut.spans import Observation, Span, choose_spans
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.records import FaceTrack, Source

SOURCE = Source(Path("/videos/a.mp4"), "a.mp4", "a")
BLACK = SimpleNamespace(rgb=lambda: np.zeros((96, 96, 3), np.uint8))


class FrameReader(nullcontext):
    """So many frames, and then the file ends."""

    def __init__(self, n):
        self.left = iter([Frame(index, BLACK, np.zeros(640, np.int16)) for index in range(n)])

    def __iter__(self):
        return self.left

    def close(self):
        pass


def cut(monkeypatch, n_frames, spans):
    """The spans of the clips that come of a second reading of so many frames."""
    monkeypatch.setattr(passes, "read_frames", lambda path, info, decoder, first_frame: FrameReader(n_frames))
    monkeypatch.setattr(passes, "make_clip", lambda source, seen, span, *made: span)
    monkeypatch.setattr(FrameParts, "cut", lambda frame, affine, size: frame.parts[0].pixels)
    seen = SimpleNamespace(
        delay_frames=lambda track: 0, affine=lambda track, index: None, kept=KeptRegions(), first_frame=0
    )
    return passes.cut_clips(SOURCE, None, seen, spans, (), PrepOptions(), lambda name, seconds: None)


@pytest.mark.parametrize(("n_frames", "kept", "last"), [(29, 1, 29), (15, 1, 29), (10, 1, 29), (5, 0, 9)])
def test_a_second_reading_that_ends_early_is_refused(monkeypatch, n_frames, kept, last):
    clips = cut(monkeypatch, n_frames, [Span(0, 0, 10), Span(0, 12, 30)])
    assert [next(clips) for _ in range(kept)] == [Span(0, 0, 10)][:kept]
    with pytest.raises(SourceRefused) as refused:
        next(clips)
    assert (refused.value.stage, refused.value.reason) == ("clips", "two readings differ")
    assert refused.value.detail == f"the second pass ended before frame {last}, which was there in the first"


def test_a_second_reading_that_reaches_the_last_span_is_enough(monkeypatch):
    assert list(cut(monkeypatch, 30, [Span(0, 0, 10), Span(0, 12, 30)])) == [Span(0, 0, 10), Span(0, 12, 30)]
    assert list(cut(monkeypatch, 0, [])) == []


def test_the_lost_frames_are_booked_under_that_reason(monkeypatch):
    account = SourceStats(PlannedSource(SOURCE, 1000, 5, 30 / 25))
    with pytest.raises(SourceRefused) as refused:
        next(cut(monkeypatch, 5, [Span(0, 0, 30)]))
    account.refused(refused.value)
    assert account.row("train").dropped == {"two readings differ": 1.2}


def test_frames_without_a_place_in_time_are_damage_and_those_over_25_are_none():
    account = SourceStats(PlannedSource(SOURCE, 1000, 5, 0.0))
    reading = ReadStats(frames=50, dropped_frames=3, unshown_frames=10, repeated_frames=1)
    account.observed(
        Observation(np.ones(0, bool), np.ones(0, bool), np.ones(0, np.int32), (), (), (), reading), {}
    )
    assert account.row("train").damage == {"dropped_frames": 3}


def test_a_face_that_is_too_small_is_said_with_its_width():
    small = Observation(
        np.ones(50, bool),
        np.ones(50, bool),
        np.full(50, 900, np.int32),
        (),
        (),
        (),
        ReadStats(),
        (),
        np.ones(50, np.int32),
        np.ones(50, bool),
        24.04,
    )
    account = SourceStats(PlannedSource(SOURCE, 1000, 5, 2.0))
    account.observed(small, choose_spans(small, 1, 10)[1])
    row = account.row("train")
    assert (row.reason, row.small_face_px, row.dropped) == ("face too small", 24.0, {"face too small": 2.0})
    assert row.detail == "no clip could be cut: face too small 2.00 s (24 px wide, at least 30 are wanted)"
    assert (row.faces_max, row.faces_median, row.several_faces_seconds) == (1, 1.0, 0.0)


def test_a_clip_says_how_many_faces_were_there():
    """By hand: 1, 1, 2, 2, 3 faces in its five frames."""
    counts = np.array([4, 1, 1, 2, 2, 3, 4], np.int32)
    track = FaceTrack(0, np.zeros((7, 4), np.float32), np.ones(7, np.float32), np.zeros(7, bool))
    crop = CropPlan(np.tile(np.eye(2, 3), (7, 1, 1)), None)
    seen = Observation(
        np.ones(7, bool),
        np.ones(7, bool),
        np.ones(7, np.int32),
        [track],
        [crop],
        (),
        ReadStats(),
        (),
        counts,
        frame_sizes=[(96, 96)],
    )
    clip = passes.make_clip(
        SOURCE,
        seen,
        Span(0, 1, 6),
        [np.zeros((96, 96, 3), np.uint8)] * 5,
        [np.zeros(640, np.int16)] * 5,
        None,
    )
    assert (clip.faces_max, clip.faces_median) == (3, 2.0)
    assert clip.faces.tolist() == counts[1:6].tolist()
