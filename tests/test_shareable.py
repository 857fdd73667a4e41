"""Texts that are sent on hold no folder of this machine, and lose nothing else."""

import pytest

from speechlip.files.shareable import (
    command_without_folders,
    folders_of,
    without_folders,
    without_folders_anywhere,
)

KEPT = (
    "https://host.org/a/b?c=d",
    "hf://ann/talks/data",
    "and/or, 25/30 fps, 1/2 and a/b/c.mp4",
    "</script><script>x</script>.mp4",
    "the root / and /tmp alone",
    "17 km/h // comment",
    "/t/ and /d/ are equal by construction, /m/ against /n/, /ŋ/",
    "../up/one",
)


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_place_of_this_machine_stays(text):
    assert without_folders(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/ann/x.mp4", "x.mp4"),
        (
            "cannot read '/data/gt/a.mov': broken; /data/gt/b.mov too",
            "cannot read 'a.mov': broken; b.mov too",
        ),
        ("features:/srv/own/feats (as trained)", "features:feats (as trained)"),
        ("~/models/own.model, file:///srv/a/b.wav", "own.model, b.wav"),
        ("/home/ann/folder/", "folder"),
        ("--out=/home/ann/scores", "--out=scores"),
    ],
)
def test_places_are_cut_to_their_last_part(text, left):
    assert without_folders(text) == left


def test_folders_with_blanks_are_cut_where_they_are_known():
    known = folders_of(["/home/ann lee/my renders/a b.mp4", None, "relative/x.mp4"])
    assert without_folders("/home/ann lee/my renders/a b.mp4 is cut", known) == "a b.mp4 is cut"


def test_everything_in_a_record_is_cut_but_what_is_left_alone():
    data = {"/a/b/c": ["/x/y/z", 3, None, ("/x/y",)], "strip": "/9j/4AAQ/abc"}
    assert without_folders_anywhere(data, leave=("strip",)) == {
        "c": ["z", 3, None, ("y",)],
        "strip": "/9j/4AAQ/abc",
    }


def test_a_command_that_cannot_be_taken_apart_is_cut_too():
    assert command_without_folders("score-sync '/home/ann/renders") == "score-sync 'renders"
