"""Training end to end on a tiny folder: it resumes weight for weight, and refuses what it must."""

import csv
import errno
import json
import multiprocessing
import os
import pickle
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
import torch
from safetensors.torch import load_file, save_file

from speechlip.encoders.trained import load_run
from speechlip.errors import ModelError, OptionError, ShardError, WorkerError, WriteError, exit_code
from speechlip.training.checkpoint import only_run, saved_options
from speechlip.training.config import PRESETS, TrainOptions, make_options, other_end, resumed, unlike_paper
from speechlip.training.finite import TrainingStopped
from speechlip.training.loop import Watcher, train
from speechlip.training.meter import Meter
from speechlip.training.stopping import Stopped

pytestmark = pytest.mark.usefixtures("tiny_lips")

OPTIONS = TrainOptions(
    encoder="mel-cnn",
    loss="nce",
    steps=4,
    batch_size=4,
    lr=1e-3,
    schedule="cosine",
    augment="colour,shift,flip,noise",
    validation_pairs=8,
    validate_every=1,
    checkpoint_every=2,
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards")


@pytest.fixture(scope="module")
def straight(shards, tmp_path_factory):
    """Four steps without a stop."""
    run = tmp_path_factory.mktemp("runs") / "straight"
    train(shards, OPTIONS, run)
    return run


@pytest.fixture(scope="module")
def stopped(shards, tmp_path_factory):
    """Killed in step 3, after its row was written and before anything was saved."""
    run = tmp_path_factory.mktemp("runs") / "stopped"

    def kill(row):
        if row.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(shards, OPTIONS, run, watcher=Watcher(row=kill))
    return run


@pytest.fixture
def own(stopped, tmp_path):
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def history(run):
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    return [{name: row[name] for name in ("step", "loss", "lr", "auc")} for row in rows]


def checkpoint(run):
    (folder,) = run.glob("step-*")
    return folder


def same_weights(*runs):
    ours, theirs = (load_file(checkpoint(run) / "model.safetensors") for run in runs)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def facts(run):
    return json.loads((checkpoint(run) / "checkpoint.json").read_text())


def interrupt():
    raise KeyboardInterrupt


def edit_facts(run, change):
    path = checkpoint(run) / "checkpoint.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


# resuming


def test_four_steps_are_two_and_two_weight_for_weight(shards, straight, own):
    assert [row["step"] for row in history(own)] == ["1", "2", "3"] and checkpoint(
        own
    ).name == "step-00000002"
    train(shards, saved_options(own), own, resume=True)
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
    assert train(shards, saved_options(run), run, resume=True).name == "step-00000004"
    assert history(run) == history(straight)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(shards, straight, tmp_path):
    other = tmp_path / "other"
    train(shards, replace(OPTIONS, steps=1, seed=1), other)
    assert history(other)[0]["loss"] != history(straight)[0]["loss"]


def test_a_finished_run_grows_as_if_it_had_been_so_long_from_the_start(shards, tmp_path):
    options = replace(OPTIONS, schedule="constant", steps=2)
    train(shards, options, tmp_path / "grown")
    train(shards, resumed(saved_options(tmp_path / "grown"), {"steps": 4}), tmp_path / "grown", resume=True)
    train(shards, replace(options, steps=4), tmp_path / "straight")
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
    train(shards, longer, run, resume=True)
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
            OPTIONS,
            tmp_path / "run",
            watcher=Watcher(step=lambda step, loss: step == 2 and signal.raise_signal(number)),
        )
    assert (stopped.value.checkpoint, exit_code(stopped.value)) == (
        tmp_path / "run" / "step-00000003",
        128 + number,
    )
    assert "this step is finished and saved first" in capfd.readouterr().err
    assert handlers == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    train(shards, saved_options(tmp_path / "run"), tmp_path / "run", resume=True)
    assert same_weights(tmp_path / "run", straight) and history(tmp_path / "run") == history(straight)


def test_the_second_signal_stops_at_once(shards, tmp_path):
    def twice(step, loss):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as stopped:
        train(shards, OPTIONS, tmp_path / "run", watcher=Watcher(step=twice))
    assert not isinstance(stopped.value, Stopped) and not list((tmp_path / "run").glob("step-*"))


def test_readers_that_the_same_signal_ends_lose_nothing(shards, tmp_path):
    """As a batch system does it: every process of the run gets SIGTERM."""

    def end_all(step, loss):
        if step == 2:
            for reader in multiprocessing.active_children():
                os.kill(reader.pid, signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    options = replace(OPTIONS, workers=2, schedule="constant", steps=50)
    with pytest.raises(Stopped) as stopped:
        train(shards, options, tmp_path / "run", watcher=Watcher(step=end_all))
    assert stopped.value.step in (2, 3) and facts(tmp_path / "run")["step"] == stopped.value.step


def test_a_run_that_ended_before_its_first_checkpoint_is_begun_again(shards, straight, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(shards, OPTIONS, run, watcher=Watcher(row=lambda row: interrupt()))
    (run / "step-00000002.part").mkdir()
    (run / "tensorboard").mkdir()
    train(shards, OPTIONS, run)
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
        train(shards, OPTIONS, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


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


# refused


def test_shards_that_changed_are_refused(shards, own, tmp_path):
    other = Path(shutil.copytree(shards, tmp_path / "shards"))
    tiny_dataset.edit_manifest(other, lambda manifest: manifest["versions"].update(av="99"))
    with pytest.raises(ShardError, match=r"not those that .* was trained on so far"):
        train(other, saved_options(own), own, resume=True)


def test_another_encoder_is_refused_and_what_may_change_may(own):
    with pytest.raises(OptionError, match="this run has encoder 'mel-cnn', not 'se4lip'"):
        resumed(saved_options(own), {"encoder": "se4lip"})
    assert resumed(OPTIONS, {"steps": 8, "device": "cpu"}).steps == 8


def test_weights_of_another_encoder_are_refused(own):
    edit_facts(own, lambda facts: facts["options"].update(encoder="stft-gru-small"))
    with pytest.raises(ModelError, match="are those of another network: Missing key"):
        load_run(own)


def test_changed_weights_are_refused(own):
    save_file({"pair.x": torch.zeros(3)}, checkpoint(own) / "model.safetensors")
    with pytest.raises(ModelError, match=r"is not the file that checkpoint\.json beside it names"):
        load_run(own)


class Payload:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_a_pickle_with_code_is_refused_and_not_run(shards, own, capsys):
    torch.save({"optimizer": Payload()}, checkpoint(own) / "trainer.pt")
    with pytest.raises(ModelError, match="perhaps code; it was not run"):
        train(shards, saved_options(own), own, resume=True)
    (checkpoint(own) / "trainer.pt").write_bytes(pickle.dumps(Payload(), protocol=2))
    with pytest.raises(ModelError):
        train(shards, saved_options(own), own, resume=True)
    assert "this must not run" not in capsys.readouterr().out


def test_options_of_another_release_are_refused(own):
    edit_facts(own, lambda facts: facts["options"].update(warp=3))
    with pytest.raises(ModelError, match="other options than this speechlip has"):
        saved_options(own)


def test_two_runs_into_one_folder_are_refused(shards, straight, tmp_path):
    with pytest.raises(OptionError, match="is not empty; go on with it by --resume"):
        train(shards, OPTIONS, straight)
    with only_run(tmp_path, resume=True), pytest.raises(OptionError, match="another run is writing"):
        train(shards, OPTIONS, tmp_path, resume=True)


def test_a_process_that_reads_and_is_killed_is_one_sentence(shards, tmp_path):
    """torch raises its RuntimeError wherever the main thread is when it hears of it."""

    def kill(step, loss):
        if step == 2:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    with pytest.raises(
        WorkerError,
        match=r"a process that reads shards is killed by signal: Killed.*take fewer --workers, or 0, and go on",
    ):
        train(
            shards,
            replace(OPTIONS, steps=10_000, workers=2, validate_every=10_000),
            tmp_path / "run",
            watcher=Watcher(step=kill),
        )


@pytest.mark.parametrize("name", ["trainer.pt"])
def test_a_disk_that_is_full_at_a_checkpoint_is_one_sentence_and_the_last_one_stays(
    shards, straight, tmp_path, monkeypatch, name
):
    run = Path(shutil.copytree(straight, tmp_path / "run"))
    before = sorted(path.name for path in run.iterdir())
    fsync = os.fsync

    def full(descriptor):
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == f"{name}.part":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        WriteError, match=rf"cannot write .*{name}: No space left on device; what is finished is kept"
    ):
        train(shards, replace(saved_options(run), steps=6), run, resume=True)
    assert sorted(path.name for path in run.iterdir()) == before, (
        "nothing is left of the one that did not fit"
    )
    monkeypatch.undo()
    assert train(shards, replace(saved_options(run), steps=6), run, resume=True).name == "step-00000006"


def test_a_first_checkpoint_that_was_being_written_is_none(shards, straight, tmp_path):
    part = tmp_path / "run" / "step-00000002.part"
    shutil.copytree(next(straight.glob("step-*")), part)
    with pytest.raises(ModelError, match="holds no checkpoint"):
        saved_options(tmp_path / "run")
    assert train(shards, replace(OPTIONS, steps=1), tmp_path / "run").name == "step-00000001"
    assert not part.exists()


def test_numbers_that_are_not_finite_stop_it_with_step_and_keys(tmp_path):
    def spoil(samples):
        key = next(iter(samples))
        values = np.full((5 * json.loads(samples[key]["json"])["n_frames"], 257), np.nan, np.float16)
        samples[key]["stft.npy"] = tiny_dataset.npy(values)

    shards = tiny_dataset.write_dataset(
        tmp_path / "shards", {"train": {"anna": (40, 40), "ben": (40, 40)}}, shards=1
    )
    tiny_dataset.rewrite(shards, "train-00000-of-00001.tar", spoil)
    with pytest.raises(
        TrainingStopped,
        match=r"step 1: the loss is nan, because the speech of these pairs is not finite.*anna-0",
    ):
        train(shards, replace(OPTIONS, batch_size=16), tmp_path / "run")


def test_without_validation_pairs_it_trains_and_says_so(tmp_path):
    shards, notes = (
        tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40), "ben": (40, 40)}}),
        [],
    )
    train(shards, replace(OPTIONS, steps=1), tmp_path / "run", watcher=Watcher(note=notes.append))
    assert history(tmp_path / "run")[0]["auc"] == "nan"
    assert "no pair AUC while training: there are no frozen pairs" in notes[0]


def test_literal_lip_input_is_taken_with_a_warning(shards, tmp_path):
    notes = []
    train(
        shards,
        replace(OPTIONS, steps=1, lip_input="literal"),
        tmp_path / "run",
        watcher=Watcher(note=notes.append),
    )
    assert "never look at rows 72–95" in notes[0]


def test_mel_shards_are_refused(tmp_path):
    shards = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40)}}, spectrogram="mel")
    with pytest.raises(ShardError, match="257 bins is wanted, these have 80"):
        train(shards, replace(OPTIONS, negatives="shift:1"), tmp_path / "run")


def test_one_speaker_leaves_out_a_kind_and_says_so(tmp_path):
    shards, notes = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40, 40)}}), []
    with pytest.warns(UserWarning, match="speaker"):
        train(shards, replace(OPTIONS, steps=1), tmp_path / "run", watcher=Watcher(note=notes.append))
    assert "has one speaker" in notes[0]


def test_a_run_on_the_plateau_is_told_once_and_one_that_learns_never():
    options = replace(OPTIONS, loss="relu", validate_every=250)

    def told(losses, auc):
        meter, answers = Meter(), []
        for number, loss in enumerate(losses, start=1):
            meter.lost(loss)
            meter.stepped(4, 0.0)
            answers.append(meter.looks_stuck(options, meter.row(250 * number, 1e-3, auc)))
        return answers

    assert told([0.70, 0.693, 0.692, 0.693], 0.51) == [False, True, False, False]
    assert told([0.70, 0.693, 0.692, 0.693], float("nan")) == [False, True, False, False]
    assert told([0.70, 0.60, 0.50, 0.693], 0.51) == [False] * 4
    assert told([0.693] * 4, 0.8) == [False] * 4


# options


def test_the_paper_preset_is_what_the_paper_states():
    options = make_options("paper", {})
    assert (options.encoder, options.lr, options.batch_size, options.loss) == ("se4lip", 5e-5, 16, "relu")
    assert not {"lr", "batch_size", "loss"} & set(unlike_paper(options))
    assert set(PRESETS) == {"paper", "fast"} and make_options("fast", {"lr": 1.0}).lr == 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "bce"}, "loss is 'bce'; there are: relu, clamp"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"batch_size": 1}, "batch_size 1 must be at least 2"),
        ({"lr": float("nan")}, "lr nan a number above 0"),
        ({"negatives": "positive:0,shift:1"}, "leave no positive pair"),
        ({"negatives": "near:1"}, "no kind of pair 'near'"),
        ({"momentum": 1}, "no option 'momentum'; there are: encoder, loss"),
        ({"device": "tpu"}, "device is 'tpu'; there are: auto, cpu, cuda"),
    ],
)
def test_options_that_cannot_be_are_refused(given, words):
    with pytest.raises(OptionError, match=words):
        make_options("paper", given)
