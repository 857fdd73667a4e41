"""Commands that read shards, by s3:// and from the same folder here: what they print and write is equal."""

import json
import re

import pytest
import tiny_dataset
from click.testing import CliRunner
from s3_proxy import KEY, SECRET

from speechlip.commands.cli import speechlip

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards")


@pytest.fixture
def both(bucket, shards, monkeypatch, tmp_path):
    """The same folder in three ways: here, by ``file://``, in a bucket."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    fs, name = bucket
    fs.put(f"{shards}/", f"{name}/set of mine/", recursive=True)
    return shards, shards.as_uri(), f"s3://{name}/set of mine"


def said(place, *words):
    """What a command prints about one place, which is left out; its exit code."""
    done = CliRunner().invoke(speechlip, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    text = done.stdout + done.stderr
    assert SECRET not in text and KEY not in text
    return done.exit_code, re.sub(r"/\S*(/shards/|/out)\S*", "PLACE", text.replace(str(place), "PLACE"))


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    "words",
    [
        ("verify-shards", "PLACE"),
        ("clips", "PLACE", "--where", "n_frames > 20", "--json"),
        ("doubles", "PLACE"),
    ],
    ids=lambda words: words[0],
)
def test_what_is_printed_of_a_bucket_is_that_of_the_folder(both, words):
    here, by_file, there = (
        said(place, *(str(place) if word == "PLACE" else word for word in words)) for place in both
    )
    assert here[0] == 0 and here == by_file == there


def test_clips_of_a_bucket_are_exported_as_those_of_the_folder(both, tmp_path):
    for number, place in enumerate(both):
        done = said(
            place, "export-clips", place, "-o", tmp_path / str(number), "--split", "validation", "--quiet"
        )
        assert done[0] == 0
    here, by_file, there = (files(tmp_path / str(number)) for number in range(3))
    assert here and here == by_file == there


def test_a_gallery_of_a_bucket_shows_the_clips_of_the_folder(both, tmp_path):
    for number, place in enumerate(both):
        code, text = said(place, "inspect-shards", place, "-o", tmp_path / str(number), "-n", 4)
        assert code == 0 and text.startswith("4 clips in"), text


def test_edits_of_a_bucket_into_another_folder_of_it_are_those_of_the_folder(both, bucket, tmp_path):
    fs, name = bucket
    here, _, there = both
    asked = ("edit", "select")
    assert said(here, *asked, here, "-o", tmp_path / "out", "--where", "n_frames > 20", "--quiet")[0] == 0
    code, text = said(
        there, *asked, there, "-o", f"s3://{name}/clear", "--where", "n_frames > 20", "--work", tmp_path / "w"
    )
    assert code == 0 and f"uploaded to s3://{name}/clear" in text
    made = {path.removeprefix(f"{name}/clear/"): fs.cat(path) for path in fs.find(f"{name}/clear")}
    assert made == {path: data for path, data in files(tmp_path / "out").items() if not path.startswith(".")}
    assert json.loads(made["manifest.json"])["edited"][0]["operation"] == "select"
    assert said(there, "verify-shards", f"s3://{name}/clear")[0] == 0
