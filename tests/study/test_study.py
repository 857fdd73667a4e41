"""A study from its page to its results: blinded, in each rater's own order, read by hand arithmetic."""

import csv
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from browser import Page
from speechlip.commands.cli import speechlip
from speechlip.errors import OptionError
from speechlip.metrics.statistics.agreement import krippendorff_alpha
from speechlip.scoring.opinions import read_opinions
from speechlip.study.answers import read_answers
from speechlip.study.key import SCALES, Key, KeyRow, read_key
from speechlip.study.make import make_study
from speechlip.study.results import read_study
from speechlip.webpage.filling import embedded
from zoo import write_clip

HOSTILE = "</script><script>document.title='taken'</script>"
METHODS = ("ours", "theirs")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two methods with two contents each, and the real videos, 5 frames of noise."""
    root, random = tmp_path_factory.mktemp("videos"), np.random.default_rng(1)
    for name in ("renders/ours", "renders/theirs", "gt"):
        (root / name).mkdir(parents=True)
        for content in ("a", "b"):
            frames = random.integers(0, 256, (5, 64, 64, 3), np.uint8)
            write_clip(root / name / f"{content}.mp4", frames, None)
    return root


def answered(path, study, rater, points, changed=None):
    """A CSV as the page saves it. points: clip → its three points."""
    columns = ["study", "rater", "position", "clip", *SCALES, "seconds", "saved"]
    rows = [
        {
            "study": study,
            "rater": rater,
            "position": place,
            "clip": clip,
            **dict(zip(SCALES, given, strict=True)),
        }
        | (changed or {})
        for place, (clip, given) in enumerate(points.items(), 1)
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(*words):
    return CliRunner().invoke(speechlip, ["study", *map(str, words)])


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1])


def test_a_page_names_no_video_and_the_key_all(clips, tmp_path):
    done = run("make", clips / "renders", "--reference", clips / "gt", "-o", tmp_path / "s", "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    page, key = tmp_path / "s" / "study.html", read_key(tmp_path / "s" / "key.csv")
    data = data_of(page)
    assert [clip["clip"] for clip in data["clips"]] == [f"clip-{n}" for n in range(1, 7)]
    assert {clip["type"] for clip in data["clips"]} == {"video/mp4"} and data["study"] == key.study
    said = json.dumps(data | {"clips": [clip | {"video": ""} for clip in data["clips"]]})
    assert not re.search(r"ours|theirs|renders|gt/", said), "blinded"
    assert sorted((row.method, row.content) for row in key.rows) == [
        (method, content) for method in ("ours", "real", "theirs") for content in ("a", "b")
    ]
    assert {row.file for row in key.rows} == {
        "ours/a.mp4",
        "ours/b.mp4",
        "theirs/a.mp4",
        "theirs/b.mp4",
        "a.mp4",
        "b.mp4",
    }


def test_the_same_seed_deals_the_same_numbers(clips, tmp_path):
    one, two, other = (
        make_study(clips / "renders", tmp_path / name, seed=seed)
        for name, seed in (("1", 0), ("2", 0), ("3", 5))
    )
    assert one.page.read_bytes() == two.page.read_bytes() and one.key.read_bytes() == two.key.read_bytes()
    assert read_key(one.key).study != read_key(other.key).study and one.bytes == one.page.stat().st_size


@pytest.fixture
def key():
    """Two methods and the real video of one content, and a second content of one method."""
    rows = (
        ("c1", "ours", "a"),
        ("c2", "theirs", "a"),
        ("c3", "real", "a"),
        ("c4", "ours", "b"),
        ("c5", "theirs", "b"),
    )
    return Key(
        "abc",
        tuple(KeyRow(clip, f"{method}/{content}.mp4", method, content) for clip, method, content in rows),
    )


@pytest.fixture
def answers(key, tmp_path):
    (tmp_path / "key.csv").write_text(key.as_csv())
    anna = {"c1": (4, 4, 4), "c2": (2, 3, 3), "c3": (5, 5, 5), "c4": (3, 4, 4), "c5": (3, 2, 2)}
    ben = {"c1": (5, 4, 4), "c2": (3, 3, 1), "c3": (5, 5, 5), "c4": (4, 5, "")}
    return [
        answered(tmp_path / f"{name}.csv", "abc", name, given)
        for name, given in (("anna", anna), ("ben", ben))
    ]


def test_results_by_hand(answers, tmp_path):
    results = read_study(answers, out=tmp_path / "out")
    means = {(each.method, each.scale): each for each in results.means}
    ours = means["ours", "lip_sync"]
    assert (ours.mean, ours.videos, ours.opinions) == (4.0, 2, 4)  # videos 4.5 and 3.5
    assert means["theirs", "lip_sync"].mean == 2.75 and means["ours", "realness"].opinions == 3
    assert np.isnan(means["real", "lip_sync"].ci_low) and 1 <= ours.ci_low < ours.mean < ours.ci_high <= 5
    first, *_ = results.preferences
    assert (first.first, first.second, first.scale) == ("ours", "theirs", "lip_sync")
    # content a: anna 4 : 2, ben 5 : 3; content b: anna 3 : 3, ben's 4 has no other: 2 and 0
    assert first.preferred == pytest.approx(2.5 / 3) and first.comparisons == 3
    assert first.difference == pytest.approx((2 + 0) / 2) and np.isnan(first.p) and first.contents == 2
    assert (first.ci_low, first.ci_high) == (-4.0, 4.0)  # no two answers of 1 … 5 are farther apart
    alpha = next(each for each in results.agreement if each.scale == "lip_sync" and not each.rater)
    # shared by both: 4 5, 2 3, 5 5, 3 4: squares within 6 / 8; between all eight 2 (8 · 129 − 31²) / (8 · 7)
    assert alpha.alpha == pytest.approx(1 - (6 / 8) / (142 / 56)) and alpha.opinions == 9
    of_anna = next(each for each in results.agreement if each.scale == "lip_sync" and each.rater == "anna")
    ranks = [[3, 1, 4, 2], [3.5, 1, 3.5, 2]]  # anna's 4 2 5 3 beside ben's 5 3 5 4, not beside both means
    assert of_anna.correlation == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "mos.csv", "agreement.csv", "preferences.csv", "opinions.csv",
    }  # fmt: skip
    clips = ("ours/a.mp4", "theirs/a.mp4", "ours/b.mp4", "theirs/b.mp4")
    opinions = read_opinions(tmp_path / "out" / "opinions.csv", clips)
    assert opinions["lip_sync"] == {
        "ours/a.mp4": 4.5,
        "theirs/a.mp4": 2.5,
        "ours/b.mp4": 3.5,
        "theirs/b.mp4": 3.0,
    }


def test_what_the_command_prints(answers):
    done = run("read", *answers)
    assert done.exit_code == 0, done.output
    assert "2 raters, 9 answers, 5 of 5 videos" in done.output and "α of all" in done.output
    assert re.search(r"theirs +2 +2\.75", done.output) and re.search(
        r"ours : theirs +83 % +1\.00", done.output
    )
    alone = run("read", answers[0])
    assert alone.exit_code == 0 and "one rater: no agreement" in alone.stderr and "α" not in alone.stdout


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"study": "other"}, "row 2 is of study 'other', and the key is of abc"),
        ({"clip": "c9"}, "row 2 names 'c9', which is no video of study abc"),
        ({"lip_sync": "6"}, "row 2 has '6' on lip_sync; wanted is a whole number from 1 to 5"),
        ({"realness": "4.5"}, "row 2 has '4.5' on realness"),
        ({"rater": " "}, "row 2 has no rater"),
        ({"clip": "c1"}, "row 3 has a second answer of rater 'anna' to c1"),
    ],
)
def test_answers_that_cannot_be_read(key, tmp_path, changed, why):
    points = {"c1": (4, 4, 4), "c2": (2, 3, 3)}
    path = answered(tmp_path / "anna.csv", "abc", "anna", points, changed)
    with pytest.raises(OptionError, match=why):
        read_answers([path], key)
    (tmp_path / "key.csv").write_text(key.as_csv())
    done = run("read", path)
    assert done.exit_code == 1 and done.stderr.startswith("error: ")


def test_files_that_are_none(key, tmp_path, clips):
    (tmp_path / "a.csv").write_text("clip,mos\n")
    with pytest.raises(
        OptionError, match="has no column 'study'; wanted is the CSV that a study's page saves"
    ):
        read_answers([tmp_path / "a.csv"], key)
    with pytest.raises(OptionError, match=r"is no key\.csv of study make"):
        read_key(tmp_path / "a.csv")
    with pytest.raises(OptionError, match=r"cannot read .*key\.csv.*--key says where it lies"):
        read_study([tmp_path / "a.csv"])
    with pytest.raises(OptionError, match="no file of answers"):
        read_answers([], key)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="no video in"):
        make_study(tmp_path / "empty", tmp_path / "out")


def test_videos_that_browsers_do_not_play(tmp_path):
    frames = np.zeros((5, 64, 64, 3), np.uint8)
    (tmp_path / "renders").mkdir()
    write_clip(tmp_path / "renders" / "a.avi", frames, None)
    (tmp_path / "renders" / "b.mp4").write_bytes(b"no video")
    with pytest.raises(
        OptionError, match=r"browsers do not play a\.avi \(.* in avi\), b\.mp4 \(.*\); they play H\.264"
    ):
        make_study(tmp_path / "renders", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_alpha_by_its_definition():
    """Krippendorff's own example of interval data, 2011: 0.849."""
    nan = np.nan
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
    assert krippendorff_alpha(np.array(table, float)) == pytest.approx(0.849, abs=5e-4)
    assert np.isnan(krippendorff_alpha(np.array([[1.0, nan], [nan, 2]]))) and np.isnan(
        krippendorff_alpha(np.ones((2, 3)))
    )


def test_a_rater_goes_through_the_page_and_saves(browser, clips, tmp_path):
    """In Chromium: a hostile name, all videos answered, and the CSV that is read again."""
    study = make_study(clips / "renders", tmp_path, seed=1)
    script = f"""
      document.getElementById("rater").value = {embedded("=" + HOSTILE)};
      document.getElementById("start").click();
      for (let round = 0; round < 4; round++) {{
        document.querySelector("video").dispatchEvent(new Event("ended"));
        for (const scale of ["lip_sync", "image_quality", "realness"]) {{
          const input = document.querySelectorAll(`input[name=${{scale}}]`)[round];
          input.checked = true;
          input.dispatchEvent(new Event("change"));
        }}
        [...document.querySelectorAll("button")].pop().click();
      }}
      document.body.append(make("pre", {{ id: "csv" }}, JSON.stringify(asCsv())));
    """
    page = tmp_path / "answered.html"
    page.write_text(study.page.read_text().replace("begin();\n", f"begin();\n{script}"))
    seen: Page = browser.open(page)
    assert "Thank you" in seen.html and "<title>Study of talking heads" in seen.html, seen.console
    text = re.search(r'<pre id="csv">(.*?)</pre>', seen.html, re.DOTALL)[1]
    saved = json.loads(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    (tmp_path / "saved.csv").write_text(saved)
    answers = read_answers([tmp_path / "saved.csv"], read_key(study.key))
    assert {answer.rater for answer in answers} == {"=" + HOSTILE}
    assert sorted(answer.points["realness"] for answer in answers) == [1, 2, 3, 4]
