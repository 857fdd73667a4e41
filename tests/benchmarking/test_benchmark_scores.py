"""Scores against arithmetic by hand and properties: chance is chance, offsets are read back, intervals and
differences rest on clips.
"""

from dataclasses import replace

import numpy as np
import pytest

from speechlip.benchmarking.columns import COLUMNS
from speechlip.benchmarking.evaluation.evaluate import Evaluation, curve_of, curve_starts
from speechlip.benchmarking.evaluation.scores import (
    PairFacts,
    compared,
    notes_on,
    row_scores,
    seed_result,
    seed_scores,
)
from speechlip.benchmarking.records import Benchmark, ShardsFacts
from speechlip.benchmarking.report.table import as_csv, as_text
from speechlip.benchmarking.row_records import EncoderRow
from speechlip.errors import ShardError
from speechlip.metrics.sync.lse import distance_curve, distances

PAIRS = PairFacts(
    label=np.array([1, 0, 1, 0, 1, 0]),
    kind=np.array(["positive", "shift", "positive", "clip", "positive", "clip"]),
    clip=np.array(["a", "a", "b", "b", "c", "c"]),
    off={"speaker": "there are not two speakers"},
)
FOUND = Evaluation(
    similarity=np.array([0.9, 0.5, 0.6, 0.7, 0.8, 0.1]),
    lips_rank=np.array([1, 3, 6]),
    speech_rank=np.array([1, 1, 5]),
    offsets=np.array([0.0, 1.0, np.nan]),
    confidence=np.array([2.0, 4.0, np.nan]),
    distance=np.array([0.5, 0.7, np.nan]),
    curve=np.linspace(1, 2, 31),
)


def row_of(label, found, role="encoder", pairs=PAIRS):
    seeds = [seed_result(number, 5, 0.1, one, pairs) for number, one in enumerate(found)]
    return EncoderRow(
        label, label, role, "head", "scored", scores=row_scores(seeds, found, pairs, 200), seeds=tuple(seeds)
    )


def test_scores_of_a_seed_by_hand():
    wanted = {
        "pair_auc": 8 / 9,  # 0.6 < 0.7 is the one of nine in the wrong order
        "pair_auc_shift": 1.0,
        "pair_auc_clip": 5 / 6,
        "offset_exact": 0.5,
        "offset_within_one": 1.0,
        "r1_lips_to_speech": 1 / 3,
        "r5_lips_to_speech": 2 / 3,
        "r1_speech_to_lips": 2 / 3,
        "r5_speech_to_lips": 1.0,
        "sync_confidence": 3.0,
        "sync_distance": 0.6,
    }
    scores = seed_scores(FOUND, PAIRS)
    assert {name: scores[name] for name in wanted} == pytest.approx(wanted)
    assert set(scores) == {name for name in COLUMNS if not name.endswith("_speaker")}


def test_a_row_says_mean_spread_and_interval_and_why_a_number_is_missing():
    worse = replace(
        FOUND, similarity=np.array([0.9, 0.5, 0.6, 0.7, 0.3, 0.4])
    )  # 0.3 is below all three: AUC (3 + 2 + 0) / 9
    scores = row_of("two", [FOUND, worse]).scores
    assert scores["pair_auc"].value == pytest.approx((8 / 9 + 5 / 9) / 2)
    assert (scores["pair_auc"].seed_low, scores["pair_auc"].seed_high) == pytest.approx((5 / 9, 8 / 9))
    for name in (
        "pair_auc",
        "eer",
        "average_precision",
        "offset_exact",
        "r1_lips_to_speech",
        "sync_distance",
        "pair_auc_clip",
        "eer_clip",
    ):
        assert scores[name].ci_low <= scores[name].value <= scores[name].ci_high, name
    assert (
        scores["pair_auc_speaker"].value is None
        and scores["pair_auc_speaker"].reason == "there are not two speakers"
    )


def test_no_clip_long_enough_is_a_reason_and_no_zero():
    none = np.full(3, np.nan)
    short = replace(FOUND, offsets=none, confidence=none, distance=none, curve=np.full(31, np.nan))
    row = row_of("short", [short])
    assert row.scores["offset_exact"].value is None and "44 frames" in row.scores["offset_exact"].reason
    assert row.seeds[0].curve == () and row.seeds[0].offsets == (None, None, None)


def sampled(rng, strength, n=400):
    """Evaluation and pairs of 100 clips whose matches are ``strength`` deviations above the rest."""
    pairs = PairFacts(
        np.tile([1, 0], n // 2), np.tile(["positive", "shift"], n // 2), np.repeat(np.arange(n // 4), 4), {}
    )
    similarity = rng.normal(size=n) + strength * pairs.label
    places = rng.integers(1, 200, n // 2)
    return replace(FOUND, similarity=similarity, lips_rank=places, speech_rank=places), pairs


def test_differences_are_to_the_best_encoder_and_find_what_is_there():
    rng = np.random.default_rng(0)
    (good, pairs), (bad, _), (same, _) = sampled(rng, 2.0), sampled(rng, 0.5), sampled(rng, 2.5)
    found = [[bad], [good], [same]]
    rows = [
        row_of(name, one, role, pairs)
        for name, one, role in zip("bgc", found, ("encoder", "encoder", "control"), strict=True)
    ]
    marked = compared(rows, found, pairs, 200)
    assert [row.is_best for row in marked] == [False, True, False]  # a control is never the best
    difference = marked[0].differences["pair_auc"]
    assert difference.to == "g" and difference.p < 0.02 and difference.ci_high < 0
    assert difference.value == pytest.approx(
        marked[0].scores["pair_auc"].value - marked[1].scores["pair_auc"].value
    )
    assert not marked[1].differences and marked[2].differences["pair_auc"].value > 0


def test_equal_rows_do_not_differ():
    found, pairs = sampled(np.random.default_rng(1), 1.0)
    marked = compared(
        [row_of("x", [found], pairs=pairs), row_of("y", [found], pairs=pairs)], [[found], [found]], pairs, 100
    )
    assert marked[1].differences["pair_auc"].p == 1.0 and marked[1].differences["pair_auc"].value == 0


def test_the_best_is_one_below_the_head_where_there_is_one():
    """What is scored as it was trained had other training than the heads."""
    found, pairs = sampled(np.random.default_rng(1), 1.0)
    better, _ = sampled(np.random.default_rng(1), 2.0)
    trained = replace(row_of("run (as trained)", [better], pairs=pairs), mode="as trained")
    marked = compared([row_of("run", [found], pairs=pairs), trained], [[found], [better]], pairs, 100)
    assert (
        marked[0].is_best
        and marked[1].differences["pair_auc"].to == "run"
        and marked[1].differences["pair_auc"].value > 0
    )
    assert compared([trained], [[better]], pairs, 100)[0].is_best


def few(strength, clips=2, seed=3):
    """Evaluation and pairs of a handful of clips."""
    rng, n = np.random.default_rng(seed), 8 * clips
    pairs = PairFacts(
        np.tile([1, 0], n // 2), np.tile(["positive", "shift"], n // 2), np.repeat(np.arange(clips), 8), {}
    )
    places = rng.integers(1, 9, n // 2)
    return replace(
        FOUND, similarity=rng.normal(size=n) + strength * pairs.label, lips_rank=places, speech_rank=places
    ), pairs


def test_two_clips_have_no_p_and_no_stars():
    """The shuffled control had two stars on two clips."""
    (good, pairs), (bad, _) = few(3.0), few(-1.0)
    names = {"good": "encoder", "shuffled:log-mel": "control"}
    rows = [
        row_of(name, [one], role, pairs) for (name, role), one in zip(names.items(), (good, bad), strict=True)
    ]
    marked = compared(rows, [[good], [bad]], pairs, 100)
    assert (
        marked[0].is_best
        and marked[1].differences["pair_auc"].p is None
        and marked[1].differences["pair_auc"].value < 0
    )
    assert "no p and no stars: they want 10 clips, there are 2" in notes_on(marked, clips=2)
    assert not any("no p" in note for note in notes_on(marked, clips=10))


def test_nothing_below_chance_is_the_best():
    """An encoder of AUC 0.234 had the badge."""
    bad, pairs = few(-1.0, clips=12)
    rows = compared(
        [row_of("bad", [bad], pairs=pairs), row_of("log-mel", [bad], "control", pairs)],
        [[bad], [bad]],
        pairs,
        100,
    )
    assert not any(row.is_best or row.differences for row in rows)
    note, *_ = notes_on(rows, clips=12)
    assert note.startswith(
        "no row is called the best: bad, the highest encoder, has pair AUC 0."
    ) and note.endswith("chance is 0.5")


def test_a_best_that_may_know_nothing_and_a_control_above_it_are_said():
    (little, pairs), (much, _) = few(0.2, clips=12, seed=5), few(2.0, clips=12)
    rows = [row_of("e", [little], pairs=pairs)] + [
        row_of(name, [much], "control", pairs) for name in ("log-mel", "lips", "shuffled:log-mel")
    ]
    marked = compared(rows, [[little], [much], [much], [much]], pairs, 100)
    best, mel = (marked[place].scores["pair_auc"].value for place in (0, 1))
    assert marked[0].is_best and 0.5 < best < mel
    notes = notes_on(marked, clips=12)
    assert "e is the best of these rows, but its interval reaches chance: it may know nothing" in notes
    assert f"the control log-mel ({mel:.3f}) is above the best encoder, e ({best:.3f})" in notes
    assert not any("lips (" in note for note in notes), "the true mouths are above everything by right"
    assert any(note.startswith("shuffled:log-mel is not at chance") for note in notes)


def test_p_is_printed_the_same_everywhere():
    found, pairs = sampled(np.random.default_rng(1), 1.0)
    worse, _ = sampled(np.random.default_rng(2), 0.2)
    rows = compared(
        [row_of("x", [found], pairs=pairs), row_of("y", [worse], pairs=pairs)], [[found], [worse]], pairs, 100
    )
    assert rows[1].differences["pair_auc"].p < 0.001
    (shown,) = (line for line in as_text(benchmark_of(rows)).splitlines() if line.startswith("y "))
    assert " <0.001 " in shown


@pytest.mark.parametrize("shift", [-15, -4, 0, 7, 15])
def test_a_curve_has_its_minimum_where_speech_was_moved(shift):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(90, 16))
    for every in (1, 3):
        starts = curve_starts(90, every)
        curve = curve_of(rows[starts], np.roll(rows, shift, axis=0), starts)
        assert curve.argmin() - 15 == shift and curve.min() < 1e-4


def test_a_curve_is_that_of_the_score_s_own_distances():
    rng = np.random.default_rng(1)
    lips, speech = rng.normal(size=(2, 50, 8))
    starts = curve_starts(50)
    np.testing.assert_allclose(
        curve_of(lips[starts], speech, starts), distance_curve(distances(lips, speech)[15:35]), atol=1e-5
    )


def test_offsets_of_an_encoder_that_knows_nothing_are_spread_evenly():
    """Padding with zeros would draw half of these to 0 (``metrics.lse``)."""
    rng = np.random.default_rng(0)
    common = 3 * rng.normal(size=8)
    found = []
    for _ in range(300):
        lips, speech = (
            rows / np.linalg.norm(rows, axis=1, keepdims=True)
            for rows in (common + rng.normal(size=(44, 8)) for _ in range(2))
        )
        found.append(int(curve_of(lips[15:29], speech, range(15, 29)).argmin()) - 15)
    assert np.mean(np.array(found) == 0) < 0.09 and abs(np.mean(found)) < 2  # chance 1/31; four deviations


def benchmark_of(rows):
    facts = ShardsFacts("shards", "0" * 64, "lips", "test", {}, {"positive": 3}, {}, 3, 1)
    return Benchmark(shards=facts, options={}, clips=("a", "b", "c"), rows=tuple(rows))


def test_json_brings_everything_back_and_refuses_what_is_not_finite(tmp_path):
    benchmark = benchmark_of([row_of("x", [FOUND])])
    (tmp_path / "b.json").write_text(benchmark.dump())
    assert Benchmark.load(tmp_path / "b.json") == benchmark
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(benchmark, options={"lr": float("nan")}).dump()
    (tmp_path / "b.json").write_text(benchmark.dump().replace('"format": 1', '"format": 2'))
    with pytest.raises(ShardError, match="format 2, this speechlip reads 1"):
        Benchmark.load(tmp_path / "b.json")


def test_the_table_as_text_and_csv():
    import csv

    failed = EncoderRow("bad\x1b[2J", "bad\x1b[2J", "encoder", "head", "failed", "no\nluck")
    benchmark = benchmark_of([row_of("log-mel", [FOUND], "control"), row_of("x", [FOUND]), failed])
    lines = as_text(benchmark).splitlines()
    assert (
        lines[0].split()[:3] == ["encoder", "pair", "AUC"]
        and lines[1].startswith("x ")
        and lines[2].startswith("log-mel · ")
    )
    assert lines[3] == r"bad\x1b[2J: not scored: no\nluck" and "0.889" in lines[1]
    rows = list(csv.DictReader(as_csv(benchmark).splitlines()))
    assert (
        float(rows[1]["pair_auc"]) == pytest.approx(8 / 9)
        and rows[1]["pair_auc_speaker"] == ""
        and rows[2]["pair_auc"] == ""
    )
