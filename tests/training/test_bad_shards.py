"""train-encoder on shards and runs that it cannot use: one line that says so, exit code 1, and nothing left
behind.
"""

import json

import pytest
import tiny_dataset
import torch

from speechlip.cards.kept import BEGIN
from speechlip.commands.cli import speechlip
from speechlip.faces.crops import MOUTH_PRESETS, PRESETS
from speechlip.shards.read.shardset import open_shards
from speechlip.training.run.checkpoint import training_data

pytestmark = pytest.mark.usefixtures("tiny_lips")

TINY = ("--encoder", "mel-cnn", "--steps", "1", "--batch-size", "4", "--validation-pairs", "8")


@pytest.fixture
def shards(tmp_path):
    return tiny_dataset.write_dataset(
        tmp_path / "shards",
        {"train": {"anna": (40, 40), "ben": (40,)}, "validation": {"dora": (40, 33)}},
        shards=1,
    )


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        speechlip(["train-encoder", *map(str, arguments)])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def refused(capsys, *arguments):
    """What is said, without ``error: ``."""
    code, said, error = call(capsys, *arguments, "--quiet")
    assert (code, said) == (1, "") and error.startswith("error: ") and error.count("\n") == 1, (
        code,
        said,
        error,
    )
    return error


def test_another_format_version(shards, tmp_path, capsys):
    tiny_dataset.edit_manifest(shards, lambda manifest: manifest.update(format=2))
    assert "has shard format 2, this speechlip reads format 1; install the release" in refused(
        capsys, shards, *TINY, "-o", tmp_path / "run"
    )


def test_another_crop(shards, tmp_path, capsys):
    for other in ("full-face", *PRESETS.keys() - {*MOUTH_PRESETS}):
        tiny_dataset.edit_manifest(
            shards, lambda manifest, other=other: manifest["options"].update(crop=other)
        )
        words = refused(capsys, shards, *TINY, "-o", tmp_path / "run")
        assert (
            f"cut by preset {other!r}; the lip network reads rows 24–71, where lips, lower-face, auto-avsr "
            "have the mouth: prepare the videos with one of these" in words
        )
    for crop in MOUTH_PRESETS:
        tiny_dataset.edit_manifest(shards, lambda manifest, crop=crop: manifest["options"].update(crop=crop))
        assert training_data(open_shards(shards, "train")).crop == crop


def test_an_empty_split(tmp_path, capsys):
    shards = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {}, "validation": {"dora": (40, 33)}})
    assert "split 'train' of" in refused(capsys, shards, *TINY, "-o", tmp_path / "run")
    shards = tiny_dataset.write_dataset(tmp_path / "other", {"validation": {"dora": (40, 33)}})
    assert "no split 'train' with shards in" in refused(capsys, shards, *TINY, "-o", tmp_path / "run2")


def test_one_speaker_and_what_is_off(tmp_path, capsys):
    shards = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40, 40)}}, shards=1)
    words = refused(capsys, shards, *TINY, "--negatives", "shift:0.5,speaker:0.5", "-o", tmp_path / "run")
    assert (
        "'speaker' negatives cannot be drawn: split 'train' has one speaker; leave them out of the mix, for "
        "instance shift:1" in words
    )


def test_a_failed_check_ends_it_before_anything_is_written(shards, tmp_path, capsys):
    import numpy as np

    black = tiny_dataset.strip(np.zeros((40, 96, 96, 3), np.uint8), "jpg")
    tiny_dataset.rewrite(
        shards,
        "train-00000-of-00001.tar",
        lambda samples: [members.update({"lips.jpg": black}) for members in samples.values()] and None,
    )
    assert "the same picture" in refused(capsys, shards, *TINY, "--check-data", "-o", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_checked_run_equals_one_that_was_not_and_shows_itself(shards, tmp_path, capsys):
    code, _, notes = call(capsys, shards, *TINY, "--check-data", "-o", tmp_path / "one")
    assert code == 0 and "one batch of 4 pairs is learned by heart in" in notes
    code, _, notes = call(capsys, shards, *TINY, "--no-tensorboard", "-o", tmp_path / "two")
    assert code == 0 and "learned by heart" not in notes
    facts = [
        json.loads((run / "step-00000001" / "checkpoint.json").read_text())
        for run in (tmp_path / "one", tmp_path / "two")
    ]
    assert facts[0]["sha256"] == facts[1]["sha256"]
    assert {"README.md", "training.png", "history.csv", "cosines.csv", "step-00000001"} == {
        path.name for path in (tmp_path / "two").iterdir()
    }
    assert (tmp_path / "two" / "README.md").read_text().count(BEGIN) == 1 and "3 clips of 2 speakers" in (
        tmp_path / "two" / "README.md"
    ).read_text()


class Payload:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_runs_that_cannot_be_gone_on_with_and_a_card_that_cannot_be_made_anew(shards, tmp_path, capsys):
    out = tmp_path / "run"
    assert call(capsys, shards, *TINY, "--quiet", "-o", out)[0] == 0
    (out / "README.md").write_text(f"{BEGIN}\nmine\n")
    code, _, notes = call(capsys, shards, "--resume", "-o", out)
    assert (
        code == 0
        and "the weights are saved; picture or card is not as it should be: the card's marks do not" in notes
    )
    assert (out / "README.md").read_text() == f"{BEGIN}\nmine\n"
    assert "is not empty; go on with it by --resume" in refused(capsys, shards, *TINY, "-o", out)
    assert "this run has encoder 'mel-cnn', not 'se4lip'" in refused(
        capsys, shards, "--encoder", "se4lip", "--resume", "-o", out
    )
    tiny_dataset.edit_manifest(shards, lambda manifest: manifest["versions"].update(av="99"))
    assert "the shards are not those that" in refused(capsys, shards, "--steps", "2", "--resume", "-o", out)
    tiny_dataset.edit_manifest(shards, lambda manifest: manifest["versions"].clear())
    torch.save({"optimizer": Payload()}, out / "step-00000001" / "trainer.pt")
    words = refused(capsys, shards, "--steps", "2", "--resume", "-o", out)
    assert "perhaps code; it was not run" in words and "this must not run" not in words
