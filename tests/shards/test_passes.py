"""The second reading of a source, where it is not like the first."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from speechlip.errors import SourceRefused
from speechlip.media.moments import Moment
from speechlip.records import Source
from speechlip.shards import passes
from speechlip.shards.account import Account
from speechlip.shards.options import PrepOptions
from speechlip.shards.plan import PlannedSource
from speechlip.shards.spans import Span

SOURCE = Source(Path("/videos/a.mp4"), "a.mp4", "a")
BLACK = SimpleNamespace(rgb=lambda: np.zeros((96, 96, 3), np.uint8))


class Reading(nullcontext):
    """So many moments, and then the file ends."""

    def __init__(self, n):
        self.left = iter([Moment(index, BLACK, np.zeros(640, np.int16)) for index in range(n)])

    def __iter__(self):
        return self.left

    def close(self):
        pass


def cut(monkeypatch, n_moments, spans):
    """The spans of the clips that come of a second reading of so many frames."""
    monkeypatch.setattr(passes, "moments", lambda path, info, decoder: Reading(n_moments))
    monkeypatch.setattr(passes, "make_clip", lambda source, seen, span, *made: span)
    monkeypatch.setattr(passes, "cut", lambda picture, affine, size: picture)
    track, crop = SimpleNamespace(start_frame=0), SimpleNamespace(affines=np.zeros((100, 2, 3)))
    seen = SimpleNamespace(delay_frames=lambda track: 0, tracks=[track], crops=[crop])
    return passes.cut_clips(SOURCE, None, seen, spans, (), PrepOptions(), lambda name, seconds: None)


@pytest.mark.parametrize(("n_moments", "kept", "last"), [(29, 1, 29), (15, 1, 29), (10, 1, 29), (5, 0, 9)])
def test_a_second_reading_that_ends_early_is_refused(monkeypatch, n_moments, kept, last):
    clips = cut(monkeypatch, n_moments, [Span(0, 0, 10), Span(0, 12, 30)])
    assert [next(clips) for _ in range(kept)] == [Span(0, 0, 10)][:kept]
    with pytest.raises(SourceRefused) as refused:
        next(clips)
    assert (refused.value.stage, refused.value.reason) == ("clips", "two readings differ")
    assert refused.value.detail == f"the second pass ended before frame {last}, which was there in the first"


def test_a_second_reading_that_reaches_the_last_span_is_enough(monkeypatch):
    assert list(cut(monkeypatch, 30, [Span(0, 0, 10), Span(0, 12, 30)])) == [Span(0, 0, 10), Span(0, 12, 30)]
    assert list(cut(monkeypatch, 0, [])) == []


def test_the_lost_frames_are_booked_under_that_reason(monkeypatch):
    account = Account(PlannedSource(SOURCE, 1000, 5, 30 / 25))
    with pytest.raises(SourceRefused) as refused:
        next(cut(monkeypatch, 5, [Span(0, 0, 30)]))
    account.refused(refused.value)
    assert account.row("train").dropped == {"two readings differ": 1.2}
