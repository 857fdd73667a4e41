"""The shards open in plain webdataset and in datasets.load_dataset, with the same content."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset

from speechlip.errors import ShardError
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shard import read_shard


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("tiny") / "out", lips_format="jpg", landmarks=True, phones=True
    )


@pytest.fixture(scope="module")
def clips(folder):
    return {
        clip.key: clip
        for clip in ClipReader(
            folder, "train", fields=["lips", "spectrogram", "audio", "landmarks", "phones"]
        )
    }


def shards(folder: Path) -> list[str]:
    return sorted(map(str, (folder / "data").glob("train-*.tar")))


def same_clip(clip, strip, stft, audio, landmarks, phones, meta):
    import soundfile

    np.testing.assert_array_equal(np.asarray(strip).reshape(-1, 96, 96, 3), clip.lips)
    np.testing.assert_array_equal(np.asarray(stft, np.float16), clip.spectrogram)
    np.testing.assert_array_equal(np.asarray(landmarks, np.float32), clip.landmarks)
    np.testing.assert_array_equal(soundfile.read(io.BytesIO(audio), dtype="int16")[0], clip.audio)
    assert list(phones) == list(clip.phones) and meta == clip.meta.dump()


@pytest.mark.parametrize(
    "names",
    [
        ["a.json", "a.lips.jpg", "b.JSON", "a.json"],
        ["in.side/a.json", "in.side/a.lips.jpg", "in.side/none", "none", ".hidden", ".hidden.json", "b.x"],
        ["a..json", "a.", "b.json\n"],
        [],
    ],
)
def test_members_are_grouped_as_webdataset_groups_them(tmp_path, names):
    import webdataset

    path = tmp_path / "odd.tar"
    with tarfile.open(path, "w") as tar:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"%d" % number))
    plain = [
        {name: value for name, value in raw.items() if name != "__local_path__"}
        for raw in webdataset.WebDataset([str(path)], shardshuffle=False, empty_check=False)
    ]
    assert list(read_shard(str(path))) == plain


def test_a_member_that_is_there_twice_ends_the_reading_in_one_sentence(tmp_path):
    path = tmp_path / "twice.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("a.json", "a.json"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ShardError, match=r"twice.tar cannot be read \(sample a has json twice\)"):
        list(read_shard(str(path)))


def test_plain_webdataset(folder, clips):
    import webdataset

    plain = webdataset.WebDataset(shards(folder), shardshuffle=False)
    pictures_and_arrays = webdataset.WebDataset(shards(folder), shardshuffle=False).decode("rgb8")
    for raw, sample in zip(plain, pictures_and_arrays, strict=True):
        clip = clips[sample["__key__"]]
        same_clip(
            clip,
            sample["lips.jpg"],
            sample["stft.npy"],
            raw["audio.flac"],
            sample["landmarks.npy"],
            sample["phones.json"],
            sample["json"],
        )
    assert sorted(raw["__key__"] for raw in plain) == sorted(clips)


def features(datasets, audio):
    text, number, real = datasets.Value("string"), datasets.Value("int64"), datasets.Value("float64")
    meta = dict.fromkeys(
        ("key", "source", "speaker", "detector", "crop", "source_sha256", "licence", "transcript"), text
    )
    meta |= {
        **dict.fromkeys(("n_frames", "fps", "track", "interpolated_frames"), number),
        "start_s": real,
        "face_score": real,
    }
    return datasets.Features(
        {
            "audio.flac": audio,
            "json": meta | {"corrected": datasets.List(text)},
            "landmarks.npy": datasets.Array3D((None, 20, 2), "float32"),
            "lips.jpg": datasets.Image(),
            "phones.json": datasets.List({"start_s": real, "end_s": real, "phone": text}),
            "stft.npy": datasets.List(datasets.List(datasets.Value("float16"))),
            "__key__": text,
            "__url__": text,
        }
    )


def load(folder, streaming, cache, **options):
    import datasets

    files = {"train": shards(folder)}
    return datasets.load_dataset(
        "webdataset", data_files=files, split="train", streaming=streaming, cache_dir=str(cache), **options
    )


@pytest.mark.parametrize("streaming", [True, False])
def test_datasets_with_the_types_stated(folder, clips, streaming, tmp_path):
    """Audio as bytes: datasets 5.2 cannot even pass an ``Audio`` column on where torchcodec does not load."""
    import datasets

    rows = list(load(folder, streaming, tmp_path, features=features(datasets, datasets.Value("binary"))))
    assert sorted(row["__key__"] for row in rows) == sorted(clips)
    for row in rows:
        clip = clips[row["__key__"]]
        same_clip(
            clip,
            row["lips.jpg"],
            row["stft.npy"],
            row["audio.flac"],
            row["landmarks.npy"],
            row["phones.json"],
            row["json"],
        )
        assert json.dumps(row["json"], sort_keys=True) == json.dumps(clip.meta.dump(), sort_keys=True)


def test_datasets_as_it_guesses_the_types(folder, clips, tmp_path):
    torchcodec_loads()
    import datasets

    rows = load(folder, True, tmp_path).cast_column("audio.flac", datasets.Audio(decode=False))
    for row in rows:
        clip = clips[row["__key__"]]
        same_clip(
            clip,
            row["lips.jpg"],
            row["stft.npy"],
            row["audio.flac"]["bytes"],
            row["landmarks.npy"],
            row["phones.json"],
            row["json"],
        )


def torchcodec_loads():
    try:
        from torchcodec.encoders import AudioEncoder  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"datasets passes audio through torchcodec, which does not load here ({error})")
