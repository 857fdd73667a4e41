"""Runs of train-encoder in the benchmark: as features below the head, and as they are."""

import json
import shutil
from dataclasses import replace

import pytest
import tiny_dataset
from tiny_benchmark import FEW, benchmark, tiny_row, without_times

from speechlip.benchmarking import tasks
from speechlip.benchmarking.shards import shards_facts
from speechlip.training.options import TrainOptions
from speechlip.training.train import train
from workmen import STAND_IN, add_stand_in, dying

MAKE_ROW = "speechlip.benchmarking.benchmark:make_row"
pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(scope="module")
def short_shards(tmp_path_factory):
    """The real lip network looks at every window of the test split: few of them."""
    splits = {"train": {"anna": (20, 20), "ben": (20, 20)}, "test": {"dora": (45, 16), "emil": (16,)}}
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("short") / "shards", splits, lips_format="jpg")


@pytest.fixture(scope="module")
def trained(short_shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mel-cnn"
    train(
        short_shards,
        out,
        TrainOptions(encoder="mel-cnn", loss="nce", steps=1, batch_size=4, validation_pairs=4, device="cpu"),
    )
    return out


@pytest.fixture(scope="module")
def scored_run(short_shards, trained, tmp_path_factory):
    return benchmark(short_shards, tmp_path_factory.mktemp("scored"), str(trained), options=FEW)[0]


def test_a_run_of_train_encoder_is_scored_with_the_head_and_as_it_is(scored_run, trained):
    headed, own, _ = scored_run.rows
    assert (headed.mode, own.mode, own.label) == ("head", "as trained", f"{trained} (as trained)")
    assert headed.status == own.status == "scored" and len(own.seeds) == 1 and own.seeds[0].loss is None
    assert own.seeds[0].steps == 1 and own.unlike_paper["loss"] == "nce, the paper has relu"
    assert headed.frame_dim == 512 and headed.scores["pair_auc"] != own.scores["pair_auc"]


def test_a_run_says_that_it_learned_from_other_shards_and_at_random_has_no_own_halves(short_shards, trained):
    facts, _ = shards_facts(short_shards, "test")
    notes = [
        [task.note for task in tasks.tasks_of([str(trained)], each, FEW)][:2]
        for each in (facts, replace(facts, train_digest="0"))
    ]
    assert notes[0] == ["", "its own two halves, no common head"]
    assert all("trained on other shards" in note for note in notes[1])
    assert "as trained" not in {
        task.mode for task in tasks.tasks_of([str(trained)], facts, replace(FEW, random_init=True))
    }


def test_as_trained_says_what_validation_of_training_says(short_shards, scored_run, trained):
    """The same cosines of the same frozen pairs by other code: ``training.validation`` cuts windows one by
    one.
    """
    from speechlip.encoders.trained import load_run
    from speechlip.metrics.statistics.pairs import pair_auc
    from speechlip.training.validation import open_validation

    validation, _ = open_validation(short_shards, 1000, "test")
    cosines = validation.cosines(load_run(trained).pair)
    assert scored_run.rows[1].scores["pair_auc"].value == pytest.approx(
        pair_auc(cosines, validation.label), abs=0.02
    )


def test_a_checkpoint_with_code_in_it_is_a_row_with_its_reason_and_the_code_is_not_run(
    short_shards, trained, tmp_path
):
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    own = shutil.copytree(trained, tmp_path / "run")
    (step,) = own.glob("step-*")
    (step / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    facts = json.loads((step / "checkpoint.json").read_text())
    facts["sha256"] = hashlib.sha256((step / "model.safetensors").read_bytes()).hexdigest()
    (step / "checkpoint.json").write_text(json.dumps(facts))
    found, _ = benchmark(short_shards, tmp_path / "out", str(own), options=FEW)
    assert [row.status for row in found.rows] == [
        "failed",
        "failed",
        "scored",
    ] and "model.safetensors cannot be read" in found.rows[1].reason
    assert not (tmp_path / "ran").exists()


def test_a_run_on_other_crops_is_a_row_with_its_reason(short_shards, trained, tmp_path):
    own = shutil.copytree(trained, tmp_path / "run")
    (path,) = own.glob("step-*/checkpoint.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"crop": "lower-face"}))
    found, _ = benchmark(short_shards, tmp_path / "out", str(own), options=FEW)
    assert "was trained on crops 'lower-face', these shards hold 'lips'" in found.rows[1].reason


def test_two_processes_and_another_engine_find_what_one_finds(short_shards, tmp_path, monkeypatch):
    monkeypatch.setattr("speechlip.benchmarking.benchmark.make_row", tiny_row)
    add_stand_in(monkeypatch)
    for workers in (1, 2):
        benchmark(short_shards, tmp_path / str(workers), "log-mel", options=FEW, workers=workers)
    deaths = dying(monkeypatch, MAKE_ROW, {"log-mel": 2}, tmp_path / "deaths")
    lost, _ = benchmark(short_shards, tmp_path / "3", "log-mel", options=FEW, engine=STAND_IN)
    assert [row.status for row in lost.rows] == ["failed", "scored"] and deaths() == 2
    assert "its process died with exit code -9, perhaps for lack of memory" in lost.rows[0].reason
    benchmark(short_shards, tmp_path / "3", "log-mel", options=FEW, engine=STAND_IN)
    one, two, other = (without_times((tmp_path / name / "benchmark.json").read_text()) for name in "123")
    assert one == two == other and [row["status"] for row in two["rows"]] == ["scored", "scored"]
