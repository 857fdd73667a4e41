"""A metric over frames: one by one or in lists, the same sum; what fails has a reason."""

import numpy as np
import pytest
import torch

from speechlip.errors import OptionError
from speechlip.media.decord_frames import ArrayImage
from speechlip.media.frames import Frame
from speechlip.metrics.declared import Batches, Metric, NotScored
from speechlip.metrics.image.lpips import METRIC, lpips_distance, random_lpips
from speechlip.metrics.table import metric
from speechlip.scoring.clip import images
from speechlip.scoring.clip.frame_sums import FrameSum
from speechlip.scoring.clip.strips import Strips


def grey(level, side=4):
    return np.full((side, side, 3), level, np.uint8)


def brightness(compute_all, pixels=40):
    """The mean of a frame, whose lists are computed by ``compute_all``."""
    declared = {"unit": "", "higher_is_better": None, "formula": "mean", "needs": (), "per": "frame"}
    batches = Batches(compute_all, pixels)
    return Metric("bright", "Bright", compute=lambda image: image.mean(), batches=batches, **declared)


def means(images):
    return [image.mean() for image in images]


@pytest.mark.parametrize(
    ("pixels", "sides", "lengths"),
    [
        (40, [4] * 5, [2, 2, 1]),  # 16 px each: two fit, three do not
        (15, [4] * 3, [1, 1, 1]),  # not even one fits: it comes alone
        (48, [4, 4, 4, 2, 2, 4], [3, 2, 1]),  # lists hold images of one size
    ],
)
def test_frames_are_given_in_lists_that_fit(pixels, sides, lengths):
    given = []

    def compute_all(images):
        given.append(len(images))
        return means(images)

    total = FrameSum(brightness(compute_all, pixels), None)
    for level, side in enumerate(sides):
        total.add(grey(level, side), None)
    assert total.total() == sum(range(len(sides))) and given == lengths


def test_lpips_in_lists_is_lpips_one_by_one():
    torch.manual_seed(0)
    model, rng = random_lpips(), np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 7, 40, 64, 3), dtype=np.uint8)
    total = FrameSum(METRIC, model)
    for render, reference in zip(*frames, strict=True):
        total.add(render, reference)
    one_by_one = [lpips_distance(model, *pair) for pair in zip(*frames, strict=True)]
    assert total.total() == pytest.approx(sum(one_by_one), abs=1e-5)


def test_a_waiting_cut_does_not_keep_its_frame():
    frame, seen = np.zeros((100, 100, 3), np.uint8), []
    total = FrameSum(brightness(lambda images: seen.extend(images) or means(images)), None)
    total.add(frame[:4, :4], None)
    assert total.total() == 0 and not np.shares_memory(seen[0], frame)


def test_of_a_region_nothing_else_is_computed(monkeypatch):
    """The metric is given the boxes' pixels and no others; a frame without a box is left out."""
    seen = []
    metric = Metric(
        *("seen", "Seen", "", None, "seen", ("reference",), "frame pair"),
        compute=lambda *pair: seen.append([image.shape for image in pair]) or float(pair[0].mean()),
    )
    monkeypatch.setattr(images.table, "metric", lambda family: metric)
    boxes = [(1, 2, 5, 8), None, (0, 0, 4, 6)]
    comparison = images.Comparison(("seen",), boxes, Strips(), True, {})
    for index in range(3):
        picture = ArrayImage(np.full((20, 30, 3), index, np.uint8))
        comparison.see(Frame(index, picture, None), Frame(index, picture, None))
    scores = comparison.scores(0.0)
    assert seen == [[(6, 4, 3)] * 2] * 2
    assert scores.values == {"seen": 1.0} and scores.frames == 2


@pytest.mark.parametrize(
    ("compute_all", "why"),
    [
        (lambda images: means(images)[1:], "2 numbers are wanted, one a frame, got 1"),
        (lambda images: [float("nan")] * len(images), "not finite: bright of a frame is nan"),
        (lambda images: 1 / 0, "division by zero"),
    ],
)
def test_a_list_that_fails_has_a_reason(compute_all, why):
    total = FrameSum(brightness(compute_all), None)
    total.add(grey(1), None)
    with pytest.raises(NotScored, match=why):
        total.add(grey(2), None)


def test_a_metric_per_clip_has_no_lists_of_frames():
    with pytest.raises(OptionError, match="metric bright per clip has batches; they are of single frames"):
        Metric("bright", "", "", None, "mean", (), "clip", np.mean, batches=Batches(means, 1))


def test_three_frames_on_end_of_one_size():
    """Levels 0 0 9 | 5 5 5 5: two sizes, so three triples; the first is 4.5 off, the others nothing."""
    total = FrameSum(metric("flicker"), None)
    for level, side in ((0, 4), (0, 4), (9, 4), (5, 2), (5, 2), (5, 2), (5, 2)):
        total.add(grey(level, side), None)
    assert total.mean() == pytest.approx(4.5 / 3)
    with pytest.raises(NotScored, match="too short: flicker wants three frames of one size on end"):
        FrameSum(metric("flicker"), None).mean()
