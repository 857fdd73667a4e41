"""``speechlip edit merge``: shards keep their bytes; what differs, or is there twice, is said by name."""

import pytest
from folders import clip_of, digests, ledger, manifest, members, run, sha256, write

import speechlip
from speechlip.errors import OptionError
from speechlip.shards.checks.verify import verify


def tars(folder):
    return [digest for path, digest in sorted(digests(folder).items()) if path.endswith(".tar")]


@pytest.fixture(scope="module")
def more(made_once):
    return made_once("edited-more", lambda folder: write(folder, {"fay": "train", "gil": "test"}, seed=1))


def test_two_folders_are_one_and_their_shards_keep_their_bytes(shards, more, tmp_path):
    done = run("merge", shards, more, "-o", tmp_path / "out", "--quiet")
    assert done.exit_code == 0
    report = verify(tmp_path / "out")
    assert report.ok and report.clips == 21, report.problems
    assert sorted(tars(tmp_path / "out")) == sorted([*tars(shards), *tars(more)])
    assert members(tmp_path / "out") == members(shards) | members(more)
    assert list(ledger(tmp_path / "out")) == [*ledger(shards), *ledger(more)]
    names = [row["name"] for row in manifest(tmp_path / "out")["shards"] if row["split"] == "train"]
    assert names == [f"train-{n:05d}-of-{len(names):05d}.tar" for n in range(len(names))]
    first = manifest(shards)["shards"][0]
    assert manifest(tmp_path / "out")["shards"][0]["sha256"] == first["sha256"]
    (edit,) = manifest(tmp_path / "out")["edited"]
    assert edit["of"] == [manifest(shards)["digest"], manifest(more)["digest"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detector": "other"}, "detector is 'mine' in one, 'other' in the other"),
        ({"crop": "lower-face"}, "crop is 'lips' in one, 'lower-face' in the other"),
        (
            {"spectrogram": "mel"},
            "spectrogram is 'stft' in one, 'mel' in the other; samples have",
        ),
        ({"lips_format": "png"}, "lips_format is 'jpg' in one, 'png' in the other"),
        ({"more": {"mood": "calm"}}, "only one has the columns mood of your own; `speechlip edit annotate`"),
    ],
    ids=str,
)
def test_folders_that_differ_are_refused_with_the_difference(shards, tmp_path, options, message):
    other = write(tmp_path / "other", {"fay": "train"}, starts=(0,), **options)
    done = run("merge", shards, other, "-o", tmp_path / "out")
    assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_clips_of_which_less_is_known_are_merged(shards, tmp_path):
    other = write(tmp_path / "other", {"fay": "train"}, starts=(0,), quality={"yaw_deg": 12.5})
    assert run("merge", shards, other, "-o", tmp_path / "out", "--quiet").exit_code == 0
    assert verify(tmp_path / "out").ok
    yaws = speechlip.clips(tmp_path / "out").table["yaw_deg"].to_pylist()
    assert sorted(yaws, key=str) == [12.5, *[None] * 15]


def test_a_recording_in_both_is_refused_or_left_out(shards, tmp_path):
    other = write(tmp_path / "other", {"ann": "train", "zoe": "train"})
    done = run("merge", shards, other, "-o", tmp_path / "out")
    assert (
        done.exit_code == 1
        and "has 1 recording of an earlier folder: 'ann.mp4'; --doubles first" in done.stderr
    )
    done = run("merge", shards, other, "-o", tmp_path / "out", "--doubles", "first", "--quiet")
    assert done.exit_code == 0 and verify(tmp_path / "out").ok
    assert list(ledger(tmp_path / "out")) == [*ledger(shards), "zoe.mp4"]
    assert members(tmp_path / "out") == members(shards) | {
        name: member for name, member in members(other).items() if name.startswith("zoe")
    }


def test_a_recording_under_another_name_is_a_double_too(tmp_path):
    one = write(tmp_path / "one", {"ann": "train"}, starts=(0, 30))
    two = tmp_path / "two"
    with speechlip.ShardWriter(two, speechlip.ShardOptions(detector="mine")) as writer:
        for name in ("copy.mp4", "new.mp4"):
            source = speechlip.Source(name, name, name, licence="CC0-1.0")
            double = sha256("ann.mp4") if name == "copy.mp4" else "ab" * 32
            writer.write(clip_of(source, 0, 20, 0), source_sha256=double)
    with pytest.raises(OptionError, match=r"has 1 recording of an earlier folder: 'copy\.mp4'"):
        speechlip.merge_shards([one, two], tmp_path / "out")
    prepared = speechlip.merge_shards([one, two], tmp_path / "out", doubles="first")
    assert prepared.clips == 3 and verify(tmp_path / "out").ok
    row = ledger(tmp_path / "out")["copy.mp4"]
    assert (row["status"], row["stage"], row["reason"]) == ("skipped", "edit", "double")
    assert row["detail"] == "the same recording as 'ann.mp4'" and row["dropped"] == {"double": 0.8}


def test_clips_of_a_recording_that_has_none_in_an_earlier_folder_are_not_lost(shards, tmp_path):
    emptied = tmp_path / "emptied"
    speechlip.select_clips(shards, emptied, "speaker != 'ann'")
    other = write(tmp_path / "other", {"ann": "train", "zoe": "train"})
    with pytest.raises(OptionError, match=r"has clips of 'ann\.mp4', of which an earlier folder has none"):
        speechlip.merge_shards([emptied, other], tmp_path / "out", doubles="first")
    merged = speechlip.merge_shards([other, emptied], tmp_path / "out", doubles="first")
    assert merged.clips == len(ledger(emptied)) * 3 + 3 and verify(merged.folder).ok


def test_different_videos_of_one_name_are_never_one(shards, tmp_path):
    other = write(tmp_path / "other", {"ann": "train"}, seed=5)
    for doubles in ("refuse", "first"):
        with pytest.raises(OptionError, match=r"different videos of one name: 'ann\.mp4'"):
            speechlip.merge_shards([shards, other], tmp_path / "out", doubles=doubles)


def test_a_speaker_in_two_splits_is_refused_with_the_way_out(shards, tmp_path):
    for name, split in (("a", "train"), ("b", "test")):
        with speechlip.ShardWriter(tmp_path / name, speechlip.ShardOptions(detector="mine")) as writer:
            source = speechlip.Source(f"{name}.mp4", f"{name}.mp4", "hal", split=split)
            writer.write(clip_of(source, 0, 20, 0), source_sha256=sha256(name))
    with pytest.raises(OptionError, match=r"speaker 'hal' is in train of .*a and in test of .*b") as told:
        speechlip.merge_shards([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert "--where \"speaker = 'hal'\" --to train" in str(told.value)
    speechlip.move_clips(tmp_path / "b", tmp_path / "moved", "speaker = 'hal'", "train")
    assert speechlip.merge_shards([tmp_path / "a", tmp_path / "moved"], tmp_path / "out").clips == 2


def test_words_of_both_cards_stay(tmp_path):
    folders = [write(tmp_path / name, {name: "train"}, starts=(0,)) for name in ("ida", "jon")]
    for folder in folders:
        card = folder / "README.md"
        card.write_text(card.read_text().replace("begin -->\n", f"begin -->\nWords on {folder.name}.\n"))
    speechlip.merge_shards(folders, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Words on ida." in card and "Words on jon." in card


def test_one_folder_is_no_merge(shards, tmp_path):
    with pytest.raises(OptionError, match="a merge takes at least two folders"):
        speechlip.merge_shards([shards], tmp_path / "out")
    with pytest.raises(OptionError, match="no way with doubles 'last'; there are: refuse, first"):
        speechlip.merge_shards([shards, shards], tmp_path / "out", doubles="last")
