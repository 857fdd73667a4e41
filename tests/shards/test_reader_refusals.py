"""What a reader refuses, and what it says: folders, shards, members, schemes, options."""

import shutil

import numpy as np
import pytest
import tiny_dataset

from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.pairs.mix import PairMix
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import manifest_of, open_shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("tiny") / "out", shards=3, lips_format="png", landmarks=True, phones=True
    )


@pytest.fixture
def own_folder(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def test_missing_unfinished_and_foreign_folders(own_folder, tmp_path):
    with pytest.raises(ShardError, match="there is no folder"):
        ClipReader(tmp_path / "nowhere", "train")
    (own_folder / "manifest.json").rename(tmp_path / "manifest.json")
    with pytest.raises(ShardError, match=r"no manifest\.json"):
        ClipReader(own_folder, "train")
    (own_folder / ".work").mkdir()
    with pytest.raises(ShardError, match="run the same prep-shards command again"):
        ClipReader(own_folder, "train")
    (own_folder / "manifest.json").write_text("{")
    with pytest.raises(ShardError, match="is not JSON"):
        ClipReader(own_folder, "train")


def test_another_format_version(own_folder):
    tiny_dataset.edit_manifest(own_folder, lambda manifest: manifest.update(format=2))
    with pytest.raises(ShardError, match="shard format 2, this speechlip reads format 1"):
        ClipReader(own_folder, "train")


def test_unknown_and_empty_splits(own_folder):
    with pytest.raises(OptionError, match=r"no split 'dev'.*there are: train, validation"):
        ClipReader(own_folder, "dev")
    tiny_dataset.edit_manifest(
        own_folder, lambda manifest: [row.update(clips=0) for row in manifest["shards"]]
    )
    with pytest.raises(ShardError, match="holds no clip"):
        ClipReader(own_folder, "train")


def test_the_only_split_is_taken_and_several_leave_the_choice(own_folder, tmp_path):
    of_one = tiny_dataset.write_dataset(tmp_path / "one", {"test": {"anna": (20, 30)}}, shards=1)
    assert open_shards(of_one).split == ClipReader(of_one).shards.split == "test"
    for read in (open_shards, ClipReader, pair_loader):
        with pytest.raises(OptionError, match="own has several splits; name one: train, validation"):
            read(own_folder)


def test_open_shards_are_read_as_they_are(folder):
    shards = open_shards(folder, "validation")
    assert open_shards(shards) is open_shards(shards, "validation") is shards
    by_name = [clip.key for clip in ClipReader(folder, "validation")]
    assert [clip.key for clip in ClipReader(shards)] == by_name
    batches = (
        next(iter(pair_loader(given, split, batch_size=4)))
        for given, split in [(shards, None), (folder, "validation")]
    )
    first, second = (batch["keys"] for batch in batches)
    assert first == second
    with pytest.raises(OptionError, match="these shards are of split 'validation', not 'train'"):
        ClipReader(shards, "train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mix": 3}, "mix is 3, wanted PairMix or text or None"),
        ({"mix": "shift"}, "cannot read the share"),
        ({"workers": 1.5}, "workers is 1.5, wanted a whole number"),
        ({"batch_size": 4.5}, "batch_size is 4.5, wanted a whole number"),
        ({"rules": 5}, r"rules is 5, wanted PairRules\(...\)"),
    ],
)
def test_a_loader_of_pairs_that_cannot_be(folder, options, message):
    with pytest.raises(OptionError, match=message):
        pair_loader(folder, "train", **options)


def test_a_mix_may_be_its_text(folder):
    assert pair_loader(folder, "train", mix="shift:1").mix == PairMix(0.5, 0.5, 0.0, 0.0)


def test_missing_cut_and_corrupt_shards(own_folder):
    shard = own_folder / "data" / "train-00001-of-00003.tar"
    data = shard.read_bytes()
    shard.write_bytes(data[: len(data) // 2])
    with pytest.raises(ShardError, match=r"bytes, manifest\.json says"):
        ClipReader(own_folder, "train")
    with pytest.raises(ShardError, match=r"00001-of-00003\.tar cannot be read"):
        list(ClipReader([shard]))
    shard.write_bytes(b"\0" * 512 + data[512:])
    with pytest.raises(ShardError, match=r"00001-of-00003\.tar (cannot be read|holds \d clips)"):
        list(ClipReader(own_folder, "train"))
    shard.unlink()
    with pytest.raises(ShardError, match="is missing though"):
        ClipReader(own_folder, "train")


def test_a_shard_with_fewer_clips_than_promised(own_folder):
    tiny_dataset.rewrite(
        own_folder, "train-00000-of-00003.tar", lambda samples: dict(list(samples.items())[1:])
    )
    tiny_dataset.edit_manifest(own_folder, lambda manifest: manifest["shards"][0].update(clips=3))
    with pytest.raises(ShardError, match=r"holds 2 clips, manifest\.json says 3"):
        list(ClipReader(own_folder, "train"))


@pytest.mark.parametrize(
    ("member", "data", "message"),
    [
        ("lips.png", b"no picture", "lips.png cannot be decoded"),
        (
            "lips.png",
            tiny_dataset.strip(np.zeros((2, 96, 96, 3), np.uint8), "png"),
            "lips.png cannot be decoded: a picture of 96×192 px",
        ),
        (
            "stft.npy",
            tiny_dataset.npy(np.zeros((3, 257), np.float16)),
            r"stft.npy cannot be decoded: it has the shape \(3, 257\), wanted 250 rows",
        ),
        ("audio.flac", b"fLaC", "audio.flac cannot be decoded"),
        ("json", b"{", "json cannot be decoded"),
        ("json", b"{}", "json cannot be decoded: it lacks n_frames"),
        ("phones.json", None, "has no phones.json"),
    ],
)
def test_a_damaged_member_names_its_sample(own_folder, member, data, message):
    def spoil(samples):
        samples["anna-0"][member] = data
        if data is None:
            del samples["anna-0"][member]

    tiny_dataset.rewrite(own_folder, "train-00000-of-00003.tar", spoil)
    with pytest.raises(ShardError, match=f"anna-0.*{message}"):
        list(ClipReader(own_folder, "train", fields=("lips", "spectrogram", "audio", "landmarks", "phones")))


def test_pickles_are_not_loaded(own_folder):
    import io
    import pickle

    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("a pickle was loaded",)

    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    for data in (buffer.getvalue(), pickle.dumps(Bomb())):
        tiny_dataset.rewrite(
            own_folder,
            "train-00000-of-00003.tar",
            lambda samples, data=data: samples["anna-0"].update({"stft.npy": data}),
        )
        with pytest.raises(ShardError, match=r"stft\.npy cannot be decoded"):
            list(ClipReader(own_folder, "train"))


def test_pipes_and_unknown_schemes_are_refused(tmp_path):
    bait = tmp_path / "ran"
    for url in (
        f"pipe:touch {bait}",
        f"PIPE:touch {bait}",
        f"pipe:touch {bait}.tar",
        "ftp://host/a.tar",
        "ssh://host/a.tar",
        "file:///a.tar",
    ):
        with pytest.raises(OptionError, match="refused"):
            ClipReader([url])
        with pytest.raises((OptionError, ShardError)):
            ClipReader(url, "train")
    assert not bait.exists()


def test_a_local_file_named_like_a_pipe_is_only_a_file(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(folder / "data" / "train-00000-of-00003.tar", tmp_path / "pipe:touch ran.tar")
    assert len(list(ClipReader(["pipe:touch ran.tar"]))) == 3
    assert not (tmp_path / "ran.tar").exists() and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": ["mouth"]}, "no field 'mouth'; there are: lips"),
        ({"seed": "x"}, "seed is 'x', wanted a whole number"),
        ({"seed": -1}, "must not be negative"),
        ({"rank": 2, "world_size": 2}, "rank 2 of world_size 2"),
        ({"rank": 0}, "give both"),
    ],
)
def test_options_that_cannot_be_used(folder, options, message):
    with pytest.raises(OptionError, match=message):
        ClipReader(folder, "train", **options)


def test_a_field_that_the_dataset_does_not_carry(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "out", {"train": {"anna": (10,)}}, shards=1)
    with pytest.raises(OptionError, match="carries no 'phones'"):
        ClipReader(folder, "train", fields=["phones"])
    with pytest.raises(OptionError, match="list of shards has no splits"):
        ClipReader([folder / "data" / "train-00000-of-00001.tar"], "train")
    with pytest.raises(OptionError, match="is empty"):
        ClipReader([])
    with pytest.raises(ShardError, match="there is no shard"):
        ClipReader([folder / "data" / "x.tar"])


def test_a_manifest_is_read_once_and_a_bare_list_has_none(folder, monkeypatch):
    shards = open_shards(folder, "train")
    monkeypatch.setattr("speechlip.shards.read.shardset.strict_json", lambda text: pytest.fail("read again"))
    assert manifest_of(shards).splits["train"].clips == shards.n_clips and shards.folder == folder
    with pytest.raises(OptionError, match="a list of shards has no manifest; give the prepared folder"):
        manifest_of(open_shards(shards.urls))
