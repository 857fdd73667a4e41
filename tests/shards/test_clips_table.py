"""``clips.parquet``: one row a clip, what its sample says and where it lies; altered by hand, it is said."""

import io
import json
import shutil
import tarfile
from dataclasses import fields

import numpy as np
import pyarrow.parquet
import pytest
import tiny_dataset
from click.testing import CliRunner
from verifying import SPLITS, assert_found

import speechlip
from speechlip import Clip, ShardOptions, ShardWriter, Source
from speechlip.commands.cli import speechlip as speechlip_command
from speechlip.errors import ShardError
from speechlip.shards.checks.verify import verify
from speechlip.shards.clips.columns import all_columns, meta_columns
from speechlip.shards.clips.table import read_clips
from speechlip.shards.read.shardset import read_manifest

OWN = {"split": "theirs", "mood": "calm"}


def write(folder, more=OWN):
    """Two speakers, three clips, columns of one's own, one named as a column that every folder has."""
    with ShardWriter(folder, ShardOptions(detector="mine")) as writer:
        for seed, (speaker, start, n_frames) in enumerate([("ann", 0, 30), ("ann", 40, 26), ("ben", 5, 28)]):
            rng = np.random.default_rng(seed)
            split = "train" if speaker == "ann" else "test"
            source = Source(f"{speaker}.mp4", f"{speaker}.mp4", speaker, split=split, more=more)
            lips = rng.integers(0, 256, (n_frames, 96, 96, 3), np.uint8)
            audio = rng.integers(-9000, 9000, 640 * n_frames, np.int16)
            clip = Clip(source, 0, start, lips, audio, None, None, 0.5, 80.25, seed)
            writer.write(clip, source_sha256=tiny_dataset.sha256(speaker))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("clips") / "out")


@pytest.fixture
def own(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def rows(folder):
    return pyarrow.parquet.read_table(folder / "clips.parquet").to_pylist()


def test_each_row_says_what_the_json_says_and_where_the_sample_lies(folder):
    table = rows(folder)
    assert len(table) == 3
    for row in table:
        data = (folder / "data" / row["shard"]).read_bytes()
        cut = data[row["byte_offset"] : row["byte_offset"] + row["byte_length"]]
        with tarfile.open(fileobj=io.BytesIO(cut + bytes(1024))) as tar:
            members = {info.name: tar.extractfile(info).read() for info in tar}
        assert {name.partition(".")[0] for name in members} == {row["key"]}
        stated = json.loads(members[f"{row['key']}.json"])
        assert row["shard"].startswith(row["split"]) and row["seconds"] == stated["n_frames"] / 25
        assert (row["mood"], row["own_split"]) == ("calm", "theirs")
        for column in meta_columns():
            assert row[column.name] == stated.get(column.name), column


def test_every_scalar_field_is_a_column_with_a_meaning():
    names = [column.name for column in all_columns(["mood"])]
    assert names[:6] == ["key", "split", "shard", "byte_offset", "byte_length", "seconds"]
    assert names[-1] == "mood" and len(set(names)) == len(names)
    no_scalars = {"corrected", "speech", "faces_at_once", "more"}
    scalars = {each.name for each in fields(speechlip.SampleMeta)} - no_scalars
    assert scalars <= {*names} and "corrected" not in names
    assert [column.name for column in all_columns() if not column.meaning] == []


def test_the_same_clips_give_the_same_bytes(folder, tmp_path):
    assert (write(tmp_path / "out") / "clips.parquet").read_bytes() == (folder / "clips.parquet").read_bytes()


def test_it_is_sound_and_listed(folder):
    manifest = read_manifest(folder)
    size = (folder / "clips.parquet").stat().st_size
    assert manifest.clips and (manifest.clips.rows, manifest.clips.bytes) == (3, size)
    assert verify(folder).ok
    croissant = json.loads((folder / "croissant.json").read_text())
    assert "clips.parquet" in [file["@id"] for file in croissant["distribution"]]
    fields_of = {each["name"]: each for each in croissant["recordSet"]}["clips"]["field"]
    assert "face_width_px" in [field["name"] for field in fields_of]
    assert "clips.parquet" in (folder / "README.md").read_text()


def altered(folder, name, value, sealed=False):
    """Change a cell of the first row; sealed: and the manifest's hash of the file, as a forger would."""
    table = pyarrow.parquet.read_table(folder / "clips.parquet")
    cells = [value, *table[name].to_pylist()[1:]]
    column = pyarrow.array(cells, table.schema.field(name).type)
    table = table.set_column(table.column_names.index(name), name, column)
    pyarrow.parquet.write_table(table, folder / "clips.parquet", store_schema=False)
    if sealed:
        seal(folder)


def seal(folder):
    """List the altered table in the manifest."""
    data = (folder / "clips.parquet").read_bytes()
    facts = {"sha256": tiny_dataset.hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": 3}
    tiny_dataset.edit_manifest(folder, lambda manifest: manifest.update(clips=facts))


def test_altered_by_hand(own):
    altered(own, "face_score", 0.9)
    key = rows(own)[0]["key"]
    said = f"clips.parquet says face_score 0.9 of {key}, its sample says 0.5"
    assert_found(own, said, "clips.parquet has SHA-256")
    with pytest.raises(ShardError, match="changed after it was written: its SHA-256 is"):
        read_clips(own, read_manifest(own))


def test_altered_by_a_forger(own):
    altered(own, "speaker", "zoe", sealed=True)
    report = assert_found(own, "says speaker 'zoe' of ann-")
    assert len(report.problems) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "is missing though manifest.json lists it"),
        (lambda path: path.write_bytes(b"PAR1"), "cannot be read"),
        (
            lambda path: pyarrow.parquet.write_table(pyarrow.table({"key": ["a"] * 3}), path),
            "which are no clips'",
        ),
        (
            lambda path: pyarrow.parquet.write_table(pyarrow.table({"key": ["a"]}), path),
            "has 1 rows, the sha",
        ),
    ],
    ids=["missing", "damaged", "other columns", "other rows"],
)
def test_missing_damaged_or_another(own, change, message):
    change(own / "clips.parquet")
    assert_found(own, message)
    with pytest.raises(ShardError, match=message):
        read_clips(own, read_manifest(own))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.append_column("seconds", table["seconds"]), "which are no clips'"),
        (lambda table: with_column(table, "seconds", ["1"] * 3), "which are no clips'"),
        (
            lambda table: with_column(table, "seconds", [1.0, float("inf"), 1.0]),
            "seconds holds what is no",
        ),
        (
            lambda table: with_column(table, "yaw_deg", [None, float("nan"), 1.0]),
            "yaw_deg holds what is no",
        ),
        (lambda table: with_column(table, "split", ["a", None, "a"]), "split is missing of 1 clip"),
    ],
    ids=["column twice", "other type", "infinite", "no number", "null"],
)
def test_a_forged_table_never_ends_in_an_error_of_its_own(own, change, message):
    path = own / "clips.parquet"
    pyarrow.parquet.write_table(change(pyarrow.parquet.read_table(path)), path)
    seal(own)
    assert_found(own, message)
    done = CliRunner().invoke(speechlip_command, ["clips", str(own), "--plot", str(own / "x.png")])
    assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1


def with_column(table, name, values):
    return table.set_column(table.column_names.index(name), name, pyarrow.array(values))


def test_a_folder_of_an_older_release_has_none_and_is_read_from_its_shards(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "out", SPLITS)
    assert verify(folder).ok and not (folder / "clips.parquet").exists()
    table = read_clips(folder, read_manifest(folder)).to_pylist()
    assert len(table) == 8 and {row["speaker"] for row in table} == {"anna", "ben", "dora", "emil"}
    assert {row["faces_max"] for row in table} == {None}
    (folder / "clips.parquet").touch()
    assert_found(folder, "clips.parquet is not in the manifest")


def test_a_field_of_another_type_is_said(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "out", SPLITS)

    def change(samples):
        for members in samples.values():
            members["json"] = json.dumps({**json.loads(members["json"]), "face_score": "high"}).encode()

    tiny_dataset.rewrite(folder, "train-00000-of-00002.tar", change)
    with pytest.raises(ShardError, match="json field face_score is 'high', wanted a number"):
        read_clips(folder, read_manifest(folder))
