"""Two processes under torchrun, on the CPU by gloo, against one process with all the data."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_dataset
import torch
from linear_pair import OPTIONS, gradients
from linear_pase import pase_gradients
from safetensors.torch import load_file

from speechlip.errors import OptionError
from speechlip.training.processes.ranks import ALONE, Ranks, gathered
from speechlip.training.train import train

pytestmark = pytest.mark.early

HERE, TWO = Path(__file__).parent, Ranks(1, 2, 1)


def torchrun(*arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}"}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launcher, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=120
    )


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards")


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Two shards; the process that reads the second one fails."""

    def spoil(samples):
        for members in samples.values():
            members["lips.jpg"] = b"no picture"

    shards = tiny_dataset.write_dataset(tmp_path_factory.mktemp("damaged") / "shards")
    tiny_dataset.rewrite(shards, "train-00001-of-00002.tar", spoil)
    return shards


@pytest.fixture(scope="module")
def both(shards, damaged, tmp_path_factory):
    """What two_ranks.py left, how it ended, what it found."""
    out = tmp_path_factory.mktemp("two")
    done = torchrun(HERE / "two_ranks.py", shards, damaged, out)
    assert (out / "found.pt").is_file(), done.stderr
    return out, done, torch.load(out / "found.pt", weights_only=True)


@pytest.mark.parametrize("loss", ["nce", "logit", "half"])
def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(both, loss):
    ours, alone = both[2]["gradients"][loss], gradients(loss)
    assert ours.keys() == alone.keys() and len(alone) == {"nce": 5, "logit": 6, "half": 4}[loss]
    for name, gradient in alone.items():
        torch.testing.assert_close(ours[name], gradient, msg=lambda text, name=name: f"{name}: {text}")
        assert gradient.abs().max() > 1e-6


def test_two_processes_have_the_gradients_and_terms_of_pase_with_the_whole_batch(both):
    (ours, terms), (alone, all_terms) = both[2]["pase"], pase_gradients()
    assert terms == pytest.approx(all_terms, rel=1e-4) and ours.keys() == alone.keys()
    for name, gradient in alone.items():
        torch.testing.assert_close(
            ours[name], gradient, rtol=1e-3, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
        )
    assert {"pair.lips.layer.weight", "heads.phones.weight", "pair.attention.query.weight"} < alone.keys()


def test_every_clip_goes_to_one_of_them(both):
    first, second = map(set, both[2]["keys"])
    everything = {
        clip.key
        for speaker, lengths in tiny_dataset.DEFAULT_SPLITS["train"].items()
        for clip in tiny_dataset.clips_of(speaker, lengths)
    }
    assert first and second and not first & second and first | second == everything


def test_two_steps_of_two_processes_are_one_and_one(both):
    straight, resumed = (
        load_file(both[0] / run / "step-00000002" / "model.safetensors") for run in ("straight", "resumed")
    )
    assert all(torch.equal(resumed[name], straight[name]) for name in straight)


def test_the_checkpoint_has_the_place_of_each_in_the_shards(both):
    trainer = torch.load(both[0] / "straight" / "step-00000002" / "trainer.pt", weights_only=True)
    assert [(place["rank"], place["world_size"], place["batch_size"]) for place in trainer["positions"]] == [
        (0, 2, 2),
        (1, 2, 2),
    ]


def test_a_mean_is_that_of_both(both):
    assert both[2]["mean"] == 1.5


def test_only_the_first_prints_and_writes(both):
    out, done, _ = both
    assert done.stdout.count("\n") == 1 and done.stdout.count("weights in") == 1
    assert done.stderr.count("training mel-cnn. Not the paper's") == 2, "once a run"
    assert [path.name for path in (out / "straight").glob("step-*")] == ["step-00000002"]


def test_one_that_fails_ends_both_and_says_why(both):
    out, done, _ = both
    assert done.returncode == 1
    assert len(re.findall(r"^error: .*lips", done.stderr, re.MULTILINE)) == 1
    assert "Traceback" not in done.stderr.partition("Sending process")[0]
    assert not list((out / "damaged").glob("step-*"))


def test_one_process_goes_on_with_the_pairs_of_two(both, shards, tmp_path, tiny_lips):
    run = shutil.copytree(both[0] / "resumed", tmp_path / "run")
    train(shards, run, replace(OPTIONS, steps=3), resume=True)
    trainer = torch.load(run / "step-00000003" / "trainer.pt", weights_only=True)
    assert [(place["rank"], place["world_size"]) for place in trainer["positions"]] == [(0, 2), (1, 2)]


def test_the_package_is_a_command_too():
    done = subprocess.run(
        [sys.executable, "-m", "speechlip", "train-encoder", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "SHARDS" in done.stdout


# without a group


def test_a_process_alone_gathers_nothing():
    rows = torch.ones(2, 3)
    assert gathered(rows) is rows and ALONE.mean(0.5) == 0.5 and ALONE.collected("x") == ["x"]


@pytest.mark.parametrize(("batch_size", "better"), [(5, 4), (2, 4), (7, 8)])
def test_a_batch_that_cannot_be_shared_is_refused_with_one_that_can(batch_size, better):
    with pytest.raises(
        OptionError,
        match=rf"batch_size {batch_size} cannot be shared by 2 processes.*try --batch-size {better}$",
    ):
        TWO.share(batch_size)
    assert TWO.share(better) == better // 2
