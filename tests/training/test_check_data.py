"""--check-data: one batch is learned by heart, or the reason why not is said; and the run itself sees nothing
of it.
"""

import json

import numpy as np
import pytest
import tiny_dataset
import torch

from speechlip.errors import ShardError
from speechlip.training import check_data as checking
from speechlip.training.check_data import DataCheckFailed, check_data, differences
from speechlip.training.options import TrainOptions

OPTIONS = TrainOptions.preset("fast", encoder="mel-cnn", batch_size=4)
TRAIN = {"train": {"anna": (40, 40), "ben": (40, 40)}}
SHARD = "train-00000-of-00001.tar"


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards", TRAIN, shards=1)


def spoilt(folder, member, make):
    """Shards in which ``member`` of every clip is ``make(number of frames)``."""
    shards = tiny_dataset.write_dataset(folder / "shards", TRAIN, shards=1)

    def spoil(samples):
        for members in samples.values():
            members[member] = make(json.loads(members["json"])["n_frames"])

    tiny_dataset.rewrite(shards, SHARD, spoil)
    return shards


def test_a_batch_is_learned_by_heart_and_random_state_is_put_back(shards):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    learned = check_data(shards, TrainOptions.preset("paper", encoder="mel-cnn", batch_size=4))
    assert torch.equal(torch.get_rng_state(), before)
    assert learned.pairs == 4 and learned.last_loss < 0.5 * np.log(2) < learned.first_loss
    assert str(learned).startswith(
        f"one batch of 4 pairs is learned by heart in {learned.steps} steps, loss "
    )


def test_a_network_that_cannot_learn_is_found(shards, monkeypatch):
    monkeypatch.setattr(checking, "CHECKED_STEPS", 3)
    monkeypatch.setattr(checking, "CHECKED_LR", 1e-12)
    with pytest.raises(
        DataCheckFailed,
        match=(
            r"4 pairs is not learned by heart in 3 steps: the loss went from .* below 0\.693 was wanted\. "
            r"Look at"
        ),
    ):
        check_data(shards, OPTIONS)


def test_lips_that_are_all_one_picture_are_found(tmp_path):
    black = spoilt(
        tmp_path, "lips.jpg", lambda n: tiny_dataset.strip(np.zeros((n, 96, 96, 3), np.uint8), "jpg")
    )
    with pytest.raises(
        DataCheckFailed, match="the lips of all 4 windows are the same picture, 0 of 255 bright"
    ):
        check_data(black, OPTIONS)


def test_silence_is_found(tmp_path):
    silent = spoilt(tmp_path, "stft.npy", lambda n: tiny_dataset.npy(np.zeros((5 * n, 257), np.float16)))
    with pytest.raises(DataCheckFailed, match="the speech of all 4 windows is the same, or silent"):
        check_data(silent, OPTIONS)


def test_speech_that_is_not_finite_is_found_with_its_keys(tmp_path):
    broken = spoilt(
        tmp_path, "stft.npy", lambda n: tiny_dataset.npy(np.full((5 * n, 257), np.nan, np.float16))
    )
    with pytest.raises(
        DataCheckFailed, match="the speech of these pairs is not finite; run verify-shards: anna-0"
    ):
        check_data(broken, OPTIONS)


def test_a_network_that_reads_the_waveform_is_checked_with_it(shards):
    assert check_data(
        shards, TrainOptions.preset("fast", encoder="mel-cnn-wav2lip", batch_size=4)
    ).last_loss < 0.5 * np.log(4)


def test_windows_are_told_from_the_first():
    assert differences(torch.tensor([[0.0, 0.0], [2.0, 4.0], [0.0, 0.0]])) == 1.5


def test_shards_without_a_train_clip_are_refused(tmp_path):
    empty = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {}, "validation": {"dora": (40, 33)}})
    with pytest.raises(ShardError, match=r"split 'train' of .* holds no clip"):
        check_data(empty, OPTIONS)
