"""Training end to end on a tiny folder: it resumes weight for weight, and leaves what it says."""

import multiprocessing
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import OPTIONS, checkpoint, facts, history, same_weights

from kept_progress import KeptProgress
from speechlip.encoders.trained import load_run
from speechlip.errors import OptionError, exit_code
from speechlip.shards.read import shardset
from speechlip.training.processes.stopping import Stopped
from speechlip.training.resuming import other_end, resumed
from speechlip.training.run.checkpoint import saved_options
from speechlip.training.train import train

pytestmark = pytest.mark.usefixtures("tiny_lips", "without_picture")


def interrupt():
    raise KeyboardInterrupt


# resuming


def test_four_steps_are_two_and_two_weight_for_weight(shards, straight, own):
    assert [row["step"] for row in history(own)] == ["1", "2", "3"] and checkpoint(
        own
    ).name == "step-00000002"
    train(shards, own, saved_options(own), resume=True)
    ours, theirs = (load_file(checkpoint(run) / "model.safetensors") for run in (own, straight))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    ours, theirs = (torch.load(checkpoint(run) / "trainer.pt", weights_only=True) for run in (own, straight))
    moments = [
        [state["optimizer"]["state"][n]["exp_avg_sq"] for n in state["optimizer"]["state"]]
        for state in (ours, theirs)
    ]
    assert all(torch.equal(*pair) for pair in zip(*moments, strict=True))
    assert ours["positions"] == theirs["positions"] and len(ours["positions"]) == 1
    assert history(own) == history(straight)


def test_the_weights_moved_and_only_the_last_checkpoint_is_kept(stopped, straight):
    before, after = (load_file(checkpoint(run) / "model.safetensors") for run in (stopped, straight))
    assert not torch.equal(before["pair.lips.layer.weight"], after["pair.lips.layer.weight"])
    assert sorted(path.name for path in straight.iterdir()) == ["cosines.csv", "history.csv", "step-00000004"]


def test_a_checkpoint_that_was_not_finished_is_passed_over(shards, own):
    shutil.copytree(checkpoint(own), own / "step-00000003.part")
    assert saved_options(own) == OPTIONS
    assert load_run(own).step == 2


def test_a_finished_run_resumed_does_nothing(shards, straight, tmp_path):
    run = shutil.copytree(straight, tmp_path / "run")
    assert train(shards, run, saved_options(run), resume=True).checkpoint.name == "step-00000004"
    assert history(run) == history(straight)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(shards, straight, tmp_path):
    other = tmp_path / "other"
    train(shards, other, replace(OPTIONS, steps=1, seed=1))
    assert history(other)[0]["loss"] != history(straight)[0]["loss"]


def test_a_finished_run_grows_as_if_it_had_been_so_long_from_the_start(shards, tmp_path):
    options = replace(OPTIONS, schedule="constant", steps=2)
    train(shards, tmp_path / "grown", options)
    train(shards, tmp_path / "grown", resumed(saved_options(tmp_path / "grown"), {"steps": 4}), resume=True)
    train(shards, tmp_path / "straight", replace(options, steps=4))
    assert same_weights(tmp_path / "grown", tmp_path / "straight") and history(tmp_path / "grown") == history(
        tmp_path / "straight"
    )
    assert "ends" in facts(tmp_path / "grown") and facts(tmp_path / "grown")["ends"] == []


def test_a_cosine_that_is_given_another_end_says_so_for_good(shards, straight, tmp_path):
    run = Path(shutil.copytree(straight, tmp_path / "run"))
    longer = resumed(saved_options(run), {"steps": 6})
    assert "goes on as one that ends at step 6: not the weights of 6 steps in one go" in other_end(
        saved_options(run), longer
    )
    train(shards, run, longer, resume=True)
    assert facts(run)["ends"] == [4] and facts(run)["unlike_paper"]["steps"] == "6, begun as a run of 4"
    assert [float(row["lr"]) for row in history(run)][4:] == pytest.approx(
        [1e-3 * (1 + np.cos(np.pi * s / 6)) / 2 for s in (5, 6)], abs=1e-9
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_after_its_step_with_everything_saved(shards, straight, tmp_path, number, capfd):
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    with pytest.raises(Stopped, match=f"stopped by {number.name} after step 3") as stopped:
        train(
            shards,
            tmp_path / "run",
            OPTIONS,
            progress=KeptProgress(lambda step: step == 2 and signal.raise_signal(number)),
        )
    assert (stopped.value.checkpoint, exit_code(stopped.value)) == (
        tmp_path / "run" / "step-00000003",
        128 + number,
    )
    assert "this step is finished and saved first" in capfd.readouterr().err
    assert handlers == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    train(shards, tmp_path / "run", saved_options(tmp_path / "run"), resume=True)
    assert same_weights(tmp_path / "run", straight) and history(tmp_path / "run") == history(straight)


def test_the_second_signal_stops_at_once(shards, tmp_path):
    def twice(step):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as stopped:
        train(shards, tmp_path / "run", OPTIONS, progress=KeptProgress(twice))
    assert not isinstance(stopped.value, Stopped) and not list((tmp_path / "run").glob("step-*"))


def test_readers_that_the_same_signal_ends_lose_nothing(shards, tmp_path):
    """As a batch system does it: every process of the run gets SIGTERM."""

    def end_all(step):
        if step == 2:
            for reader in multiprocessing.active_children():
                os.kill(reader.pid, signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    options = replace(OPTIONS, workers=2, schedule="constant", steps=50)
    with pytest.raises(Stopped) as stopped:
        train(shards, tmp_path / "run", options, progress=KeptProgress(end_all))
    assert stopped.value.step in (2, 3) and facts(tmp_path / "run")["step"] == stopped.value.step


def test_a_run_that_ended_before_its_first_checkpoint_is_begun_again(shards, straight, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(shards, run, OPTIONS, on_row=lambda row: interrupt())
    (run / "step-00000002.part").mkdir()
    (run / "tensorboard").mkdir()
    train(shards, run, OPTIONS)
    assert same_weights(run, straight) and sorted(path.name for path in run.iterdir()) == [
        "cosines.csv",
        "history.csv",
        "step-00000004",
    ]


def test_a_folder_of_something_else_is_left_alone(shards, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(
        OptionError, match=r"holds no checkpoint but thesis\.tex; move that away, or choose another -o"
    ):
        train(shards, tmp_path, OPTIONS)
    assert (tmp_path / "thesis.tex").exists()


def test_a_run_goes_on_with_its_own_options_unless_others_are_given(shards, own):
    with pytest.raises(OptionError, match="this run has seed 0, not 1"):
        train(shards, own, replace(OPTIONS, seed=1), resume=True)
    done = train(str(shards), str(own), resume=True)
    assert (done.folder, done.checkpoint, done.step) == (own, own / "step-00000004", 4)
    assert done.options == OPTIONS and (done.last.step, f"{done.last.loss:.6g}") == (
        4,
        history(own)[-1]["loss"],
    )
    assert train(shards, own, resume=True).last is None


def test_progress_is_told_of_every_step_and_rows_are_handed_out(shards, tmp_path):
    told = KeptProgress()
    rows = []
    train(shards, tmp_path / "run", replace(OPTIONS, steps=3), progress=told, on_row=rows.append)
    assert told.stages == [("mel-cnn", 3, "steps", 0)] and told.done == 3
    assert [row.step for row in rows] == [1, 2, 3]


# what a run leaves


def test_the_checkpoint_says_what_it_is(shards, straight):
    said = facts(straight)
    assert said["step"] == 4 and said["options"]["encoder"] == "mel-cnn" and said["crop"] == "lips"
    assert said["unlike_paper"]["lr"] == "0.001, the paper has 5e-05"
    assert [float(row["lr"]) for row in history(straight)] == pytest.approx(
        [1e-3 * (1 + np.cos(np.pi * s / 4)) / 2 for s in (1, 2, 3, 4)], abs=1e-9
    )
    assert all(0 <= float(row["auc"]) <= 1 for row in history(straight))


def test_a_run_is_read_back_and_gives_features(straight):
    trained = load_run(straight)
    assert (trained.name, trained.window_frames, trained.official, trained.is_lse) == (
        "straight (mel-cnn)",
        5,
        False,
        False,
    )
    rng = np.random.default_rng(0)
    lips, speech = trained.features(
        iter(rng.integers(0, 256, (9, 96, 96, 3), np.uint8)), rng.normal(0, 999, 9 * 640).astype(np.int16)
    )
    assert lips.shape == speech.shape == (5, 513)
    np.testing.assert_allclose(np.linalg.norm(lips[:, :512], axis=1), 1, atol=1e-5)
    mean = trained.pair.speech.spectrum.mean
    assert mean.abs().max() > 0.1, "the spectrum was fitted to the training speech and saved"


def test_the_manifest_is_read_once_for_training_and_once_for_validation(shards, tmp_path, monkeypatch):
    read, really = [], shardset.read_manifest
    monkeypatch.setattr(shardset, "read_manifest", lambda folder: read.append(folder) or really(folder))
    train(shards, tmp_path / "run", replace(OPTIONS, steps=1))
    assert len(read) == 2
