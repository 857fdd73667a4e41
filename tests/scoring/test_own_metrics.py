"""Metrics that are added: by a file of metrics/image, or by another package. Nothing else is edited."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import speechlip
from here import in_this_process
from speechlip import ScoreOptions
from speechlip.commands.cli import score_sync
from speechlip.errors import OptionError
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics import Metric
from speechlip.metrics.table import families
from speechlip.scoring.columns import row_columns
from speechlip.scoring.folder import job
from speechlip.scoring.options import default_metrics
from speechlip.scoring.report.page import page_data
from speechlip.scoring.report.table import table
from zoo import write_clip

PACKAGE = Path(speechlip.__file__).parent
NEW_FILE = '''"""Brightest value of an image."""
from speechlip.metrics.declared import Metric


def brightest(image):
    return float(image.max())


METRIC = Metric("brightest", "Brightest", "levels", None, "max", (), "frame", brightest, digits=1)
'''
HELP_THEN_SCORES = """
import sys
from here import in_this_process
from speechlip.commands.cli import score_sync
from speechlip.scoring.folder import job

job.outcomes = in_this_process
for words in (["--help"], sys.argv[1:]):
    try:
        score_sync(words)
    except SystemExit as ended:
        assert not ended.code
    print("HELP ENDS")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A render and its reference of noise, 5 frames of 64×64."""
    root, random = tmp_path_factory.mktemp("clips"), np.random.default_rng(3)
    for name in ("render", "gt"):
        write_clip(root / f"{name}.mp4", random.integers(0, 256, (5, 64, 64, 3), np.uint8), None)
    return root


@pytest.fixture(autouse=True)
def one_worker_is_this_process(monkeypatch):
    monkeypatch.setattr(job, "outcomes", in_this_process)


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """``offer(name="module:attribute", …)``: an installed package that adds these metrics."""

    def install(**points):
        about = tmp_path / "packages" / "odd_metrics-1.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Name: odd-metrics\nVersion: 1.5\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (about / "entry_points.txt").write_text("\n".join(["[speechlip.metrics]", *lines, ""]))
        monkeypatch.syspath_prepend(str(about.parent))

    return install


def rgb(path):
    return np.stack([frame.rgb() for frame in read_frames(path, probe(path, need_audio=False))])


def scored(folder, out, *metrics):
    options = ScoreOptions(metrics, device="cpu")
    return speechlip.score_folder(folder / "render.mp4", out, folder / "gt.mp4", options)


def first_row(out):
    with (out / "scores.csv").open(newline="") as file:
        return next(csv.DictReader(file))


def test_a_file_beside_the_others_is_all_that_an_image_metric_needs(folder, tmp_path):
    """A copy of the package with one file more: in help, scores.csv, the table and the report."""
    copy = shutil.copytree(PACKAGE, tmp_path / "speechlip", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "metrics" / "image" / "brightest.py").write_text(NEW_FILE)
    out, wanted = tmp_path / "out", rgb(folder / "render.mp4").max(axis=(1, 2, 3)).mean()
    words = [str(folder / "render.mp4"), "--metrics", "brightest,cpbd", "--workers", "1", "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", HELP_THEN_SCORES, *words],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[1]}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    help_text, _, shown = done.stdout.partition("HELP ENDS")
    assert "lse,lmd,psnr,ssim,lpips,cpbd,brightest," in re.sub(r"\s", "", help_text)
    row = first_row(out)
    assert list(row) == [*row_columns(), "brightest"] and float(row["brightest"]) == wanted
    assert "Brightest" in shown and f"{wanted:.1f}" in shown
    assert '"title":"Brightest"' in (out / "report.html").read_text()


def test_a_metric_of_the_example_package_is_scored_by_name(example_plugin, folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(example_plugin))
    scores = scored(folder, tmp_path / "out", "psnr", "mad")
    render, reference = (rgb(folder / f"{name}.mp4").astype(float) for name in ("render", "gt"))
    (row,) = scores.rows
    assert row.mad == pytest.approx(np.abs(render - reference).mean()) and row.status == "scored"
    assert list(first_row(tmp_path / "out")) == [*row_columns(), "mad"]
    assert "MAD ↓" in table(scores) and scores.versions["speechlip-plugin"] == "0.1.0"
    (psnr, mad) = page_data(scores)["columns"]
    assert (psnr["name"], mad["title"], mad["unit"], mad["higher"]) == ("psnr", "MAD", "levels", False)


def test_what_is_installed_changes_nobodys_scores(example_plugin, folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(example_plugin))
    scored(folder, tmp_path / "out", "psnr")
    assert list(first_row(tmp_path / "out")) == row_columns()
    assert default_metrics(True) == families() == ("lse", "lmd", "psnr", "ssim", "lpips", "cpbd")


def test_a_name_that_means_nothing_lists_what_there_is(example_plugin, folder, monkeypatch):
    monkeypatch.syspath_prepend(str(example_plugin))
    words = [str(folder / "render.mp4"), "--metrics", "psrn"]
    done = CliRunner().invoke(score_sync, words)
    assert done.exit_code == 1
    assert re.fullmatch(
        "error: no metric 'psrn'; there are: default, lips, .*lse, lmd, psnr, ssim, lpips, cpbd, mtm, .*, mad"
        "; did you mean psnr\\?\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module:METRIC", "cannot be imported from no_such_module:METRIC: ModuleNotFoundError"),
        ("os:sep", "is str, not a speechlip.metrics.Metric; ask the package that adds it"),
        ("speechlip.metrics.image.psnr:METRIC", "calls itself 'psnr' of family 'psnr'"),
    ],
)
def test_a_broken_plug_in_is_one_sentence_and_hides_no_other(offer, folder, tmp_path, value, why):
    offer(odd=value)
    with pytest.raises(OptionError, match=f"^metric 'odd' {why}"):
        ScoreOptions(("odd",))
    assert scored(folder, tmp_path / "out", "psnr").rows[0].status == "scored"


@pytest.mark.parametrize(
    ("number", "reason"),
    [("1 / 0", "unexpected error"), ("float('nan')", "not finite"), ("None", "unexpected error")],
)
def test_a_metric_that_fails_takes_nothing_else_along(offer, folder, tmp_path, number, reason):
    offer(odd="odd_metric:METRIC")
    code = "from speechlip.metrics import Metric\n"
    code += f"METRIC = Metric('odd', 'Odd', '', None, 'odd', (), 'frame', lambda image: {number})\n"
    (tmp_path / "packages" / "odd_metric.py").write_text(code)
    sys.modules.pop("odd_metric", None)
    (row,) = scored(folder, tmp_path / "out", "odd", "psnr").rows
    assert (row.status, row.reason, row.odd) == ("partial", f"odd: {reason}", None) and row.psnr is not None


def test_a_reason_with_separators_in_it_stays_whole(offer, folder, tmp_path):
    """In ``ClipScore.missing``, and in the counts of ``scores.json``, also where a kept result is read."""
    offer(odd="reasoned_metric:METRIC")
    code = (
        "from speechlip.metrics import Metric\nfrom speechlip.metrics.declared import NotScored\n"
        "def refuse(image):\n    raise NotScored('bad; input: x')\n"
        "METRIC = Metric('odd', 'Odd', '', None, 'odd', (), 'frame', refuse)\n"
    )
    (tmp_path / "packages" / "reasoned_metric.py").write_text(code)
    alone = speechlip.score(folder / "render.mp4", options=ScoreOptions(("odd", "cpbd"), device="cpu"))
    assert alone.missing == {"odd": "bad; input: x"} and alone.row.reason == "odd: bad; input: x"
    for _ in range(2):
        scores = scored(folder, tmp_path / "out", "odd", "psnr")
        assert scores.missing == {"odd": {"bad; input: x": 1}}


def test_a_metric_of_landmarks_is_computed_once_per_clip(head, offer, tmp_path, monkeypatch):
    """How many frames both files have, of a package: it gets the landmarks that LMD gets."""
    offer(frames_seen="landmark_metric:METRIC")
    code = (
        "from speechlip.metrics import Metric\n"
        "METRIC = Metric('frames_seen', 'Frames', '', None, 'frames', ('reference', 'landmarks'), 'clip',\n"
        "                lambda render, reference: len(render) + reference.shape[1] / 100)\n"
    )
    (tmp_path / "packages" / "landmark_metric.py").write_text(code)
    clip = head.write(tmp_path / "clip.mp4", head.frames[:20], None, head.landmarks[:20])
    options = ScoreOptions(("frames_seen",), detector="sidecar", device="cpu")
    row = speechlip.score(clip, clip, options).row
    assert (row.frames_seen, row.frames_compared, row.lmd) == (20.68, 20, None)


@pytest.mark.parametrize(("number", "missing"), [("len(audio)", {}), ("math.nan", {"heard": "not finite"})])
def test_a_metric_of_landmarks_may_take_audio(head, offer, tmp_path, number, missing):
    """As long as the frames, and a number that is not finite is missing with that reason."""
    offer(heard="heard_metric:METRIC")
    code = (
        "import math\nfrom speechlip.metrics import Metric\n"
        "METRIC = Metric('heard', 'Heard', '', None, 'heard', ('landmarks', 'audio'), 'clip',\n"
        f"                lambda landmarks, audio: {number})\n"
    )
    (tmp_path / "packages" / "heard_metric.py").write_text(code)
    sys.modules.pop("heard_metric", None)
    clip = head.write(tmp_path / "clip.mp4", head.frames[:20], head.audio[: 15 * 640], head.landmarks[:20])
    score = speechlip.score(clip, options=ScoreOptions(("heard",), detector="sidecar", device="cpu"))
    assert (score.missing, score.row.heard) == (missing, None if missing else 20 * 640)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"name": "My Metric"}, "metric name 'My Metric' is no column"),
        ({"per": "video"}, "metric mine per 'video'; per is one of frame pair, frame, three frames, clip"),
        ({"needs": ("sound",)}, "metric mine needs sound; per is one of"),
        ({"per": "frame pair"}, "metric mine per frame pair needs 'reference'; declare it in needs"),
    ],
)
def test_a_declaration_that_cannot_be_followed_is_refused(changed, why):
    given = {"name": "mine", "title": "Mine", "unit": "", "higher_is_better": True, "formula": "mine"}
    with pytest.raises(OptionError, match=why):
        Metric(**given | {"needs": (), "per": "frame", "compute": np.mean} | changed)
