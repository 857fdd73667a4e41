"""The command: errors in one line, resuming, and a real training that reads A/V offsets back."""

import signal
import sys
from itertools import count
from pathlib import Path

import pytest
import tiny_dataset

from speechlip.commands.cli import speechlip
from speechlip.commands.output.train_encoder import how_to_go_on
from speechlip.training.processes.stopping import Stopped

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        speechlip(["train-encoder", *map(str, arguments)])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_a_run_and_its_continuation(shards, tmp_path, capsys):
    out = tmp_path / "run"
    options = ("--encoder", "mel-cnn", "--steps", 1, "--batch-size", 4, "--validation-pairs", 4, "-o", out)
    code, said, notes = call(capsys, shards, *options)
    assert code == 0 and said.startswith("step 1: loss 0.") and f"weights in {out}/step-00000001" in said
    assert (
        "training mel-cnn. Not the paper's: batch_size 4, the paper has 16; feature logmag, not stated; "
        "lip_input mouth, not stated; steps 1," in notes
    )
    code, said, notes = call(
        capsys, shards, "--steps", 1, "--check-data", "-o", out
    )  # refused before anything is read or said
    assert (code, said, notes) == (
        1,
        "",
        f"error: {out} is not empty; go on with it by --resume, or choose another -o\n",
    )
    code, said, notes = call(
        capsys, shards, "-o", out, "--steps", 2, "--resume"
    )  # the paper's learning rate is constant: more steps may follow
    assert code == 0 and "step-00000002" in said
    assert f"\ngoing on after step 1 of 2, saved in {out}/step-00000001\n" in notes
    code, said, _ = call(capsys, shards, "-o", out, "--resume", "--quiet")
    assert (code, said) == (0, "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_one_sentence_with_the_command_that_goes_on(
    shards, tmp_path, capsys, monkeypatch, tiny_lips, number, code
):
    steps = count(1)
    monkeypatch.setattr(
        "speechlip.commands.output.train_encoder.TrainingBar.advance",
        lambda self: signal.raise_signal(number) if next(steps) == 1 else None,
    )
    options = ("--encoder", "mel-cnn", "--steps", 50, "--batch-size", 4, "--quiet", "-o", tmp_path / "my run")
    ended, said, error = call(capsys, shards, *options)
    again = f"train-encoder {shards} -o '{tmp_path}/my run' --resume"
    where = tmp_path / "my run" / "step-00000002"
    assert (ended, said) == (code, "")
    assert error == f"stopped by {number.name} after step 2, which is saved in {where}; {again} goes on\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("{shards}", "--encoder", "hubrt"),
            "no encoder 'hubrt'; there are: se4lip, stft-gru",
        ),
        (("{shards}", "--preset", "quick"), "no preset 'quick'; there are: paper, fast"),
        (("{shards}", "--loss", "bce"), "loss is 'bce'; there are: relu, clamp, half, s2l, logit, nce"),
        (("{shards}", "--device", "cuda"), "this torch sees no GPU"),
        (("{shards}", "--resume"), "holds no checkpoint"),
        (("{shards}", "--negatives", "shift:0.5"), "they must add up to 1"),
        (("nowhere",), "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(shards, tmp_path, capsys, arguments, words):
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    code, said, error = call(
        capsys, *(text.format(shards=shards) for text in arguments), "--quiet", "-o", tmp_path / "run"
    )
    assert (code, said) == (1, "")
    assert error.startswith("error: ") and words in error and error.count("\n") == 1


def test_the_command_that_goes_on_names_shards_and_cache_as_they_were_given():
    stopped = Stopped(signal.SIGINT, 2, Path("runs/a/step-00000002"))
    said = how_to_go_on(stopped, ("hf://lab/lips",), Path("my cache"), Path("runs/a"))
    assert said.endswith("; train-encoder hf://lab/lips --cache 'my cache' -o runs/a --resume goes on")
