"""``score-sync --by`` and ``--mos``: means by group, rank correlations, and tables that cannot be used."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from here import in_this_process
from speechlip.commands.cli import score_sync
from speechlip.errors import OptionError
from speechlip.scoring.folder import job
from speechlip.scoring.opinions import Agreement, agreements_of, read_opinions
from speechlip.scoring.records import ScoreRow
from speechlip.scoring.report.table import opinion_table, subgroup_table
from speechlip.scoring.scores import Scores
from speechlip.scoring.subgroups import Subgroup, read_groups, subgroups_of
from zoo import write_clip

CLIPS = ("a.mp4", "b/c.mp4", "d.mp4", "e.mp4")


@pytest.fixture
def folder(tmp_path):
    """Four clips of 3 frames: ever brighter noise, so ever less sharp."""
    random = np.random.default_rng(3)
    for place, name in enumerate(CLIPS):
        frames = 120 + random.integers(0, 60 - 15 * place, (3, 64, 64, 3))
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_clip(tmp_path / name, frames.astype(np.uint8), None)
    return tmp_path


def rows_of(**values):
    """Clip → row with these values of one metric each."""
    return {
        f"{place}.mp4": ScoreRow(
            f"{place}.mp4", "0", "scored", values={k: v[place] for k, v in values.items()}
        )
        for place in range(len(next(iter(values.values()))))
    }


def scored(folder, *words):
    return CliRunner().invoke(
        score_sync,
        [str(folder), "--metrics", "sharpness", "-o", str(folder / "out"), "--workers", "1", *words],
    )


@pytest.fixture(autouse=True)
def of_this_process(monkeypatch):
    monkeypatch.setattr(job, "outcomes", in_this_process)


def test_groups_and_opinions_of_a_run(folder):
    """Two languages, one clip of which nobody says any; three raters who like sharp clips."""
    (folder / "metadata.csv").write_text("file,language\na.mp4,en\nb/c,en\nd.mp4,de\nnot scored.mp4,fr\n")
    lines = ["rater,clip,lip_sync"] + [
        f"r{r},{clip},{5 - i}" for r in (1, 2, 3) for i, clip in enumerate(CLIPS)
    ]
    (folder / "mos.csv").write_text("\n".join(lines))
    done = scored(folder, "--by", "language", "--mos", str(folder / "mos.csv"))
    assert done.exit_code == 0, done.output
    out = folder / "out"
    with (out / "subgroups.csv").open(newline="") as file:
        groups = list(csv.DictReader(file))
    named = [(row["group"], row["clips"], row["worst"]) for row in groups]
    assert named == [("de", "1", ""), ("en", "2", ""), ("not said", "1", "worst")]
    with (out / "correlations.csv").open(newline="") as file:
        (opinion,) = csv.DictReader(file)
    assert (opinion["scale"], opinion["clips"], float(opinion["spearman"])) == ("lip_sync", "4", 1.0)
    assert opinion["spearman_low"] == "" and "by language, ! the worst group" in done.output
    assert "rank correlation with opinions, lip_sync" in done.output
    loaded = Scores.load(out)
    assert loaded.subgroups[1].mean == float(groups[1]["mean"]) and loaded.opinions[0].kendall == 1.0
    assert json.loads((out / "scores.json").read_text())["subgroups"][2]["worst"] is True
    assert scored(folder).exit_code == 0 and not (out / "subgroups.csv").exists()


def test_the_worst_group_by_direction_or_by_the_real_video():
    """Less is worse for SLCC; lip dynamics are worst where they are farthest from the real video's."""
    rows = rows_of(slcc=[0.5, 0.3, 0.2], lip_dynamics=[0.1, 0.3, 0.5], lip_dynamics_real=[0.1, 0.6, 0.4])
    groups = {"by": {"0.mp4": "x", "1.mp4": "y", "2.mp4": "z"}}
    found = subgroups_of(rows, ("slcc", "slcc_real", "lip_dynamics", "lip_dynamics_real"), groups)
    assert [(each.metric, each.group) for each in found if each.worst] == [
        ("slcc", "z"),
        ("lip_dynamics", "y"),
    ]
    assert (found[4].real, found[0].real, len(found)) == (0.6, None, 6)


@pytest.mark.parametrize(
    ("table", "by", "why"),
    [
        (None, "language", "--by language wants a table of the clips, and there is no .*metadata.csv"),
        ("file,age\na.mp4,3\n", "language", "has no column 'language' for --by; there are: age"),
        (
            "file,language\nx.mp4,en\n",
            "language",
            "no row of .* names a clip that is scored; .* such as 'a.mp4'",
        ),
        ("file,language\n,en\n", "language", "no row of .* names a clip"),
    ],
)
def test_groups_that_cannot_be_read(tmp_path, table, by, why):
    if table:
        (tmp_path / "metadata.csv").write_text(table)
    with pytest.raises(OptionError, match=why):
        read_groups((by,), tmp_path, None, CLIPS)


def test_opinions_by_hand(tmp_path):
    """Means over raters, an empty cell is none; a scale of one's own; a metric that most clips lack."""
    path = tmp_path / "mos.csv"
    path.write_text("clip,rater,realness\na,1,5\na.mp4,2,4\nb/c.mp4,1,1\nd.mp4,1,\nd.mp4,2,3\n")
    assert read_opinions(path, CLIPS) == {"realness": {"a.mp4": 4.5, "b/c.mp4": 1.0, "d.mp4": 3.0}}
    rows = rows_of(psnr=[30.0, 31, 32, None, 34, 35], lmd=[5.0, 4, 3, 2, 2, 1])
    opinions = {"mos": {f"{place}.mp4": value for place, value in enumerate((1.0, 2, 3, 4, 5, 4.5))}}
    psnr, lmd = agreements_of(rows, ("psnr", "lmd"), opinions)
    assert (psnr.clips, psnr.spearman, lmd.clips) == (5, 0.9, 6)
    assert -1 < lmd.spearman_low < lmd.spearman < lmd.spearman_high < 0 and lmd.kendall < -0.5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "clip,mos\na.mp4,3\nz.mp4,3\n",
            "has opinions of 1 clip that is not scored: 'z.mp4'; .* such as 'a.mp4'",
        ),
        ("clip,rater,mos\na.mp4,anna,3\nd.mp4,anna,4\n", "one rater \\(anna\\), two or more are wanted"),
        ("clip,mos\na.mp4,good\n", "row 2 has 'good' on scale 'mos'; write a number"),
        ("clip,mos\na.mp4,nan\n", "row 2 has 'nan'"),
        (
            "video,mos\na.mp4,3\n",
            "has the columns 'video', 'mos' and 1 rows; wanted: clip, any number of scales",
        ),
        ("clip,rater\na.mp4,3\n", "wanted: clip, any number of scales"),
        ("", "has the columns none and 0 rows"),
    ],
)
def test_opinions_that_cannot_be_used(folder, text, why):
    (folder / "mos.csv").write_text(text)
    with pytest.raises(OptionError, match=why):
        read_opinions(folder / "mos.csv", CLIPS)
    done = scored(folder, "--mos", str(folder / "mos.csv"))
    assert done.exit_code == 1 and done.stderr.startswith("error: ") and not (folder / "out").exists()


def test_opinions_that_are_not_there(folder):
    done = scored(folder, "--mos", str(folder / "none.csv"))
    assert done.exit_code == 1 and "none.csv cannot be read as a CSV file in UTF-8: " in done.stderr


def test_tables_for_a_terminal():
    groups = (
        Subgroup("sex", "f", 3, "slcc", 0.3, None, None, 3, 0.4),
        Subgroup("sex", "m\x1b", 3, "slcc", 0.2, None, None, 3, 0.4, worst=True),
    )
    lines = subgroup_table(Scores(metrics=("slcc",), subgroups=groups), "sex").splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["sex", "clips", "SLCC", "↑"],
        ["f", "3", "0.300", "/", "0.400"],
    ]
    assert "\x1b" not in lines[2] and lines[2].endswith("! 0.200 / 0.400")
    each = Agreement("lip_sync", "lmd", 12, -0.61, -0.88, -0.05, -0.45, None, None)
    text = opinion_table(Scores(opinions=(each,)), "lip_sync")
    assert "-0.61  -0.88 … -0.05" in text and text.endswith("-0.45              –")
