"""``speechlip edit split``: the deal of prep-shards again, or some clips moved; no speaker is torn apart."""

import pytest
from folders import ledger, manifest, members, run, splits_of, write

import speechlip
from preparing import prep
from speechlip.errors import OptionError
from speechlip.shards.checks.verify import verify


@pytest.fixture(scope="module")
def prepared(talking, tmp_path_factory):
    out = tmp_path_factory.mktemp("dealt") / "shards"
    options = ("--recipe", "synthetic", "--detector", "sidecar", "--split", "train=0.5,test=0.5")
    assert prep(talking, "-o", out, *options, "--seed", 7, "--quiet").exit_code == 0
    return out


def test_the_same_seed_and_shares_give_the_splits_of_prep_shards(prepared, tmp_path):
    other = run("split", prepared, "-o", tmp_path / "other", "--seed", 3, "--quiet")
    assert other.exit_code == 0 and verify(tmp_path / "other").ok
    back = run("split", tmp_path / "other", "-o", tmp_path / "back", "--seed", 7, "--quiet")
    assert back.exit_code == 0 and verify(tmp_path / "back").ok
    assert splits_of(tmp_path / "back") == splits_of(prepared) != splits_of(tmp_path / "other")
    assert members(tmp_path / "back") == members(prepared)
    assert manifest(tmp_path / "other")["options"]["seed"] == 3
    assert len(manifest(tmp_path / "back")["edited"]) == 2


def test_declared_splits_stay_unless_asked(shards, tmp_path):
    speechlip.deal_splits(shards, tmp_path / "kept", shares={"train": 1.0})
    assert splits_of(tmp_path / "kept") == splits_of(shards)
    speechlip.deal_splits(shards, tmp_path / "all", shares={"train": 1.0}, also_declared=True)
    assert splits_of(tmp_path / "all") == {speaker: {"train"} for speaker in splits_of(shards)}
    assert {row["split"] for row in ledger(tmp_path / "all").values()} == {"train"}
    assert verify(tmp_path / "all").ok


def test_by_file(shards, tmp_path):
    prepared = speechlip.deal_splits(
        shards, tmp_path / "out", by="file", shares={"train": 0.4, "dev": 0.6}, also_declared=True, seed=1
    )
    assert prepared.manifest.split_by == "file" and verify(tmp_path / "out").ok
    assert {"train", "dev"} == {*prepared.splits}


def test_clips_of_chosen_speakers_move(shards, tmp_path):
    where = "speaker in ('ann', 'di')"
    done = run("split", shards, "-o", tmp_path / "out", "--where", where, "--to", "dev", "--quiet")
    assert done.exit_code == 0 and verify(tmp_path / "out").ok
    assert splits_of(tmp_path / "out") == splits_of(shards) | {"ann": {"dev"}, "di": {"dev"}}
    assert members(tmp_path / "out") == members(shards)
    assert {"dev", "test"} == {*manifest(tmp_path / "out")["pairs"]}


def test_a_speaker_is_not_torn_apart_unless_asked(shards, tmp_path):
    given = (
        "split",
        shards,
        "-o",
        tmp_path / "out",
        "--where",
        "start_s < 1 and speaker = 'ann'",
        "--to",
        "test",
    )
    done = run(*given)
    assert done.exit_code == 1 and "speaker 'ann' is in the splits test, train" in done.stderr
    assert "let the condition choose whole ones, or say --split-by file or time" in done.stderr
    assert "source 'ann.mp4' is in the splits" in run(*given, "--split-by", "file").stderr
    assert run(*given, "--split-by", "time", "--quiet").exit_code == 0
    row = ledger(tmp_path / "out")["ann.mp4"]
    assert (row["split"], row["split_clips"]) == ("train+test", {"train": 2, "test": 1})
    assert row["clip_frames"] == [24, 28, 20] and verify(tmp_path / "out").ok


def test_times_of_a_file_do_not_interleave(tmp_path):
    folder = write(tmp_path / "in", {"ann": "train"})
    with pytest.raises(
        OptionError, match=r"'ann.mp4' is in split train until 4.32 s, and in split test from"
    ):
        speechlip.move_clips(folder, tmp_path / "out", "start_s = 1.2", "test", by="time")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--where", "n_frames = 20"), "--where says which clips move and --to where they go"),
        (("--where", "n_frames = 20", "--to", "x", "--seed", "1"), "deal anew, --where moves; give either"),
        (("--where", "n_frames = 20", "--to", "Test"), "a split cannot be called 'Test'"),
        (
            ("--where", "n_frames = 99", "--to", "test"),
            "no clip fulfils 'n_frames = 99', so nothing would move",
        ),
        (("--split-by", "time"), "no way to deal 'time'; there are: speaker, file"),
        (("--split", "train=0.5"), "add up to 0.5; they must add up to 1"),
    ],
)
def test_what_cannot_be_asked(shards, tmp_path, options, message):
    done = run("split", shards, "-o", tmp_path / "out", *options)
    assert done.exit_code == 1 and message in done.stderr and not (tmp_path / "out").exists()
