"""What training refuses: other shards, damaged or hostile checkpoints, a full disk, numbers that are not
finite.
"""

import errno
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
import torch
from safetensors.torch import save_file
from tiny_runs import OPTIONS, checkpoint, edit_facts, history

from kept_progress import KeptProgress
from speechlip.encoders.trained import load_run
from speechlip.errors import ModelError, OptionError, ShardError, WorkerError, WriteError
from speechlip.training import validation
from speechlip.training.resuming import resumed
from speechlip.training.run.checkpoint import hold_run, saved_options
from speechlip.training.run.row_totals import RowTotals
from speechlip.training.step.finite import TrainingStopped
from speechlip.training.train import train

pytestmark = pytest.mark.usefixtures("tiny_lips", "without_picture")


def test_shards_that_changed_are_refused(shards, own, tmp_path):
    other = Path(shutil.copytree(shards, tmp_path / "shards"))
    tiny_dataset.edit_manifest(other, lambda manifest: manifest["versions"].update(av="99"))
    with pytest.raises(ShardError, match=r"not those that .* was trained on so far"):
        train(other, own, saved_options(own), resume=True)


def test_another_encoder_is_refused_and_what_may_change_may(own):
    with pytest.raises(OptionError, match="this run has encoder 'mel-cnn', not 'se4lip'"):
        resumed(saved_options(own), {"encoder": "se4lip"})
    assert resumed(OPTIONS, {"steps": 8, "device": "cpu"}).steps == 8


def test_weights_of_another_encoder_are_refused(own):
    edit_facts(own, lambda facts: facts["options"].update(encoder="stft-gru-small"))
    with pytest.raises(ModelError, match="holds weights of another network: Missing key"):
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
        train(shards, own, saved_options(own), resume=True)
    (checkpoint(own) / "trainer.pt").write_bytes(pickle.dumps(Payload(), protocol=2))
    with pytest.raises(ModelError):
        train(shards, own, saved_options(own), resume=True)
    assert "this must not run" not in capsys.readouterr().out


def test_options_of_another_release_are_refused(own):
    edit_facts(own, lambda facts: facts["options"].update(warp=3))
    with pytest.raises(ModelError, match="other options than this speechlip has"):
        saved_options(own)


def test_two_runs_into_one_folder_are_refused(shards, straight, tmp_path):
    with pytest.raises(OptionError, match="is not empty; go on with it by --resume"):
        train(shards, straight, OPTIONS)
    with hold_run(straight, resume=True), pytest.raises(OptionError, match="another run is writing"):
        train(shards, straight, OPTIONS, resume=True)


def test_a_process_that_reads_and_is_killed_is_one_sentence(shards, tmp_path):
    """torch raises its RuntimeError wherever the main thread is when it hears of it."""

    def kill(step):
        if step == 2:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    with pytest.raises(
        WorkerError,
        match=(
            r"a process that reads shards is killed by signal: Killed.*take fewer --workers, or 0, and go "
            r"on"
        ),
    ):
        train(
            shards,
            tmp_path / "run",
            replace(OPTIONS, steps=10_000, workers=2, validate_every=10_000),
            progress=KeptProgress(kill),
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
        train(shards, run, replace(saved_options(run), steps=6), resume=True)
    assert sorted(path.name for path in run.iterdir()) == before, (
        "nothing is left of the one that did not fit"
    )
    monkeypatch.undo()
    assert (
        train(shards, run, replace(saved_options(run), steps=6), resume=True).checkpoint.name
        == "step-00000006"
    )


def test_a_first_checkpoint_that_was_being_written_is_none(shards, straight, tmp_path):
    part = tmp_path / "run" / "step-00000002.part"
    shutil.copytree(next(straight.glob("step-*")), part)
    with pytest.raises(ModelError, match="holds no checkpoint"):
        saved_options(tmp_path / "run")
    assert train(shards, tmp_path / "run", replace(OPTIONS, steps=1)).checkpoint.name == "step-00000001"
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
        train(shards, tmp_path / "run", replace(OPTIONS, batch_size=16))


def test_without_validation_pairs_it_trains_and_says_so(tmp_path):
    splits = {"train": {"anna": (40, 40), "ben": (40, 40)}}
    shards, notes = tiny_dataset.write_dataset(tmp_path / "shards", splits), KeptProgress()
    train(shards, tmp_path / "run", replace(OPTIONS, steps=1), progress=notes)
    assert history(tmp_path / "run")[0]["auc"] == "nan"
    assert any("no pair AUC while training: there are no frozen pairs" in said for said in notes.said)


@pytest.mark.parametrize("part", ["pairs", "clips"])
def test_validation_pairs_that_a_disk_does_not_give_are_not_left_out(shards, tmp_path, monkeypatch, part):
    """Hours of training would have no AUC, for a disk that fails once."""

    def fails(*given, **options):
        error = OSError(errno.EIO, os.strerror(errno.EIO))
        raise ShardError("a shard cannot be read (Input/output error)") from error

    monkeypatch.setattr(validation, {"pairs": "read_pairs", "clips": "ClipLookup"}[part], fails)
    with pytest.raises(ShardError, match="Input/output error"):
        validation.chosen_pairs(shards, 4, "validation", 0)


def test_literal_lip_input_is_taken_with_a_warning(shards, tmp_path):
    notes = KeptProgress()
    train(
        shards,
        tmp_path / "run",
        replace(OPTIONS, steps=1, lip_input="literal"),
        progress=notes,
    )
    assert any("never look at rows 72–95" in said for said in notes.said)


def test_mel_shards_are_refused(tmp_path):
    shards = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40)}}, spectrogram="mel")
    with pytest.raises(ShardError, match="257 bins is wanted, these have 80"):
        train(shards, tmp_path / "run", replace(OPTIONS, negatives="shift:1"))


def test_one_speaker_leaves_out_a_kind_and_says_so(tmp_path):
    shards, notes = (
        tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40, 40)}}),
        KeptProgress(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # said once, and not as a line of Python
        train(shards, tmp_path / "run", replace(OPTIONS, steps=1), progress=notes)
    assert "has one speaker" in notes.said[0]


def test_a_run_on_the_plateau_is_told_once_and_one_that_learns_never():
    options = replace(OPTIONS, loss="relu", validate_every=250)

    def told(losses, auc):
        totals, answers = RowTotals(), []
        for number, loss in enumerate(losses, start=1):
            totals.add_losses({"loss": loss})
            totals.add_step(4, 0.0)
            answers.append(totals.looks_stuck(options, totals.row(250 * number, 1e-3, auc)))
        return answers

    assert told([0.70, 0.693, 0.692, 0.693], 0.51) == [False, True, False, False]
    assert told([0.70, 0.693, 0.692, 0.693], float("nan")) == [False, True, False, False]
    assert told([0.70, 0.60, 0.50, 0.693], 0.51) == [False] * 4
    assert told([0.693] * 4, 0.8) == [False] * 4
