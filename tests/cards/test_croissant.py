"""``croissant.json``: valid by MLCommons' own library, which reads ledger, images and audio through it."""

import hashlib
import json
import logging

import pytest
from test_dataset_card import ROWS, SKIPPED, put
from tiny_dataset import read_tar, write_dataset

from speechlip.cards.croissant import croissant
from speechlip.cards.dataset import renew_card
from speechlip.manifest import Manifest

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # of rdflib, which mlcroissant reads with


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    own = put(
        write_dataset(tmp_path_factory.mktemp("croissant") / "shards", landmarks=True, phones=True),
        [*ROWS, SKIPPED],
    )
    renew_card(own)
    return own


@pytest.fixture(scope="module")
def read(folder, tmp_path_factory):
    """mlcroissant's view of the folder; what it unpacks stays in a folder of its own."""
    mlcroissant = pytest.importorskip("mlcroissant")
    from mlcroissant._src.operation_graph.operations import extract

    extract.EXTRACT_PATH = type(extract.EXTRACT_PATH)(tmp_path_factory.mktemp("unpacked"))
    logging.getLogger("absl").setLevel(logging.ERROR)
    return mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))


def test_it_is_valid(read):
    issues = read.metadata.ctx.issues
    assert not issues.errors
    assert all("datePublished" in str(warning) for warning in issues.warnings), (
        "a date would give other bytes every time"
    )


def test_its_hashes_are_those_of_the_files(folder):
    content = json.loads((folder / "croissant.json").read_text())
    files = [each for each in content["distribution"] if each["@type"] == "cr:FileObject"]
    assert {each["@id"] for each in files} == {
        "ledger.jsonl",
        "pairs/validation.parquet",
        *(f"data/{path.name}" for path in (folder / "data").iterdir()),
    }
    for each in files:
        assert hashlib.sha256((folder / each["contentUrl"]).read_bytes()).hexdigest() == each["sha256"]


def test_the_ledger_is_read_through_it(read):
    rows = list(read.records("videos"))
    assert [row["videos/source"].decode() for row in rows] == [row.source for row in [*ROWS, SKIPPED]]
    assert [row["videos/seconds_kept"] for row in rows] == [row.seconds_kept for row in [*ROWS, SKIPPED]]
    assert [row["splits/name"] for row in read.records("splits")] == ["train", "validation"]


def test_pictures_and_sound_are_read_through_it(read, folder):
    samples = {
        key: members for path in (folder / "data").iterdir() for key, members in read_tar(path).items()
    }
    sound = {row["audio/key"].decode(): row["audio/content"] for row in read.records("audio")}
    assert sound == {key: members["audio.flac"] for key, members in samples.items()}
    frames = {row["lips/key"].decode(): row["lips/content"].size[1] // 96 for row in read.records("lips")}
    assert frames == {key: json.loads(members["json"])["n_frames"] for key, members in samples.items()}


def test_phones_and_metadata_are_told_apart(folder):
    sets = {
        each["@id"]: each
        for each in json.loads((folder / "croissant.json").read_text())["distribution"]
        if each["@type"] == "cr:FileSet"
    }
    assert (
        sets["json"]["excludes"] == "*.*.json"
        and sets["phones.json"]["includes"] == "*.phones.json"
        and "landmarks.npy" in sets
    )


def test_where_nothing_was_kept_it_names_the_ledger(folder):
    manifest = json.loads((folder / "manifest.json").read_text()) | {
        "shards": [],
        "splits": {},
        "fields": [],
        "pairs": {},
    }
    content = croissant(Manifest.of(manifest), (), "ab", 1)
    assert [each["@id"] for each in content["distribution"]] == ["ledger.jsonl"] and content["license"] == [
        "unknown"
    ]
