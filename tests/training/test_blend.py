"""Several folders blended: shares hold, a position restores exactly, on other numbers of processes too."""

from dataclasses import replace
from itertools import islice

import pytest
import tiny_dataset
import torch
from click.testing import CliRunner
from tiny_runs import OPTIONS, facts, history, same_weights, streams_of

from speechlip.commands.cli import train_encoder
from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.blend import BlendedLoader
from speechlip.shards.pairs.loader import pair_loader
from speechlip.training.processes.ranks import Ranks
from speechlip.training.train import train

pytestmark = pytest.mark.usefixtures("without_picture", "tiny_lips")

LARGE = {f"p{n}": (50, 40, 45) for n in range(6)}
SMALL = {f"q{n}": (50, 40, 45) for n in range(4)}
CHOSEN = replace(OPTIONS, batch_size=8, weights="2,1")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("blended")
    validation = {"dora": (40, 33), "emil": (38, 47)}
    return [
        tiny_dataset.write_dataset(root / "large", {"train": LARGE, "validation": validation}, shards=4),
        tiny_dataset.write_dataset(root / "small", {"train": SMALL}, shards=4),
    ]


@pytest.fixture(scope="module")
def for_three(tmp_path_factory):
    """Two folders of six shards, so that each of three processes has two speakers of both."""
    root = tmp_path_factory.mktemp("three")
    speakers = [{f"{letter}{n}": (50, 40, 45, 47) for n in range(6)} for letter in "pq"]
    return [
        tiny_dataset.write_dataset(root / name, {"train": own}, shards=6)
        for name, own in zip("ab", speakers, strict=True)
    ]


def blend(folders, weights=(2, 1), workers=0):
    loaders = [
        pair_loader(folder, "train", batch_size=4, seed=3, workers=workers, rank=0, world_size=1)
        for folder in folders
    ]
    return BlendedLoader(loaders, weights)


def keys(batches):
    return [batch["keys"] for batch in batches]


def folder_of(batch):
    """Of whose speakers a batch is: p or q; never both."""
    (letter,) = {key[0] for pair in batch for key in pair}
    return letter


@pytest.mark.parametrize("weights", [(2, 1), (1, 1), (1, 3), (0.7, 0.2)])
def test_shares_hold_to_one_batch_at_any_moment_over_many_epochs(folders, weights):
    taken = {"p": 0, "q": 0}
    for count, batch in enumerate(islice(blend(folders, weights), 120), start=1):
        taken[folder_of(batch["keys"])] += 1
        for letter, weight in zip("pq", weights, strict=True):
            assert abs(taken[letter] - count * weight / sum(weights)) <= 1


@pytest.mark.parametrize("workers", [0, 1])
def test_a_position_restores_exactly(folders, workers):
    straight = keys(islice(blend(folders, workers=workers), 60))
    for stopped in (1, 7, 31, 50):
        first = blend(folders, workers=workers)
        before = keys(islice(first, stopped))
        again = blend(folders, workers=workers)
        again.load_state_dict(first.state_dict())
        assert before + keys(islice(again, 60 - stopped)) == straight
        if workers:
            break


def test_other_weights_or_folders_are_refused(folders):
    state = blend(folders).state_dict()
    with pytest.raises(ShardError, match=r"a blend with weights \[2, 1\], here they are \[1, 1\]"):
        blend(folders, (1, 1)).load_state_dict(state)
    with pytest.raises(ShardError, match="shards was"):
        blend(folders[::-1]).load_state_dict(state)
    with pytest.raises(OptionError, match="weights are 2, 1, 1 for 2 folders; give each one above 0"):
        blend(folders, (2, 1, 1))


def union(batches):
    """What all processes have in one step, in their order."""
    return [pair for batch in batches for pair in batch["keys"]]


@pytest.mark.parametrize(("began", "then"), [(2, 1), (1, 2), (4, 2), (2, 4), (4, 1), (2, 3), (3, 2), (3, 4)])
def test_another_number_of_processes_goes_on_with_the_same_pairs(folders, for_three, began, then):
    """Also where neither number divides the other, and back again on the first number."""
    chosen, folders = replace(CHOSEN, batch_size=12), for_three if began == 3 else folders

    def opened(count, began=None):
        return [streams_of(folders, chosen, Ranks(rank, count, rank), began) for rank in range(count)]

    first = opened(began)
    for _ in islice(zip(*first, strict=True), 5):
        pass
    states = positions(first)
    wanted = [union(batches) for batches in islice(zip(*first, strict=True), 8)]
    again = opened(then, began)
    for each in again:
        each.load_states(states)
    batches = [*islice(zip(*again, strict=True), 4)]
    assert [union(step) for step in batches] == wanted[:4]
    assert {len(batch["lips"]) for step in batches for batch in step} == {chosen.batch_size // then}
    assert all(torch.is_tensor(batch["label"]) for batch in batches[0])
    back = opened(began)
    for each in back:
        each.load_states(positions(again))
    assert [union(step) for step in islice(zip(*back, strict=True), 4)] == wanted[4:]


def positions(processes):
    """The position of every stream, as a checkpoint has it; all that read a stream are at one place."""
    found = {}
    for process in processes:
        for number, state in process.states().items():
            assert found.setdefault(number, state) == state
    return [found[number] for number in sorted(found)]


def test_a_run_on_two_folders_resumes_weight_for_weight(folders, tmp_path):
    train(folders, tmp_path / "straight", CHOSEN)

    def kill(row):
        if row.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(folders, tmp_path / "stopped", CHOSEN, on_row=kill)
    train(folders, tmp_path / "stopped", None, resume=True)
    assert same_weights(tmp_path / "straight", tmp_path / "stopped")
    assert history(tmp_path / "straight") == history(tmp_path / "stopped")
    said = facts(tmp_path / "straight")
    assert said["options"]["weights"] == "2,1" and said["data"]["clips"] == 3 * (len(LARGE) + len(SMALL))
    with pytest.raises(ShardError, match="the shards are not those that"):
        train(folders[::-1], tmp_path / "stopped", None, resume=True)


def test_folders_that_differ_and_weights_that_do_not_fit(folders, tmp_path):
    mel = tiny_dataset.write_dataset(tmp_path / "mel", {"train": SMALL}, shards=1, spectrogram="mel")
    with pytest.raises(OptionError, match="folders of different spectrogram cannot be blended"):
        train([folders[0], mel], tmp_path / "run", OPTIONS)
    with pytest.raises(OptionError, match="weights are 2, 1, 1 for 2 folders"):
        train(folders, tmp_path / "run", replace(OPTIONS, weights="2,1,1"))
    with pytest.raises(OptionError, match="weights are of several folders, and one was given"):
        train(folders[0], tmp_path / "run", replace(OPTIONS, weights="2,1"))
    for weights in ("2,0", "2;1", "-1,1", "inf,1"):
        with pytest.raises(OptionError, match="write one above 0 for each folder, such as 2,1"):
            replace(OPTIONS, weights=weights)


def test_the_command_takes_several_folders(folders, tmp_path):
    given = [
        *map(str, folders),
        "--weights",
        "2,1",
        "--encoder",
        "mel-cnn",
        "--steps",
        "2",
        "--batch-size",
        "4",
    ]
    done = CliRunner().invoke(train_encoder, [*given, "-o", str(tmp_path / "run"), "--quiet"])
    assert done.exit_code == 0, done.output
    assert facts(tmp_path / "run")["options"]["weights"] == "2,1"
