"""Metrics of lip motion by hand: moved, still, silent and missing mouths; warping beside a plain loop."""

import math

import numpy as np
import pytest

from speechlip.metrics.declared import NotScored
from speechlip.metrics.lips import mtm
from speechlip.metrics.lips.lip_corr import lip_correlation
from speechlip.metrics.lips.lip_dtw import lip_dtw
from speechlip.metrics.lips.lip_dynamics import lip_dynamics
from speechlip.metrics.lips.lmd_soft import soft_dtw_lmd
from speechlip.metrics.lips.mtm import mean_temporal_misalignment
from speechlip.metrics.lips.opening import bridged, lip_opening, stretches
from speechlip.metrics.lips.silent_lips import silent_lip_deviation
from speechlip.metrics.lips.slcc import loudness, speech_lip_correlation
from speechlip.metrics.lips.warping import BAND, accumulate, banded, path

EYES_PX = 100.0


def faces(opening):
    """A face whose inner lips are ``opening`` eye distances apart in each frame."""
    points = np.zeros((len(opening), 68, 2), np.float32)
    points[:, 45, 0] = EYES_PX
    points[:, 48:68] = np.arange(20)[:, None]
    points[:, 62] = [50, 60]
    points[:, 66, 0], points[:, 66, 1] = 50, 60 + EYES_PX * np.asarray(opening)
    return points


def spoken(frames=250, seed=0):
    """An opening as of speech: syllables of uneven length and size."""
    steps = np.random.default_rng(seed).normal(0, 1, frames + 50)
    smooth = np.convolve(steps, np.hanning(9) / 4.5, mode="valid")[:frames]
    return 0.1 + 0.04 * smooth


def apart(a, b):
    return np.abs(a - b)


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 5])
def test_mtm_of_moved_images_is_the_time_they_were_moved_by(frames):
    opening = spoken(300)
    moved, still = faces(opening[5 - frames : 295 - frames]), faces(opening[5:295])
    wanted = 40.0 * frames
    assert mean_temporal_misalignment(moved, still) == pytest.approx(wanted, abs=1.0 if frames else 0)
    assert mean_temporal_misalignment(still, moved) == pytest.approx(wanted, abs=1.0 if frames else 0)


def test_mtm_does_not_mind_how_wide_a_mouth_opens_nor_how_large_a_face_is():
    opening = spoken()
    assert mean_temporal_misalignment(faces(opening / 2), 3 * faces(opening)) == 0.0


def test_mtm_goes_on_over_gaps():
    opening = spoken()
    render, reference = faces(opening[2:]), faces(opening[:-2])
    render[50:55], reference[120:180] = np.nan, np.nan
    assert mean_temporal_misalignment(render, reference) == pytest.approx(80.0, abs=3.0)


def plain_dtw(costs):
    """Every cell by its three neighbours, without a band."""
    totals = np.full((len(costs) + 1, len(costs) + 1), np.inf)
    totals[0, 0] = 0
    for i, j in np.ndindex(costs.shape):
        least = min(totals[i, j], totals[i, j + 1], totals[i + 1, j])
        totals[i + 1, j + 1] = costs[i, j] + least
    return totals[-1, -1]


def plain_soft_dtw(costs, softness):
    totals = np.full((len(costs) + 1, len(costs) + 1), np.inf)
    totals[0, 0] = 0
    for i, j in np.ndindex(costs.shape):
        three = np.array([totals[i, j], totals[i, j + 1], totals[i + 1, j]])
        totals[i + 1, j + 1] = costs[i, j] - softness * np.log(np.exp(-three / softness).sum())
    return totals[-1, -1]


def test_warping_is_that_of_a_plain_loop():
    first, second = np.random.default_rng(1).normal(size=(2, BAND))
    costs = banded(first, second, apart)
    full = np.abs(first[:, None] - second[None])
    for softness, wanted in ((0.0, plain_dtw(full)), (0.5, plain_soft_dtw(full, 0.5))):
        assert accumulate(costs, softness)[-1, BAND - 1] == pytest.approx(wanted)
    pairs = path(accumulate(costs))
    assert pairs[0].tolist() == [0, 0] and pairs[-1].tolist() == [BAND - 1, BAND - 1]
    assert {tuple(step) for step in np.diff(pairs, axis=0).tolist()} <= {(1, 1), (1, 0), (0, 1)}
    assert full[tuple(pairs.T)].sum() == pytest.approx(plain_dtw(full))


def test_a_path_stays_within_its_band():
    first = np.zeros(200)
    first[20:30] = 1.0
    pairs = path(accumulate(banded(first, np.roll(first, 120), apart)))
    assert np.abs(np.diff(pairs, axis=1)).max() <= BAND


def test_lip_dtw_forgives_time_and_not_size():
    opening = spoken()
    late = lip_dtw(faces(opening[3:]), faces(opening[:-3]))
    assert late < 0.2 * np.abs(opening[3:] - opening[:-3]).mean()
    assert lip_dtw(faces(np.full(250, 0.1)), faces(np.full(250, 0.13))) == pytest.approx(0.03, rel=1e-4)


def test_lip_dtw_is_a_mean_over_the_path_which_is_longer_than_the_clip():
    """A mouth opens five frames late and 0.02 wider: 35 steps of 0.02 each, not 30."""
    real, own = (np.where(np.arange(30) < opens, 0.1, 0.3) for opens in (10, 15))
    assert lip_dtw(faces(own + 0.02), faces(real)) == pytest.approx(0.02, rel=1e-5)


def test_soft_dtw_lmd_by_hand_and_in_order():
    """Two still mouths: all frames are equally far apart, and equal to themselves."""
    still, wide = faces(np.full(30, 0.1)), faces(np.full(30, 0.1))
    wide[:, 48:58, 0] += 8.0  # mean 4: every point is 4 px away, 0.04 eye distances
    assert soft_dtw_lmd(still, still) == 0.0
    of_two, of_one = (plain_soft_dtw(np.full((30, 30), cost), 0.01) for cost in (0.04, 0.0))
    assert soft_dtw_lmd(wide, still) == pytest.approx((of_two - of_one) / 30, rel=1e-4)
    opening = spoken()
    late = soft_dtw_lmd(faces(opening[2:]), faces(opening[:-2]))
    other = soft_dtw_lmd(faces(spoken(248, seed=5)), faces(opening[:-2]))
    assert 0 <= late < other


def test_slcc_by_hand():
    """Two levels, 20 dB apart, and openings that follow them: r = 1; against them −1; neither 0."""
    loud = np.array([1, 0] * 20, bool)
    audio = np.repeat(np.where(loud, 3277, 328), 640).astype(np.int16)
    assert np.ptp(loudness(audio)) == pytest.approx(20, abs=0.02)
    for opening, wanted in (
        (0.1 + 0.1 * loud, 1.0),
        (0.2 - 0.1 * loud, -1.0),
        (np.tile([0.1, 0.1, 0.2, 0.2], 10), 0),
    ):
        assert speech_lip_correlation(faces(opening), audio) == pytest.approx(wanted, abs=1e-6)


def test_lip_correlation_by_hand_and_over_missing_frames():
    opening = spoken()
    render = faces(2 * opening)
    render[10:40] = np.nan
    assert lip_correlation(render, faces(opening)) == pytest.approx(1.0)
    assert lip_correlation(faces(0.5 - opening), faces(opening)) == pytest.approx(-1.0)


def test_silent_lips_by_hand():
    """Speech in the middle; the mean of 0 0 0 .. .04 is .01: half of the frames are .01 away from it."""
    speech = np.r_[np.zeros(12, bool), np.ones(30, bool), np.zeros(7, bool)]
    opening = np.r_[np.tile([0.0, 0.0, 0.0, 0.04], 3), np.linspace(0, 1, 30), np.full(7, 0.5)]
    assert silent_lip_deviation(faces(opening), speech) == pytest.approx(0.01, rel=1e-4)
    with pytest.raises(
        NotScored, match="no silence: a face in a silence of 8 frames is wanted; 7 are silent"
    ):
        silent_lip_deviation(faces(opening)[12:], speech[12:])


def test_lip_dynamics_by_hand():
    """One point of 20 moves by ±1 % of the eye distance along its distance to the 19 others."""
    points = np.zeros((40, 68, 2))
    points[:, 45, 0] = 100.0
    points[:, 66, 1] = 50.0 + np.tile([1.0, -1.0], 20)
    assert lip_dynamics(points) == pytest.approx(19 / 190 * 0.01**2)
    assert lip_dynamics(5 * points) == pytest.approx(19 / 190 * 0.01**2)


@pytest.mark.parametrize("metric", [mean_temporal_misalignment, lip_correlation])
@pytest.mark.parametrize(
    ("render", "why"),
    [
        (
            faces(np.full(100, 0.05)),
            "still mouth: the opening of the render's mouth varies by 0.0000 eye distances",
        ),
        (faces(spoken(20)), "too short: .* 25 frames"),
        (np.full((100, 68, 2), np.nan), "still mouth|too short"),
    ],
)
def test_a_pair_that_cannot_be_compared_says_why(metric, render, why):
    with pytest.raises(NotScored, match=why):
        metric(render, faces(spoken(len(render), seed=3)))


def test_audio_without_a_change_has_no_slcc():
    with pytest.raises(NotScored, match="every frame with a face has -60 dB: silence, or one tone"):
        speech_lip_correlation(faces(spoken(50)), np.zeros(50 * 640, np.int16))


def test_audio_that_changes_only_where_there_is_no_face_has_no_slcc():
    points = faces(spoken(60))
    points[:20] = np.nan
    audio = np.repeat(np.where(np.arange(60) < 20, 0, 3277).astype(np.int16), 640)
    with pytest.raises(NotScored, match="constant audio: every frame with a face has -20 dB"):
        speech_lip_correlation(points, audio)


def test_openings_over_gaps():
    series = np.r_[np.zeros(30), np.full(12, np.nan), np.ones(30), np.full(13, np.nan), np.ones(10)]
    filled = bridged(series)
    assert np.isfinite(filled[:72]).all() and math.isnan(filled[72]) and np.isnan(filled[72:85]).all()
    assert filled[29:43].tolist() == pytest.approx([k / 13 for k in range(14)])
    assert stretches(filled) == [slice(0, 72)]
    blind = faces(np.full(3, 0.1))
    blind[1, 45] = blind[1, 36]
    assert np.isnan(lip_opening(blind)).tolist() == [False, True, False]


@pytest.mark.parametrize(("late", "found"), [(8, [8]), (12, [])])
def test_mtm_takes_extrema_that_lie_between_the_neighbours_of_the_other(late, found, monkeypatch):
    """The real mouth has a maximum at 45 and minima at 35 and 55: 53 lies between these, 57 does not."""
    frames = np.arange(120)
    real, own = np.sin(2 * np.pi * (frames - 20) / 20), np.sin(2 * np.pi * (frames - 20 - late) / 20)
    monkeypatch.setattr(mtm, "path", lambda table: np.array([[45, 45 + late]]))
    assert mtm.extrema(real)[45] == "max" == mtm.extrema(own)[45 + late]
    assert mtm.frames_apart(own, real) == found
