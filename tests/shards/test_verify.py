"""A sound folder is sound; every kind of damage is found, and said in a sentence."""

import io
import json
import shutil
import tarfile

import numpy as np
import pytest
import tiny_dataset
from click.testing import CliRunner
from verifying import SHARD, SPLITS, assert_found, edited

from checker import check_shards
from speechlip.commands.cli import verify_shards
from speechlip.errors import ShardError
from speechlip.progress import Silent
from speechlip.shards.checks import verify as verify_module
from speechlip.shards.checks.folder import check_seal
from speechlip.shards.checks.verify import verify
from speechlip.shards.read.shardset import read_manifest

VARIANTS = [
    {"lips_format": "png"},
    {"lips_format": "jpg", "landmarks": True, "phones": True},
    {"spectrogram": "mel"},
    {"shards": 1},
    {"crop": "face-256", "landmarks": True},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("tiny") / "out", SPLITS, landmarks=True, phones=True
    )


@pytest.fixture
def own(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


class Counting(Silent):
    def __init__(self):
        self.stages, self.done = [], 0

    def begin(self, stage, total, unit, done=0.0):
        self.stages.append((stage, total, unit))

    def advance(self, amount=1.0, at=""):
        self.done += amount


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_sound_folder_is_sound(tmp_path, variant):
    report = verify(tiny_dataset.write_dataset(tmp_path / "out", SPLITS, **variant))
    assert report.ok and report.problems == ()
    assert (report.clips, report.frames, report.pairs) == (8, 132, 24)
    assert str(report) == f"{2 * variant.get('shards', 2)} shards, 8 clips, 5.3 s, 24 frozen pairs: sound"


def test_the_independent_checker_agrees_on_the_tiny_dataset(tmp_path):
    folder = tiny_dataset.write_dataset(
        tmp_path / "out", SPLITS, lips_format="jpg", landmarks=True, phones=True
    )
    code, said = check_shards(folder)
    assert code == 0 and "8 clips, 132 frames, 4 shards; sound" in said


def test_progress_counts_every_clip(folder):
    seen = Counting()
    verify(folder, progress=seen)
    assert seen.stages == [("verifying", 8, "clips")] and seen.done == 8


def test_no_manifest_unfinished_or_another_format(own, tmp_path):
    assert "there is no folder" in verify(tmp_path / "nowhere").problems[0]
    tiny_dataset.edit_manifest(own, lambda manifest: manifest.update(format=0))
    assert "shard format 0" in verify(own).problems[0]
    tiny_dataset.edit_manifest(own, lambda manifest: [manifest.update(format=1), manifest.pop("splits")])
    assert "manifest.json lacks" in verify(own).problems[0]
    (own / "manifest.json").unlink()
    assert "no manifest.json" in verify(own).problems[0]


# files


@pytest.mark.parametrize("name", [SHARD, "validation-00000-of-00002.tar"])
def test_a_missing_shard_is_one_line(own, name):
    """Its clips are in the ledger, in the splits' and the licences' counts, and in every second pair: these
    follow from it and are not said again.
    """
    (own / "data" / name).unlink()
    (problem,) = verify(own).problems
    clips = next(row.clips for row in read_manifest(own).shards if row.name == name)
    assert problem == (
        f"data/{name} is missing though the manifest lists it: its {clips} clips, "
        f"and what ledger and pairs say of them, cannot be checked"
    )


def test_what_else_is_wrong_is_said_beside_a_missing_shard(own):
    (own / "data" / SHARD).unlink()
    edit_row(own, 0, status="skipped")
    edit_row(own, 2, clips=7)
    assert_found(
        own, "is missing", "status 'skipped'", "7 clips, but 2 are in the shards", "ledger.jsonl has SHA-256"
    )


def test_a_folder_without_a_clip_is_not_sound(tmp_path):
    """As prep-shards leaves it where nothing could be kept."""
    folder = tiny_dataset.write_dataset(tmp_path / "out", {})
    report = assert_found(folder, "there is no clip in it; ledger.jsonl says what became of the videos")
    assert str(report).startswith("0 shards, 0 clips, 0.0 s, 0 frozen pairs: 1 problem\n")
    assert CliRunner().invoke(verify_shards, [str(folder)]).exit_code == 1


def edit_row(folder, number, **changes):
    rows = (folder / "ledger.jsonl").read_text().splitlines()
    rows[number] = json.dumps(json.loads(rows[number]) | changes)
    (folder / "ledger.jsonl").write_text("\n".join(rows) + "\n")


def test_missing_and_stray_files(own):
    (own / "data" / SHARD).rename(own / "data" / "train-00002-of-00002.tar")
    assert_found(own, f"data/{SHARD} is missing", "data/train-00002-of-00002.tar is not in the manifest")
    (own / "data" / "x.part").touch()
    assert_found(own, "data/x.part is not in the manifest")


@pytest.mark.parametrize("position", [700, -12_000, 40_000])
def test_one_changed_byte_is_found(own, position):
    data = bytearray((own / "data" / SHARD).read_bytes())
    data[position] ^= 1
    (own / "data" / SHARD).write_bytes(data)
    assert_found(own, f"data/{SHARD} has SHA-256")


@pytest.mark.parametrize("part", [0.01, 0.5, 0.97])
def test_a_cut_shard_is_found(own, part):
    data = (own / "data" / SHARD).read_bytes()
    (own / "data" / SHARD).write_bytes(data[: int(part * len(data))])
    assert_found(own, f"data/{SHARD} has {int(part * len(data))} bytes")


def test_shards_must_be_numbered_without_a_gap(own):
    (own / "data" / SHARD).rename(own / "data" / "train-00007-of-00002.tar")
    tiny_dataset.edit_manifest(
        own, lambda manifest: manifest["shards"][0].update(name="train-00007-of-00002.tar")
    )
    assert_found(own, "shard train-00007-of-00002.tar of split train is not one of 2 numbered shards")


def test_a_clock_or_a_user_in_a_header(own):
    with tarfile.open(own / "data" / SHARD) as tar:
        samples = [(info, tar.extractfile(info).read()) for info in tar]
    samples[0][0].mtime, samples[1][0].uid = 1, 1000
    samples[2], samples[3] = samples[3], samples[2]
    with tarfile.open(own / "data" / SHARD, "w") as tar:
        for info, data in samples:
            tar.addfile(info, io.BytesIO(data))
    first, second, third = samples[0][0].name, samples[1][0].name, samples[3][0].name
    assert_found(
        own, f"{first} carries a time or a user", f"{second} carries a time or a user", f"{third} comes after"
    )


# hashes of what lies beside the shards


def test_one_changed_bit_of_manifest_or_ledger_is_found(own):
    """A hundred of each, by a seed; none goes unseen, and those of the manifest before a shard is read."""
    rng = np.random.default_rng(0)
    for name in ("manifest.json", "ledger.jsonl"):
        data = (own / name).read_bytes()
        for position, bit in zip(rng.integers(len(data), size=100), rng.integers(8, size=100), strict=True):
            (own / name).write_bytes(
                data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
            )
            try:
                said = [*check_seal(own, read_manifest(own))]
            except ShardError as error:
                said = [str(error)]
            assert said, (
                f"bit {bit} of byte {position} of {name}: {data[max(0, position - 30) : position + 30]!r}"
            )
        (own / name).write_bytes(data)
    assert verify(own).ok


def test_a_licence_that_was_opened_is_found(own):
    tiny_dataset.relicense(own, dict.fromkeys(("anna", "ben", "dora", "emil"), "unknown"))
    assert verify(own).ok and verify(own).licences == ("unknown",)
    data = (own / "manifest.json").read_text()
    (own / "manifest.json").write_text(data.replace('"unknown"', '"CC0-1.0"'))
    assert_found(
        own,
        "manifest.json was changed after prep-shards wrote it",
        "8 clips of 4 sources say the licence 'unknown', the manifest counts 0 of 0",
    )
    tiny_dataset.edit_manifest(
        own, lambda manifest: None
    )  # whoever changes it may make the digest true again
    assert_found(own, "0 clips of 0 sources say the licence 'CC0-1.0', the manifest counts 8 of 4")
    rows = [
        json.loads(line) | {"licence": "CC0-1.0"} for line in (own / "ledger.jsonl").read_text().splitlines()
    ]
    tiny_dataset.write_ledger(own, rows)
    tiny_dataset.edit_manifest(own, lambda manifest: None)
    assert_found(own, "ledger, 'anna.mp4': licence 'CC0-1.0', but its clips say 'unknown'")


def test_a_folder_of_an_older_release_is_sound_and_says_what_it_has_not(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "out", SPLITS, sealed=False)
    report = verify(folder)
    assert report.ok and str(report).splitlines() == [
        "4 shards, 8 clips, 5.3 s, 24 frozen pairs: sound",
        "the manifest holds no hash of itself and the ledger, as older releases wrote it: "
        "a change there may go unseen",
    ]


# samples


def spoil(own, member, data):
    def change(samples):
        samples["anna-0"][member] = data(samples["anna-0"][member]) if callable(data) else data

    tiny_dataset.rewrite(own, SHARD, change)


def array(change):
    def changed(data):
        return tiny_dataset.npy(change(np.load(io.BytesIO(data))))

    return changed


@pytest.mark.parametrize(
    ("member", "data", "message"),
    [
        ("lips.jpg", b"no picture", "lips.jpg cannot be decoded"),
        (
            "lips.jpg",
            tiny_dataset.strip(np.zeros((19, 96, 96, 3), np.uint8), "jpg"),
            "lips.jpg cannot be decoded: a picture of 96×1824 px, a filmstrip of 20 frames has 96×1920",
        ),
        (
            "stft.npy",
            array(lambda stft: stft[:-1]),
            "stft.npy cannot be decoded: it has the shape (99, 257), wanted 100 rows",
        ),
        (
            "stft.npy",
            array(lambda stft: stft[:, :-1]),
            "spectrogram is (100, 256) float16, wanted (100, 257) float16",
        ),
        ("stft.npy", array(lambda stft: stft.astype(np.float32)), "spectrogram is (100, 257) float32"),
        ("stft.npy", array(lambda stft: np.roll(stft, 1, 0)), "not that of the audio"),
        ("stft.npy", array(lambda stft: stft * np.float16(1.1)), "not that of the audio"),
        (
            "stft.npy",
            array(lambda stft: np.where(np.arange(257) == 3, np.float16("nan"), stft)),
            "not that of the audio",
        ),
        ("audio.flac", tiny_dataset.flac(np.zeros(640 * 20, np.int16)), "not that of the audio"),
        (
            "audio.flac",
            tiny_dataset.flac(np.zeros(640 * 20 + 1, np.int16)),
            "audio.flac cannot be decoded: it has 16000 Hz and the shape (12801, 1)",
        ),
        ("landmarks.npy", array(lambda points: points[:, :19]), "landmarks is (20, 19, 2)"),
        ("landmarks.npy", array(lambda points: points * np.float32("inf")), "landmarks are not all finite"),
        ("phones.json", b'[{"phone": "AH"}]', "wanted start_s, end_s and phone"),
        (
            "phones.json",
            b'[{"start_s": 1.5, "end_s": 2.5, "phone": "AH"}]',
            "does not lie within the clip of 0.8 s",
        ),
        ("json", b"[", "json cannot be decoded"),
        ("json", edited(key="ben-0"), "json says key 'ben-0'"),
        ("json", edited(fps=30), "json says 30 fps"),
        ("json", edited(start_s=0), "json field start_s is int, wanted float"),
        ("json", edited(corrected=[1]), "json field corrected is list of int, wanted list of str"),
        ("json", edited(extra=None), "differs from the first sample's in the presence or type of extra"),
        ("json", edited(n_frames=19), "a filmstrip of 19 frames has 96×1824"),
    ],
)
def test_a_spoilt_member_is_found(own, member, data, message):
    spoil(own, member, data)
    assert_found(own, message)


@pytest.mark.parametrize(("crop", "own", "named"), [("lips", 256, 96), ("face-256", 96, 256)])
def test_crops_have_the_size_of_their_preset(tmp_path, monkeypatch, crop, own, named):
    draw = tiny_dataset.draw_lips
    monkeypatch.setattr(tiny_dataset, "draw_lips", lambda rng, n_frames, size: draw(rng, n_frames, own))
    folder = tiny_dataset.write_dataset(tmp_path / "out", {"train": {"anna": (20,)}}, shards=1, crop=crop)
    assert_found(folder, f"anna-0: lips are {own}×{own} px, crops {crop!r} have {named}×{named}")


def test_a_missing_field_and_a_missing_member(own):
    spoil(
        own,
        "json",
        lambda data: json.dumps({k: v for k, v in json.loads(data).items() if k != "licence"}).encode(),
    )
    assert_found(own, "json field licence is missing")

    def drop(samples):
        del samples["anna-0"]["landmarks.npy"], samples["anna-0"]["audio.flac"]

    tiny_dataset.rewrite(own, SHARD, drop)
    assert_found(
        own,
        "anna-0: no audio",
        "anna-0 has the members json, lips.jpg, phones.json, stft.npy, the manifest says",
    )


def test_keys_must_be_plain_and_unique(own):
    tiny_dataset.rewrite(
        own,
        SHARD,
        lambda samples: {"Anna 0" if key == "anna-0" else key: members for key, members in samples.items()},
    )
    assert_found(own, "key 'Anna 0' is not made of a-z, 0-9, _ and -")
    tiny_dataset.rewrite(
        own,
        SHARD,
        lambda samples: {"anna-1" if key == "Anna 0" else key: members for key, members in samples.items()},
    )
    assert_found(own, "key anna-1 occurs twice")


def test_a_flood_of_problems_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(verify_module, "MAX_PROBLEMS", 10)
    folder = tiny_dataset.write_dataset(tmp_path / "out", {"train": {"anna": (5,) * 6}}, shards=1)

    def change(samples):
        for members in samples.values():
            members["json"] = edited(fps=30, track="0")(members["json"])

    tiny_dataset.rewrite(folder, "train-00000-of-00001.tar", change)
    report = verify(folder)
    assert len(report.problems) == 10 and report.more == 2
    assert str(report).startswith("1 shard, 6 clips, 1.2 s, 0 frozen pairs: 12 problems\n") and str(
        report
    ).endswith("… and 2 more")
