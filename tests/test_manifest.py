"""``manifest.json`` as a record: its text is kept, fields that older releases lack are None."""

import hashlib
import json

import pytest

from speechlip.manifest import About, Funnel, LicenceTotals, Manifest, PairsFile, ShardRow, SplitTotals

SHARD = {
    "name": "test-00000-of-00001.tar",
    "split": "test",
    "sha256": "ab",
    "bytes": 10,
    "clips": 2,
    "frames": 50,
}
PAIRS = {"sha256": "cd", "rows": 4}
LEAST = {
    "format": 1,
    "shards": [SHARD],
    "splits": {"test": {"clips": 2, "frames": 50, "speakers": 1}},
    "pairs": {"test": PAIRS},
    "fields": ["audio.flac", "json"],
}
WHOLE = {
    "format": 1,
    "speechlip": "0.1.0",
    "about": {
        "title": "Talks é\u2028",
        "licence": "MIT",
        "citation": "",
        "access": "Ask.",
        "homepage": "",
        "language": "en",
    },
    "options": {
        "recipe": "folder",
        "split": {"train": 0.9},
        "seed": 3,
        "sync_filter": None,
        "more": [1, 2.0],
    },
    "versions": {"av": "17.1"},
    "fields": ["audio.flac", "json"],
    "columns": ["mood"],
    "shards": [SHARD],
    "splits": {"test": {"clips": 2, "frames": 50, "seconds": 2.0, "speakers": 1}},
    "pairs": {"test": {"sha256": "cd", "rows": 4, "kinds": {"positive": 2}, "off": {}, "drawing": 2}},
    "funnel": {
        "sources": 1,
        "sources_kept": 1,
        "sources_skipped": 0,
        "seconds": 3.0,
        "seconds_kept": 2.0,
        "clips": 2,
        "clip_seconds": 2.0,
        "interpolated_seconds": 0.04,
        "sources_with_several_faces": 0,
        "several_faces_seconds": 0.0,
        "dropped": {"no face": 1.0},
        "skipped": {},
    },
    "licences": {"MIT": {"sources": 1, "clips": 2, "seconds": 2.0}},
    "ledger": {"sha256": "ef", "bytes": 7, "rows": 1},
    "digest": "",
}


def as_written(raw):
    return json.dumps(raw, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("more", [{}, {"offsets_undecided": 2}])
def test_the_text_of_a_manifest_comes_back(more):
    text = as_written(WHOLE | {"funnel": WHOLE["funnel"] | more})
    assert Manifest.load(text).dump() == text


def test_the_digest_is_of_all_other_fields():
    """By hashlib over sorted JSON; a manifest that was read keeps its digest, unknown fields included."""
    rest = {name: value for name, value in WHOLE.items() if name != "digest"}
    canonical = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    sha256 = hashlib.sha256(canonical.encode()).hexdigest()
    assert Manifest.of(WHOLE).sealed().digest == sha256 == Manifest.of(WHOLE).content_digest
    assert Manifest.of(WHOLE | {"new": 1}).content_digest != sha256
    again = Manifest.load(Manifest.of(WHOLE).sealed().dump())
    assert again.digest == again.content_digest == sha256


def test_what_older_releases_lack_is_none_or_what_they_did():
    old = Manifest.of(LEAST)
    assert old.shards == (ShardRow(**SHARD),) and old.splits["test"] == SplitTotals(
        clips=2, frames=50, speakers=1
    )
    assert old.pairs["test"] == PairsFile(sha256="cd", rows=4)
    assert (old.about, old.funnel, old.licences, old.ledger, old.digest) == (None,) * 5
    assert (old.seed, old.crop, old.split_by, old.recipe, old.columns) == (0, "lips", "speaker", "", ())
    assert old.stated_licences == ["unknown"]


def test_the_licences_of_the_videos_stand_before_the_recipe_s():
    of_recipe = Manifest.of(LEAST | {"about": {"licence": "MIT"}})
    assert of_recipe.about == About(licence="MIT") and of_recipe.stated_licences == ["MIT"]
    of_videos = Manifest.of(LEAST | {"about": {"licence": "MIT"}, "licences": {"CC0-1.0": {}}})
    assert of_videos.stated_licences == ["CC0-1.0"] and of_videos.licences == {"CC0-1.0": LicenceTotals()}


def test_a_funnel_needs_sources_and_clips():
    assert Manifest.of(LEAST | {"funnel": {"sources": 4, "clips": 2}}).funnel == Funnel(sources=4, clips=2)
    assert Manifest.of(LEAST | {"funnel": {"sources": 4}}).funnel is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": 3}, "columns is 3, wanted a list"),
        ({"versions": []}, r"versions is \[\], wanted an object"),
        ({"licences": {"MIT": 1}}, "licence 'MIT' is 1, wanted an object"),
        ({"fields": None}, "fields is missing, wanted a list"),
        ({"shards": [{**SHARD, "bytes": -1}]}, "a shard: bytes is -1, wanted a whole number of at least 0"),
        ({"shards": [{**SHARD, "name": "../a.tar"}]}, "'../a.tar' is no plain name"),
        ({"funnel": {"sources": "x", "clips": []}}, "funnel: sources is 'x', wanted a whole number"),
        (
            {"funnel": {"sources": 1, "clips": 1, "skipped": {"a": "b"}}},
            "funnel: skipped holds 'b', wanted",
        ),
        ({"about": {"title": 3}}, "about: title is 3, wanted text or None"),
        ({"licences": {"a": {"clips": "x"}}}, "licence 'a': clips is 'x', wanted a whole number"),
        ({"pairs": {"test": {**PAIRS, "kinds": "x"}}}, "split 'test': kinds is 'x', wanted a mapping"),
        ({"options": {"crop": 3}}, "options: crop is 3, wanted text"),
        ({"options": {"split": "x"}}, "options: split is 'x', wanted a mapping"),
        ({"ledger": {}}, "the ledger: sha256 is missing, wanted text"),
    ],
)
def test_another_shape_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        Manifest.of(LEAST | changes)


def test_what_is_no_object_is_refused():
    with pytest.raises(ValueError, match="it is of type list"):
        Manifest.load("[]")
