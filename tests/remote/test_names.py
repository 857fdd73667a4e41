"""Names of what lies elsewhere."""

from pathlib import Path

import pytest

from speechlip.errors import OptionError
from speechlip.remote.names import address, headers, is_remote, place_of


@pytest.fixture(autouse=True)
def endpoint(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.test")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("hf://ann/talks", "https://hub.test/datasets/ann/talks/resolve/main/manifest.json"),
        ("hf://ann/talks/", "https://hub.test/datasets/ann/talks/resolve/main/manifest.json"),
        ("hf://datasets/ann/talks@v1.0", "https://hub.test/datasets/ann/talks/resolve/v1.0/manifest.json"),
        (
            "hf://ann/talks@refs/pr/3",
            "https://hub.test/datasets/ann/talks/resolve/refs%2Fpr%2F3/manifest.json",
        ),
        ("hf://ann/talks@a%2Fb", "https://hub.test/datasets/ann/talks/resolve/a%2Fb/manifest.json"),
        ("https://example.org/a b", "https://example.org/a b/manifest.json"),
    ],
)
def test_where_a_dataset_lies(name, url):
    assert address(place_of(name, "datasets").file("manifest.json")) == url


def test_an_encoder_is_a_model():
    assert (
        address(place_of("hf://ann/enc", "models").file("m.json"))
        == "https://hub.test/ann/enc/resolve/main/m.json"
    )


def test_a_commit_takes_the_place_of_a_revision_on_the_hub_alone():
    assert place_of("hf://ann/talks@v1", "datasets").at("abc").url == "hf://datasets/ann/talks@abc"
    assert place_of("https://example.org/x", "datasets").at("").url == "https://example.org/x"


@pytest.mark.parametrize(
    "name",
    [
        "hf://ann",
        "hf://",
        "hf://ann/talks/data/x.tar",
        "hf://a n/talks",
        "hf://models/ann/talks",
        "hf://ann/../etc",
    ],
)
def test_names_that_are_none(name):
    with pytest.raises(OptionError, match="write hf://user/name"):
        place_of(name, "datasets")


@pytest.mark.parametrize("url", ["hf://ann/talks", "hf://datasets/ann/talks@main"])
def test_a_repository_is_no_file(url):
    with pytest.raises(OptionError, match="not a file of the Hub"):
        address(url)


@pytest.mark.parametrize(
    "url", ["https://", "https:///talks", "https://[::1", "https://host:99999/x", "s3://", "s3:///talks"]
)
def test_urls_without_a_server_are_refused(url):
    with pytest.raises(OptionError, match=r"names no server; write (https://HOST|s3://BUCKET)/FOLDER"):
        place_of(url, "datasets")
    with pytest.raises(OptionError, match="names no server"):
        address(f"{url}/a.tar" if url != "https://" and url != "s3://" else url)


def test_a_fragment_is_refused():
    with pytest.raises(OptionError, match=r"https://h/x#1 has a # in it, which no server sees; write %23"):
        place_of("https://h/x#1", "datasets")
    assert place_of("s3://bucket/x#1", "datasets").url == "s3://bucket/x#1"


def test_the_token_goes_to_the_hub_and_to_nobody_else():
    assert headers("hf://datasets/ann/talks/x")["authorization"] == "Bearer hf_secret"
    assert "authorization" not in headers("https://example.org/x")


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("hf://a/b", True),
        ("https://a/b", True),
        ("http://a/b", True),
        ("hf:/a/b", False),
        ("shards", False),
        (Path("shards"), False),
    ],
)
def test_what_is_elsewhere(name, elsewhere):
    assert is_remote(name) == elsewhere
