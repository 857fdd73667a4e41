"""What a pair is: shares of the kinds, distances of windows, where they stand in their clips."""

import math
from collections import Counter
from fractions import Fraction
from functools import partial

import pytest

from speechlip.errors import OptionError
from speechlip.shards.pairs.mix import PairMix, parse_mix
from speechlip.shards.pairs.rules import PairClip, PairRules, far_apart, pair_clip
from speechlip.shards.sample_meta import SampleMeta, moved_audio

# the mix


def test_parse_shares_of_negatives_and_of_all():
    assert parse_mix("shift:0.5, clip:0.25, speaker:0.25") == PairMix(0.5, 0.25, 0.125, 0.125)
    assert parse_mix("positive:0.25,speaker:0.75") == PairMix(0.25, 0, 0, 0.75)
    assert parse_mix("shift:0.33,clip:0.33,speaker:0.33").shift == pytest.approx(1 / 6)
    assert parse_mix("positive:0.34,shift:0.34,clip:0.33").shares() == pytest.approx(
        {"positive": 34 / 101, "shift": 34 / 101, "clip": 33 / 101, "speaker": 0}
    )
    assert parse_mix("shift:1").kinds() == ("positive", "shift")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shfit:1", "no kind of pair 'shfit'.*there are: positive, shift, clip, speaker"),
        ("", "no kind of pair ''"),
        ("shift", "cannot read the share ''"),
        ("shift:lots", "cannot read the share 'lots'"),
        ("shift:-1,clip:2", "cannot read the share '-1'"),
        ("shift:nan", "cannot read the share 'nan'"),
        ("shift:0.5,clip:0.2", "add up to 0.7; they must add up to 1"),
        ("shift:0.5,shift:0.5", "named twice"),
    ],
)
def test_parse_says_what_is_wrong(text, message):
    with pytest.raises(OptionError, match=message):
        parse_mix(text)


def test_mix_must_add_up():
    with pytest.raises(OptionError, match=r"sum 1\.25"):
        PairMix(shift=0.5)
    with pytest.raises(OptionError, match="no kind of negative is left"):
        PairMix(0.5, 0.5, 0, 0).without(("shift",))


# the rules


@pytest.mark.parametrize(
    "rules",
    [
        PairRules(),
        PairRules(gap_frames=0),
        PairRules(3, 1),
        PairRules(max_shift_frames=12),
        PairRules(5, 0, 5),
    ],
)
def test_shifts_keep_the_distance_and_say_nothing_by_position(rules):
    """Every outcome of the draws, with its probability: lips and speech of shifts and a single start are
    distributed alike, to the last digit.
    """
    for n_frames in [1, 4, *range(13, 30, 2), 34, 47, 100]:
        starts, limit = range(max(0, n_frames - rules.window + 1)), rules.max_shift_frames or n_frames
        possible = any(
            rules.min_offset <= abs(speech - lips) <= limit for lips in starts for speech in starts
        )
        assert rules.can_shift(n_frames) == possible
        single = outcomes(partial(rules.sample_start, n_frames)) if starts else {}
        if not possible:
            assert single == dict.fromkeys(starts, Fraction(1, max(1, len(starts))))
            continue
        shifts = outcomes(partial(rules.sample_shift, n_frames))
        assert all(
            rules.min_offset <= abs(speech - lips) <= limit and {lips, speech} <= {*starts}
            for lips, speech in shifts
        )
        for side in (0, 1):
            found = Counter()
            for pair, share in shifts.items():
                found[pair[side]] += share
            assert found == single
        assert len(single) >= len(starts) - 2 * rules.min_offset


def outcomes(drawing):
    """Every outcome of a function of ``draw``, with its probability, as a fraction."""
    found, waiting = Counter(), [()]
    while waiting:
        script, counts = waiting.pop(), []

        def draw(n, script=script, counts=counts):
            counts.append(n)
            return script[len(counts) - 1] if len(counts) <= len(script) else 0

        outcome = drawing(draw)
        if len(counts) > len(script):
            waiting += [(*script, choice) for choice in range(counts[len(script)])]
        else:
            found[outcome] += Fraction(1, math.prod(counts))
    return found


def test_no_two_windows_at_least_distance_share_a_frame():
    for rules in (PairRules(), PairRules(gap_frames=0), PairRules(window=7, gap_frames=2)):
        lips = set(range(50, 50 + rules.window))
        for offset in (rules.min_offset, -rules.min_offset):
            assert not lips & set(range(50 + offset, 50 + offset + rules.window))
    assert PairRules().min_offset == 10  # a window of five and as much between them


def test_rules_that_leave_nothing_are_refused():
    with pytest.raises(OptionError, match="max_shift_frames 9 leaves no shift: offsets start at 10"):
        PairRules(max_shift_frames=9)
    with pytest.raises(OptionError, match="would share frames"):
        PairRules(gap_frames=-1)
    with pytest.raises(OptionError, match="at least one frame"):
        PairRules(window=0)


def test_two_faces_at_once_are_no_negative():
    left, right = PairClip("a", "s", "film", 100, 50), PairClip("b", "s", "film", 120, 50)
    assert not far_apart(left, 25, right, 0, PairRules())  # 125 and 120 of one film
    assert far_apart(left, 10, right, 0, PairRules()) and far_apart(
        left, 25, PairClip("c", "s", "other", 120, 50), 0, PairRules()
    )


def test_distance_is_that_of_the_sound_where_it_was_moved():
    """Sound moved 6 frames later: the pictures of frame 116 are heard with sound 110, which frames 110 … 114
    of the other face are heard with.
    """
    facts = {"speaker": "s", "source_sha256": "film", "start_s": 4.0, "n_frames": 50}
    asis, later = (
        pair_clip("a", SampleMeta(**facts, corrected=())),
        pair_clip("b", SampleMeta(**facts, corrected=("29.97 fps → 25", moved_audio(6)))),
    )
    assert (asis.audio_start_in_recording, later.audio_start_in_recording) == (100, 94)
    touching = PairRules(gap_frames=0)
    assert not far_apart(asis, 10, later, 16, touching) and not far_apart(
        later, 16, asis, 10, touching
    )  # pictures 6 frames apart
    assert far_apart(asis, 10, later, 11, touching)  # sound 110 and 105, pictures one frame apart
