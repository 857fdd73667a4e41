"""``--speakers by-face --split-by file``: people in several splits are named."""

from pathlib import Path

import pytest

from kept_progress import KeptProgress
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.people import say_divided
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.records import Source


def planned(name, speaker, also=()):
    return PlannedSource(Source(Path(name), name, speaker), 1, 1, 1.0, also=also)


DEALT = [
    ("train", planned("a.mp4", "ann")),
    ("test", planned("b.mp4", "ann")),
    ("train", planned("c.mp4", "cleo", ("eve",))),
    ("test", planned("d.mp4", "eve")),
    ("train", planned("e.mp4", "cleo")),
]


@pytest.mark.parametrize(
    ("speakers", "split_by", "said"),
    [
        (
            "by-face",
            "file",
            [
                "--split-by file puts 2 speakers into several splits, by face: ann (train, test), "
                "eve (train, test); --split-by speaker keeps each in one"
            ],
        ),
        ("by-face", "speaker", []),
        ("by-name", "file", []),
    ],
)
def test_people_in_several_splits(speakers, split_by, said):
    progress = KeptProgress()
    options = PrepOptions(speakers=speakers, split_by=split_by, detector="landmarker")
    say_divided(DEALT, options, progress)
    assert progress.said == said
