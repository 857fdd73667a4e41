"""Crops from kept regions, beside crops from whole frames of a second reading."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from speechlip.faces.crops import similarities
from speechlip.faces.cutting import cut
from speechlip.media.probe import probe
from speechlip.preparing.cut import passes
from speechlip.preparing.cut.kept_regions import KEPT_BYTES, KeptRegions
from speechlip.preparing.cut.spans import choose_spans
from speechlip.preparing.options import PrepOptions
from speechlip.records import Face, Source, SyncVerdict

NOISE = np.random.default_rng(0).integers(0, 255, (300, 401, 3), dtype=np.uint8)
SIZE = 401, 300
SOUND = np.zeros(640, np.int16)
PLACES = [(200, 150), (60, 60), (395, 290), (10, 299)]
"""Centres of faces: in the middle, and at each border of an image with an odd side."""


def face_at(x, y, side=80):
    return Face(np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32), 1.0)


def affine_at(x, y, per_pixel):
    return similarities(np.array([x + 1j * y]), np.array([np.exp(0.2j) / per_pixel]))[0].astype(np.float32)


@pytest.mark.parametrize("centre", PLACES)
def test_a_crop_of_a_kept_region_is_that_of_the_frame(centre):
    """The mouth of a box without landmarks is near its middle, and 96 crop px are about 43 px of the box."""
    kept = KeptRegions("lower-face")
    kept.see(7, NOISE, [face_at(*centre)], SOUND)
    x, y = centre
    inside = [
        affine_at(x + dx, y + 20 + dy, per_pixel)
        for dx, dy, per_pixel in ((0, 0, 0.5), (9.3, -4.1, 0.8), (-11, 7, 0.9))
    ]
    for affine in inside:
        assert kept.has(7, affine)
    frame = kept.take(7)
    for affine in inside:
        assert np.array_equal(frame.cut(affine), cut(NOISE, affine))


def test_a_crop_that_needs_more_is_not_cut():
    kept = KeptRegions("lower-face")
    kept.see(0, NOISE, [face_at(200, 150)], SOUND)
    far, large = affine_at(260, 170, 0.8), affine_at(200, 170, 1.5)
    assert not kept.has(0, far) and not kept.has(0, large) and not kept.has(1, affine_at(200, 170, 0.8))
    assert kept.take(0).cut(far) is None


def test_a_gap_keeps_the_last_place_as_long_as_tracks_are_interpolated():
    kept = KeptRegions("lower-face")
    for index in range(20):
        kept.see(index, NOISE, [face_at(200, 150)] if index == 3 else [], SOUND)
    assert [index for index in range(20) if kept.has(index, affine_at(200, 170, 0.8))] == list(range(3, 16))


@pytest.mark.parametrize("preset", ["lips", "lower-face", "auto-avsr"])
def test_a_face_without_extent_is_not_kept(preset):
    """As sidecars have it where there is no face: zeros."""
    nobody = Face(np.zeros(4, np.float32), 0.0, np.zeros((68, 2), np.float32))
    kept = KeptRegions(preset)
    kept.see(0, NOISE, [nobody], SOUND)
    kept.see(1, NOISE, [replace(nobody, landmarks=None)], SOUND)
    kept.see(2, NOISE, [replace(nobody, box=np.array([5, 5, 90, 90], np.float32))], SOUND)
    assert not any(kept.has(index, affine_at(40, 40, 0.8)) for index in range(3))


def test_of_a_long_video_the_last_frames_are_kept():
    """A region has 80 + 2 · 28 / 96 · 80 px a side and a little more: under 60 kB."""
    kept = KeptRegions("lower-face", most_bytes=10 * 60_000)
    affine = affine_at(200, 170, 0.8)
    for index in range(100):
        kept.see(index, NOISE, [face_at(200, 150)], SOUND)
    here = [index for index in range(100) if kept.has(index, affine)]
    assert here == list(range(100 - len(here), 100)) and 10 <= len(here) <= 12
    assert sum(kept.take(index).n_bytes for index in here) <= 10 * 60_000


def clips_of(path, options, most_bytes, monkeypatch, delay=None):
    """Clips, and how many frames were read twice."""
    monkeypatch.setattr(passes, "KeptRegions", partial(KeptRegions, most_bytes=most_bytes))
    source, info, again = Source(path, path.name, ""), probe(path), []
    seen = passes.observe(source, info, options, lambda name, seconds: None)
    if delay is not None:
        verdict = SyncVerdict(3.0, 7.0, delay, "", "", delay)
        seen = replace(seen, verdicts=(verdict,) * len(seen.tracks))
    spans, _ = choose_spans(seen, options.min_clip_s, options.max_clip_s)
    monkeypatch.setattr(passes, "whole_frame", counted(passes.whole_frame, again))
    return list(passes.cut_clips(source, info, seen, spans, (), options, lambda name, seconds: None)), len(
        again
    )


def counted(function, calls):
    def run(index, *arguments):
        calls.append(index)
        return function(index, *arguments)

    return run


def same(clips, others):
    for clip, other in zip(clips, others, strict=True):
        assert (clip.track, clip.start_frame) == (other.track, other.start_frame)
        assert np.array_equal(clip.lips, other.lips) and np.array_equal(clip.audio, other.audio)
    return bool(clips)


@pytest.mark.parametrize("delay", [None, 3, -2])
def test_both_paths_give_the_same_clips_of_a_synthetic_head(talking, monkeypatch, delay):
    path = sorted(talking.rglob("*.mp4"))[0]
    options = PrepOptions(detector="cascade", min_clip_s=0.4, max_clip_s=1)
    again, n_read = clips_of(path, options, 0, monkeypatch, delay)
    with monkeypatch.context() as patch:
        kept, n_none = clips_of(path, options, 2**28, patch, delay)
    some, n_some = clips_of(path, options, 1_500_000, monkeypatch, delay)
    assert same(again, kept) and same(again, some)
    assert n_none == 0 < n_some < n_read


def test_a_real_clip_is_decoded_once(real_clips, face_model, monkeypatch):
    path, options = real_clips / "videoretalking_3.mp4", PrepOptions(detector="landmarker")
    with monkeypatch.context() as patch:
        kept, n_none = clips_of(path, options, KEPT_BYTES, patch)
    again, n_read = clips_of(path, options, 0, monkeypatch)
    assert same(kept, again) and (n_none, n_read) == (0, 125)
