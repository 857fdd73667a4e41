"""Pairs are drawn where somebody speaks: the rules, the frozen pairs, training, the check of a folder."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
import tiny_dataset
from test_pair_rules import outcomes

from speechlip import pair_loader
from speechlip.errors import OptionError, ShardError
from speechlip.shards.checks.verify import verify
from speechlip.shards.pairs.freeze import freeze_pairs
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.pairs.loader import NOBODY_LISTENED
from speechlip.shards.pairs.rules import PairClip, PairRules, rules_for

SPLITS = {"train": {"anna": (50, 40), "ben": (45, 35)}, "test": {"dora": (40, 60), "emil": (38, 50)}}
KEYS = [f"{who}-{n}" for who in ("anna", "ben", "dora", "emil") for n in (0, 1)]
HALVES = {key: [(0, 8), (22, 32)] for key in KEYS}


def spoken_of(spans, start, window=5):
    """Frames of a window with speech, counted one by one."""
    return sum(low <= frame < high for frame in range(start, start + window) for low, high in spans)


@pytest.mark.parametrize("rules", [PairRules(), PairRules(gap_frames=0), PairRules(max_shift_frames=14)])
@pytest.mark.parametrize(
    "spans",
    [[(0, 60)], [(10, 40)], [(0, 12), (45, 60)], [(3, 9), (20, 27), (50, 53)], [(0, 5), (8, 30)], [(4, 7)]],
)
def test_windows_are_spoken_and_their_places_say_nothing(rules, spans):
    """By counting frames and by every outcome of the draws: lips, speech and single starts are alike."""
    spoken, n_frames = tuple(spans), 60
    allowed = [start for start in range(56) if spoken_of(spans, start) >= 3]
    assert list(rules.open_starts(n_frames, spoken)) == allowed
    single = outcomes(partial(rules.sample_start, n_frames, spoken=spoken))
    assert {*single} <= {*allowed} and len(set(single.values())) == 1
    if not rules.can_shift(n_frames, spoken):
        assert {*single} == {*allowed}
        return
    shifts = outcomes(partial(rules.sample_shift, n_frames, spoken=spoken))
    most = rules.max_shift_frames or n_frames
    assert all(rules.min_offset <= abs(lips - speech) <= most for lips, speech in shifts)
    for side in (0, 1):
        found = Counter()
        for pair, share in shifts.items():
            found[pair[side]] += share
        assert found == single


def test_a_pair_of_far_stretches_is_possible():
    """By hand: windows that start at 0 to 5 and at 48 to 53 are 43 frames apart, and more."""
    rules, spoken = PairRules(), ((0, 8), (50, 58))
    assert rules.open_starts(60, spoken) == (*range(6), *range(48, 56))
    assert rules.can_shift(60, spoken) and not rules.can_shift(60, ((0, 8),))
    assert rules.shifted_starts(60, 0, spoken) == [50]


def clips(spoken):
    return [PairClip(f"{who}{n}", who, f"{who}{n}", 0, 60, 0, spoken) for who in "abc" for n in range(4)]


def test_clips_that_speak_throughout_give_the_pairs_of_clips_that_do_not_say():
    rows = freeze_pairs(clips(None), 3).rows
    assert rows == freeze_pairs(clips(((0, 60),)), 3).rows and len(rows) > 80
    assert rows == freeze_pairs(clips(()), 3, rules=rules_for("any")).rows


def test_frozen_windows_are_spoken():
    spans = ((5, 20), (40, 47))
    rows = freeze_pairs(clips(spans), 0).rows
    starts = {start for row in rows for start in (row.lips_start_frame, row.audio_start_frame)}
    assert min(spoken_of(spans, start) for start in starts) == 3 and len(rows) > 60
    assert Counter(row.label for row in rows) == {0: len(rows) / 2, 1: len(rows) / 2}


def test_clips_without_speech_give_no_pairs_and_the_others_all():
    speaking = [replace(clip, spoken=((0, 60),)) for clip in clips(())[:6]]
    rows = freeze_pairs([*speaking, *clips(())[6:]], 0).rows
    assert {row.lips_key for row in rows} | {row.audio_key for row in rows} == {c.key for c in speaking}
    nothing = freeze_pairs(clips(()), 0)
    assert (nothing.rows, nothing.counts["positive"]) == ((), 0)
    assert nothing.off["shift"] == "no window of any clip is speech for 50% of it; --pairs any takes all"


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_is_checked(share):
    with pytest.raises(OptionError, match="least_speech must be a share from 0 to 1"):
        PairRules(least_speech=share)
    with pytest.raises(OptionError, match="no --pairs 'loud'; there are: speech, any"):
        rules_for("loud")


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("halves") / "out", SPLITS, spoken=HALVES)


def windows(loader):
    for batch in loader:
        yield from batch["lips_start"].tolist()
        yield from batch["speech_start"].tolist()


def test_training_pairs_are_spoken_and_any_takes_the_rest(halves):
    loader = pair_loader(halves, "train", batch_size=8, windows_per_clip=40)
    assert loader.notes == () and loader.counts.wordless == 0
    assert min(spoken_of(HALVES["anna-0"], start) for start in windows(loader)) == 3
    any_window = pair_loader(halves, "train", batch_size=8, windows_per_clip=40, rules=rules_for("any"))
    assert min(spoken_of(HALVES["anna-0"], start) for start in windows(any_window)) == 0


def test_a_split_without_speech_says_so(tmp_path):
    silent = tiny_dataset.write_dataset(tmp_path / "out", SPLITS, spoken=dict.fromkeys(KEYS, ()))
    with pytest.raises(
        ShardError, match=r"4 clips of them without a window of which 50% is speech.*--pairs any"
    ):
        list(pair_loader(silent, "train", batch_size=4))
    assert len(list(pair_loader(silent, "train", batch_size=4, rules=PairRules(least_speech=0)))) > 2
    assert verify(silent).ok and read_pairs(silent / "pairs" / "test.parquet") == ()


def test_folders_of_older_releases_are_as_they_were(tmp_path):
    older = tiny_dataset.write_dataset(tmp_path / "out", SPLITS)
    loader = pair_loader(older, "train", batch_size=8)
    assert loader.notes == (NOBODY_LISTENED,) and "an older release" in NOBODY_LISTENED
    same = pair_loader(older, "train", batch_size=8, rules=rules_for("any"))
    assert same.notes == () and list(windows(same)) == list(windows(loader))


def test_frozen_pairs_of_silence_are_a_problem(halves, tmp_path):
    assert verify(halves).ok
    quiet = {**HALVES, "dora-0": [(0, 2)]}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tiny_dataset, "freeze_pairs", partial(freeze_pairs, rules=rules_for("any")))
        other = tiny_dataset.write_dataset(tmp_path / "out", SPLITS, spoken=quiet)
    (said, *_) = [problem for problem in verify(other).problems if "dora-0" in problem]
    assert "a window of dora-0 of which less than 50% is speech" in said
