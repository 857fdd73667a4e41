"""Ambiguity from shards whose phones are known: features that know only visemes are ambiguous, features that
know phones are not.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tiny_dataset
import tiny_encoders

from speechlip.benchmarking.columns import AMBIGUITY_COLUMNS
from speechlip.benchmarking.evaluation import phones
from speechlip.benchmarking.evaluation.cost import CostTask, measured_cost
from speechlip.benchmarking.evaluation.phones import AnchorRatios, ambiguity_of, anchor_ratios
from speechlip.benchmarking.projection.feature_cache import build_cache
from speechlip.benchmarking.records import ShardsFacts
from speechlip.metrics.phones.anchors import lip_anchor, mel_anchor
from speechlip.metrics.phones.visemes import viseme_classes
from speechlip.records import Phone
from speechlip.shards.read.reader import ClipReader

PHONES = ("T", "D", "P", "B", "S", "Z")
KEY = "0" * 32


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Four clips of 60 frames, each frame a phone."""
    folder = tmp_path_factory.mktemp("phones") / "shards"
    tiny_dataset.write_dataset(
        folder, {"test": {"dora": (60, 60), "emil": (60, 60)}}, phones=True, landmarks=True
    )

    def speak(samples):
        for number, members in enumerate(samples.values()):
            spoken = [
                {"start_s": i / 25, "end_s": (i + 1) / 25, "phone": PHONES[(i * 5 + number) % 6]}
                for i in range(60)
            ]
            members["phones.json"] = json.dumps(spoken).encode()

    for shard in ("test-00000-of-00002.tar", "test-00001-of-00002.tar"):
        tiny_dataset.rewrite(folder, shard, speak)
    return folder


def knowing(classes):
    """Features of one number for each class, 1 where the frame's phone is of it, and a little noise."""
    names = sorted(set(classes.values()))

    def make(clip):
        noise = np.random.default_rng(len(clip.key)).normal(0, 0.05, (60, len(names)))
        return (
            np.array([[classes[phone["phone"]] == name for name in names] for phone in clip.phones]) + noise
        ).astype(np.float32)

    return tiny_encoders.Features("knowing", make, dim=len(names), fields=("phones",))


NO_ANCHORS = AnchorRatios()


def found(shards, tmp_path, classes, anchors=NO_ANCHORS):
    cache = build_cache(tmp_path / "features", knowing(classes), shards, ("test",))
    return ambiguity_of(cache.raw, shards, "test", anchors, 50, tmp_path, KEY)


def test_features_that_know_visemes_alone_are_as_ambiguous_as_they_should_be(shards, tmp_path):
    visemes = {phone: viseme_classes("consensus")[phone] for phone in PHONES}
    result = found(shards, tmp_path, visemes, AnchorRatios(lips=0.0, mel=0.5))
    scores = {name: score.value for name, score in result.scores.items()}
    assert (
        abs(scores["ar"]) < 0.05
        and scores["nv"] > 0.95
        and scores["va"] > 0.95
        and abs(scores["ar_star"]) < 0.1
    )
    assert abs(result.pairs["T/D"]) < 0.05 and result.tokens == 240 and result.phones == 6
    assert (
        result.scores["control_contrast"].value is None
        and "M, N and NG" in result.scores["control_contrast"].reason
    )
    assert set(result.scores) == set(AMBIGUITY_COLUMNS)


def test_features_that_know_phones_keep_them_apart(shards, tmp_path):
    result = found(shards, tmp_path, {phone: phone for phone in PHONES})
    assert result.scores["ar"].value == pytest.approx(1, abs=0.1) and result.scores["va"].value < 0.1
    assert result.scores["ar_star"].value is None and "landmarks" in result.scores["ar_star"].reason
    place = {phone: number for number, phone in enumerate(result.matrix_phones)}
    assert (
        result.matrix[place["T"]][place["D"]] == result.pairs["T/D"] == result.matrix[place["D"]][place["T"]]
    )
    assert result.matrix[0][0] is None
    with np.load(tmp_path / result.tokens_file, allow_pickle=False) as tokens:
        assert tokens["points"].shape[0] == 240 and set(tokens["phones"].tolist()) == set(PHONES)


def test_phones_recognised_without_a_transcript_are_refused(shards, tmp_path, monkeypatch):
    heard = [("a", (Phone(0.0, 0.1, "T", "pocketsphinx-allphone"),), 60, None)]
    monkeypatch.setattr(phones, "read_clips", lambda *given: iter(heard))
    refused = ambiguity_of(lambda key: np.zeros((60, 2)), shards, "test", NO_ANCHORS, 50, tmp_path, KEY)
    assert "recognised without a transcript" in refused.reason and not refused.scores


@pytest.fixture
def half_recognised(shards, tmp_path):
    """The same shards, where half the phones were recognised."""
    folder = shutil.copytree(shards, tmp_path / "heard")

    def listen(samples):
        for members in samples.values():
            spoken = json.loads(members["phones.json"])
            for number, phone in enumerate(spoken):
                phone["source"] = ("textgrid", "pocketsphinx-allphone")[number % 2]
            members["phones.json"] = json.dumps(spoken).encode()

    for shard in ("test-00000-of-00002.tar", "test-00001-of-00002.tar"):
        tiny_dataset.rewrite(folder, shard, listen)
    return folder


def test_recognised_phones_are_taken_when_asked_and_a_note_says_so(half_recognised, tmp_path):
    visemes = {phone: viseme_classes("consensus")[phone] for phone in PHONES}
    assert not found(half_recognised, tmp_path, visemes).scores
    assert phones.phones_notes(half_recognised, "test", False) == []
    cache = build_cache(tmp_path / "more", knowing(visemes), half_recognised, ("test",))
    given = (cache.raw, half_recognised, "test", NO_ANCHORS, 50, tmp_path, KEY)
    assert ambiguity_of(*given, take_recognised=True).scores["va"].value > 0.95
    (note,) = phones.phones_notes(half_recognised, "test", True)
    assert "recognised without a transcript (50% of them)" in note


def test_the_ends_of_ar_star_are_the_lips_and_the_sound(shards, monkeypatch):
    facts = ShardsFacts("shards", "", "lips", "test", {}, {}, {}, 0, 0, landmarks="found by drawn")
    assert anchor_ratios(shards, replace(facts, landmarks="")) == AnchorRatios()
    clip = next(iter(ClipReader(shards, "test", fields=("phones", "landmarks", "audio"), shuffle_clips=0)))
    lips, sound = phones.anchors_of(clip)
    np.testing.assert_array_equal(lips, lip_anchor(clip.landmarks))
    np.testing.assert_array_equal(sound, mel_anchor(clip.audio))
    visemes = {phone: viseme_classes("consensus")[phone] for phone in PHONES}
    both = knowing(visemes), knowing({phone: phone for phone in PHONES})
    monkeypatch.setattr(phones, "anchors_of", lambda clip: tuple(features.of_clip(clip) for features in both))
    ends = anchor_ratios(shards, facts)
    assert ends.lips == pytest.approx(0, abs=0.05) and ends.mel == pytest.approx(1, abs=0.1)


def test_cost_of_a_spectrum(shards):
    cost = measured_cost(CostTask("log-mel", str(shards), "test"), 0, 5, 16.0)
    assert 0 < cost.real_time_factor < 1 and 50 < cost.peak_memory_mb < 3000 and cost.reason == ""
    assert cost.seconds == pytest.approx(9.6) and (
        cost.look_ahead_ms,
        cost.threads,
        cost.head_parameters,
    ) == (16.0, 1, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone hands a parent's peak on")
def test_memory_is_that_of_the_encoder_and_not_of_who_asked():
    child = "from speechlip.benchmarking.evaluation.cost import peak_resident_bytes as peak; print(peak())"
    large = "import subprocess, sys; held = b'.' * 400_000_000"
    parent = f"{large}; subprocess.run([sys.executable, '-c', {child!r}])"
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=True)
    assert 5e6 < int(done.stdout) < 2e8


def test_cost_of_an_encoder_that_fails_is_a_reason(shards, monkeypatch):
    def failing(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="Traceback\nValueError: no luck\n")

    monkeypatch.setattr(subprocess, "run", failing)
    cost = measured_cost(CostTask("x", str(shards), "test"), 3, 5, float("inf"))
    assert (
        cost.reason == "the measuring process failed: ValueError: no luck"
        and cost.look_ahead_ms is None
        and cost.parameters == 3
    )
