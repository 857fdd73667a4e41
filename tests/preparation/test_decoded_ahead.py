"""A first reading whose frames are decoded in a thread: the same observation, and no thread left behind."""

import threading
from dataclasses import asdict

import numpy as np
import pytest

from speechlip.errors import SourceRefused
from speechlip.media import frames
from speechlip.media.probe import probe
from speechlip.preparing import run_units as running
from speechlip.preparing.cut import passes
from speechlip.preparing.cut.spans import choose_spans
from speechlip.preparing.options import PrepOptions
from speechlip.progress import SILENT
from speechlip.records import Source

OPTIONS = PrepOptions(detector="cascade", min_clip_s=0.4, max_clip_s=1)


@pytest.fixture(scope="module")
def source(talking):
    path = sorted(talking.rglob("*.mp4"))[0]
    return Source(path, path.name, "")


def told_nothing(name, seconds):
    pass


@pytest.mark.parametrize("part", [(0, None), (0, 20), (7, 30), (1000, None)])
def test_what_is_observed_does_not_depend_on_a_spare_core(source, part):
    info = probe(source.path)
    alone, told_alone = observed(source, info, part, False)
    ahead, told_ahead = observed(source, info, part, True)
    assert told_alone == told_ahead
    assert asdict(alone.reading) == asdict(ahead.reading)
    for one, other in zip(clips(source, alone), clips(source, ahead), strict=True):
        assert np.array_equal(one.lips, other.lips) and np.array_equal(one.audio, other.audio)
        assert one.quality == other.quality and np.array_equal(one.speech, other.speech)
    for name in ("has_image", "face_seen", "peaks", "speech"):
        assert np.array_equal(getattr(alone, name), getattr(ahead, name))


def observed(source, info, part, spare_core):
    """The observation, and what was reported."""
    told = []
    seen = passes.observe(source, info, OPTIONS, lambda *event: told.append(event), *part, spare_core)
    return seen, told


def clips(source, seen):
    spans, _ = choose_spans(seen, OPTIONS.min_clip_s, OPTIONS.max_clip_s)
    return list(passes.cut_clips(source, probe(source.path), seen, spans, (), OPTIONS, told_nothing))


@pytest.mark.parametrize("spare_core", [False, True])
def test_an_error_of_the_decoder_or_of_the_detector_leaves_no_thread(source, monkeypatch, spare_core):
    def break_off(*arguments):
        raise SourceRefused("video", "colours cannot be read")

    before, info = threading.active_count(), probe(source.path)
    with monkeypatch.context() as patched:
        patched.setattr("speechlip.media.images.painting.Painter.paint", break_off)
        with pytest.raises(SourceRefused, match="colours cannot be read"):
            passes.observe(source, info, OPTIONS, told_nothing, spare_core=spare_core)
    assert threading.active_count() == before
    with pytest.raises(ZeroDivisionError):
        passes.observe(source, info, OPTIONS, lambda *event: 1 / 0, spare_core=spare_core)
    assert threading.active_count() == before


def test_the_file_is_closed_by_an_early_stop(source, monkeypatch):
    closed = []
    monkeypatch.setattr(frames.FrameReader, "close", lambda reader: closed.append(threading.current_thread()))
    passes.observe(source, probe(source.path), OPTIONS, told_nothing, 0, 5, True)
    assert closed and closed[0] is not threading.current_thread() and not closed[0].is_alive()


@pytest.mark.parametrize(
    ("cores", "workers", "spare"), [(1, 1, False), (2, 1, True), (2, 2, False), (16, 8, True)]
)
def test_a_core_is_spare_where_there_are_two_for_each_worker(monkeypatch, tmp_path, cores, workers, spare):
    def engine(work, units, workers):
        asked.append(work.keywords["spare_core"])
        return iter(())

    asked: list[bool] = []
    monkeypatch.setattr(running, "usable_cores", lambda: cores)
    job = running.Job(tmp_path, [], OPTIONS, about=None)
    running.run_units(job, [], False, engine, workers, SILENT)
    assert asked == [spare]
