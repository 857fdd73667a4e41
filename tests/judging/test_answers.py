"""Answers by hand arithmetic."""

from collections import Counter
from dataclasses import replace

import pytest

from speechlip.judging.answers import answer, curve, in_order
from speechlip.judging.harms.table import HARMS
from speechlip.judging.words import paragraph
from speechlip.metrics.table import metric

CLEAN = {"a": 10.0, "b": 12.0, "c": 14.0, "d": 16.0}


def moved(by, clips="abcd"):
    return {clip: CLEAN[clip] + by for clip in clips}


def test_numbers_of_an_answer():
    """Clean 10 12 14 16 beside 6 9 11 14: worse by 4 3 3 2, mean 3; variances 20/3 and 34/3."""
    told = answer(1, {"a": 6.0, "b": 9.0, "c": 11.0, "d": 14.0}, CLEAN, {"no face": 2}, True)
    assert (told.mean, told.clean_mean, told.worse_by, told.clips) == (10.0, 13.0, 3.0, 4)
    assert told.effect == pytest.approx(3 / (0.5 * (20 / 3 + 34 / 3)) ** 0.5) == 1.0
    assert told.ci_low == pytest.approx(3 - 3.182 * (2 / 3) ** 0.5 / 2, abs=1e-3)

    # harmed below clean, of 16 pairs: 6 below all 4, 9 below 4, 11 below 3, 14 below 1 and beside 1
    assert told.auc == (4 + 4 + 3 + 1 + 0.5) / 16
    assert told.worse_share == 1.0 and told.verdict == "worse" and told.missing == {"no face": 2}


@pytest.mark.parametrize(
    ("by", "higher", "verdict"),
    [
        (-3, True, "worse"),
        (-3, False, "better"),
        (3, False, "worse"),
        (0, True, "unmoved"),
        (-0.1, True, "unmoved"),
    ],
)
def test_worse_is_what_the_metric_declares(by, higher, verdict):
    """A difference of 0.1 in a spread of 2.6 is clear and too small to count."""
    assert answer(1, moved(by), CLEAN, {}, higher).verdict == verdict


def test_without_direction_far_from_the_clean_ones_is_worse():
    both_ways = {"a": -20.0, "b": -18.0, "c": 44.0, "d": 46.0}
    told = answer(1, both_ways, CLEAN, {}, None)
    assert (told.verdict, told.auc, told.worse_by) == (
        "worse",
        1.0,
        30.0,
    )  # |v − 13|: 33 31 31 33, and 3 1 1 3


def test_copies_that_do_not_vary_have_no_effect_size():
    told = answer(1, dict.fromkeys("abc", 40.0), dict.fromkeys("abc", 100.0), {}, True)
    assert (told.verdict, told.effect, told.auc) == ("worse", None, 1.0)


def test_two_clips_are_too_few():
    told = answer(1, moved(-3, "ab"), CLEAN, {"no face": 2}, True)
    assert (told.verdict, told.clips, told.auc, told.mean) == ("unknown", 2, None, None)


def test_the_smallest_step_counts_only_where_all_larger_ones_do():
    def at(*by):
        steps = tuple(range(1, 1 + len(by)))
        return curve("psnr", "blur", steps, [moved(each) for each in by], CLEAN, [Counter()] * len(by), True)

    assert (at(0, -3, -6).notices_from, at(0, -3, -6).in_order) == (2, True)
    assert (at(-3, 0, -6).notices_from, at(-3, 0, -6).in_order) == (3, False)
    assert (at(-3, -6, 0).notices_from, at(-3, -6, 0).in_order) == (None, False)
    assert (at(0, 0, 0).notices_from, at(0, 0, 0).in_order) == (None, False)


def test_order_is_of_clips_that_have_every_step():
    assert in_order([moved(-1), moved(-2, "abc")], CLEAN, True)
    assert in_order([moved(-1, "ab"), moved(-2)], CLEAN, True) is None


def curves_of(**by):
    """Harm → how far each step moves PSNR."""
    return [
        curve(
            "psnr",
            name,
            HARMS[name].steps,
            [moved(each) for each in moves],
            CLEAN,
            [Counter()] * len(moves),
            True,
        )
        for name, moves in by.items()
    ]


def test_words_say_what_the_numbers_say():
    told = curves_of(h264=(0, -3, -6, -9), blur=(0, 0, 0), mouth_more=(3, 3, 3), again=(0,), h264_fine=(-3,))
    words = paragraph(metric("psnr"), told)
    assert words == (
        "Calls worse: H.264 28 crf and more (AUC 1.00 at 40 crf). Does not notice: blur. "
        "Calls better: mouth moves more at every step. Not in the order of the steps: mouth moves more. "
        "False alarms: H.264 crf 12 12 crf (worse, 1.2 of its own spread)."
    ).replace("H.264 crf 12 12 crf", HARMS["h264_fine"].words(12))


def test_words_claim_nothing_of_too_few_clips():
    two = dict(list(CLEAN.items())[:2])
    told = [
        curve("psnr", name, HARMS[name].steps[:1], [two], two, [Counter()], True)
        for name in ("blur", "again")
    ]
    assert paragraph(metric("psnr"), told) == "Too few clips for: blur, written again, lossless."


def test_words_name_the_steps_that_may_be_chance():
    steps = [{clip: value - by for clip, value in CLEAN.items()} for by in (3, 4, 5)]
    told = curve("psnr", "blur", (1, 2, 4), steps, CLEAN, [Counter()] * 3, True)
    assert "chance" not in paragraph(metric("psnr"), [told])
    doubted = (*(replace(each, p_corrected=0.2) for each in told.answers[:2]), told.answers[2])
    words = paragraph(metric("psnr"), [replace(told, answers=doubted)])
    assert "Perhaps chance, among so many answers: blur at 1, 2 px." in words
