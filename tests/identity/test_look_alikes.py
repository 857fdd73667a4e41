"""Speakers who look alike in a manifest: written, read, checked, and said in a line."""

import pytest

from speechlip.manifest import LookAlike, Manifest
from speechlip.shards.leaks import leaking_people, people_in_words

LEAST = '{"format": 1, "shards": [], "splits": {}, "pairs": {}, "fields": ["json"], "alike": %s}'


def test_what_is_written_comes_back():
    manifest = Manifest.load(LEAST % '[{"speakers": ["ann", "bob"], "distance": 0.3}]')
    assert manifest.alike == (LookAlike(speakers=("ann", "bob"), distance=0.3),)
    assert Manifest.load(manifest.dump()).alike == manifest.alike
    assert Manifest.load(LEAST % "[]").alike == ()


@pytest.mark.parametrize(
    ("alike", "said"),
    [
        ("3", "alike is 3, wanted a list"),
        ("[3]", "speakers who look alike is 3, wanted speakers"),
        ('[{"distance": 0.3}]', "speakers who look alike: speakers is missing, wanted a list"),
        ('[{"speakers": []}]', "speakers who look alike: distance is None, wanted a number"),
        ('[{"speakers": [], "distance": "x"}]', "speakers who look alike: distance is 'x', wanted a number"),
    ],
)
def test_what_is_none_is_refused(alike, said):
    with pytest.raises(ValueError, match=said):
        Manifest.load(LEAST % alike)


def test_one_split_is_no_leak_and_many_names_are_cut_short():
    names = tuple(f"n{number}" for number in range(9))
    alike = [LookAlike(speakers=names, distance=0.2), LookAlike(speakers=("a", "gone"), distance=0.1)]
    splits = {name: ["train"] for name in (*names, "a")}
    assert leaking_people(alike, splits) == []
    splits["n8"] = ["test"]
    (leak,) = leaking_people(alike, splits)
    said = people_in_words([leak], splits)
    assert said.endswith(
        "splits: n0 (train) and n8 (test) and n1 (train) and n2 (train) and n3 (train) and n4 (train) and …"
    )
