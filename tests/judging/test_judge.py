"""``speechlip judge`` as a whole: tables, page, cost, resume, clips and metrics that fail."""

import csv
import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner

import speechlip
from here import in_this_process
from small_fit import write_fit
from speechlip import JudgeOptions
from speechlip.commands.cli import speechlip as cli
from speechlip.errors import NoVideos, OptionError
from speechlip.judging import job
from speechlip.metrics import Metric
from zoo import write_clip

PLUG_INS = """
from speechlip.metrics import Metric

def fails(image):
    raise ZeroDivisionError("of the plug-in")

FAILS = Metric("fails", "fails", "dB", True, "own", (), "frame", fails)
NAN = Metric("gives_nan", "gives NaN", "dB", True, "own", (), "frame", lambda image: float("nan"))
BRIGHT = Metric("bright", "bright", "levels", True, "own", (), "frame", lambda image: float(image.mean()))
"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Four clips of 64×64, one without audio, and a file that is no video."""
    root = tmp_path_factory.mktemp("clips")
    for number in range(4):
        random = np.random.default_rng(number)
        images = random.integers(0, 256, (25, 8, 8, 3), np.uint8).repeat(8, 1).repeat(8, 2)
        audio = random.normal(0, 2000, 16000).astype(np.int16)
        write_clip(root / f"{'<b>' if number == 1 else ''}{number}.mp4", images, audio if number else None)
    (root / "torn.mp4").write_bytes(b"\0" * 5000)
    return root


@pytest.fixture(autouse=True)
def one_worker_is_this_process(monkeypatch):
    monkeypatch.setattr(job, "outcomes", in_this_process)


@pytest.fixture
def plug_ins(tmp_path, monkeypatch):
    about = tmp_path / "packages" / "odd_metrics-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Name: odd-metrics\nVersion: 1.5\n")
    names = {"fails": "FAILS", "gives_nan": "NAN", "bright": "BRIGHT"}
    lines = [f"{name} = odd_metrics:{value}" for name, value in names.items()]
    (about / "entry_points.txt").write_text("\n".join(["[speechlip.metrics]", *lines, ""]))
    (about.parent / "odd_metrics.py").write_text(PLUG_INS)
    monkeypatch.syspath_prepend(str(about.parent))


def run(*words):
    done = CliRunner().invoke(cli, ["judge", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


WORDS = ("--seconds", 1, "--workers", 1, "--harms", "silence,blur,small,again")


@pytest.fixture(scope="module")
def judged(clips, tmp_path_factory):
    """Folder, exit code and words of a run of PSNR."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "outcomes", in_this_process)
        return out, *run("psnr", "--clips", clips, "-o", out, *WORDS)


def test_answers_are_in_every_table(judged):
    out, code, said, errors = judged
    answers = {(row["harm"], row["step"]): row for row in rows(out / "judge.csv")}
    assert answers["blur", "4"]["verdict"] == "worse" and answers["blur", "4"]["clips"] == "4"
    assert answers["blur", "1"]["in_order"] == "True" and answers["blur", "1"]["notices_from"] == "1"
    assert answers["again", "1"]["verdict"] == "unmoved"
    assert (
        answers["silence", ""]["verdict"] == "cannot"
        and answers["silence", ""]["missing"] == "hears no audio"
    )
    assert answers["small", ""]["missing"] == "different sizes"  # named, and no number
    values = [row for row in rows(out / "values.csv") if row["harm"] == "clean"]
    assert [row["value"] for row in values if row["value"]] == ["100.0"] * 4
    content = json.loads((out / "judge.json").read_text())
    assert content["clips"] == ["0.mp4", "2.mp4", "3.mp4", "<b>1.mp4", "torn.mp4"]
    assert content["harms"]["blur"]["steps"] == [1, 2, 4] and content["metrics"][0]["words"] in said
    assert "Calls worse: blur 1 px and more (AUC 1.00 at 4 px)." in said
    assert code == 3 and "torn.mp4: " in errors and "12 × different sizes" in errors


def test_cost_is_said_before_the_work(judged):
    *_, errors = judged
    # clean 1, blur 3, small 3, again 1 of five clips; silence is nothing that PSNR hears
    assert "38 of 40 renders of 5 clips to make and score, about " in errors


def test_the_page_shows_names_as_text_and_no_folder(judged, clips):
    page = (judged[0] / "judge.html").read_text(encoding="utf-8")
    assert "<b>1.mp4" not in page and r"\u003cb\u003e1.mp4" in page and str(clips) not in page


def test_a_second_run_makes_nothing_again(judged, clips, monkeypatch):
    out, *_ = judged
    before = (out / "judge.csv").read_bytes()

    def never(*words, **named):
        raise AssertionError("a copy was made again")

    monkeypatch.setattr("speechlip.judging.clip.score_task", never)
    code, *_ = run("psnr", "--clips", clips, "-o", out, *WORDS)
    assert code == 3 and (out / "judge.csv").read_bytes() == before


def test_a_stopped_run_goes_on(judged, clips, monkeypatch, tmp_path):
    """Interrupted within the second clip: what was kept is not scored again."""
    from speechlip.judging import clip

    score, made = clip.score_task, []

    def until(task, *words, **named):
        made.append(task.clip)
        if len(made) == 12:
            raise KeyboardInterrupt
        return score(task, *words, **named)

    monkeypatch.setattr(clip, "score_task", until)
    options = JudgeOptions(("psnr",), ("blur", "small", "silence", "again"), seconds=1)
    with pytest.raises(KeyboardInterrupt):
        speechlip.judge(clips, tmp_path / "out", options)
    speechlip.judge(clips, tmp_path / "out", options)
    assert len(made) == 32 + 1  # every copy of four clips, and the one that was broken off
    assert (tmp_path / "out" / "judge.csv").read_bytes() == (judged[0] / "judge.csv").read_bytes()
    assert not (tmp_path / "out" / ".copies" / "scratch").exists()


def test_plug_ins_that_fail_are_reasons_and_one_that_works_is_judged(clips, plug_ins, tmp_path):
    code, said, _ = run(
        "fails", "gives_nan,bright", "--clips", clips, "-o", tmp_path / "out", *WORDS[:-1], "blur,again"
    )
    assert code == 3
    assert "fails ↑: fails could not be judged: unexpected error." in said
    assert "gives NaN ↑: gives NaN could not be judged: not finite." in said
    assert "bright ↑: Does not notice: blur. No false alarm." in said
    reasons = {
        row["metric"]: row["reason"]
        for row in rows(tmp_path / "out" / "values.csv")
        if row["clip"] == "0.mp4"
    }
    assert reasons == {"bright": "", "fails": "unexpected error", "gives_nan": "not finite"}


def test_brisque_is_judged_by_a_fit_of_ones_own(clips, tmp_path):
    model, out = write_fit(tmp_path / "fit"), tmp_path / "out"
    words = ("--clips", clips / "0.mp4", "-o", out, *WORDS[:-1], "blur,again", "--brisque-model")
    code, said, errors = run("brisque", *words, model)
    assert code == 0 and "BRISQUE ↓:" in said, errors
    hashes = {
        name: hashlib.sha256((tmp_path / "fit" / name).read_bytes()).hexdigest()
        for name in ("allmodel", "allrange")
    }
    assert json.loads((out / "judge.json").read_text())["models"] == hashes
    assert hashes["allmodel"] in (out / "judge.html").read_text()
    values = [row["value"] for row in rows(out / "values.csv")]
    assert values[0] == values[-1] != values[1]  # clean, written once more, blurred
    (tmp_path / "fit" / "allrange").write_text(
        (tmp_path / "fit" / "allrange").read_text().replace("-1 1", "0 1")
    )
    run("brisque", *words, model)
    assert rows(out / "values.csv")[0]["value"] != values[0]  # by the other fit
    code, _, errors = run("psnr", *words, model)
    assert code == 1 and "--brisque-model goes with metric brisque" in errors


def test_the_plan_alone_scores_no_more_than_it_times(clips, tmp_path):
    code, said, _ = run("psnr", "--clips", clips, "-o", tmp_path / "out", *WORDS, "--plan")
    assert code == 0 and "38 of 40 renders of 5 clips to make and score, about" in said
    assert not (tmp_path / "out" / "judge.csv").exists()


def test_what_cannot_be_used_is_said(clips, tmp_path):
    with pytest.raises(OptionError, match="no harm 'blurr'; there are: late, early"):
        JudgeOptions(harms=("blurr",))
    with pytest.raises(OptionError, match=r"seconds is 0.2; it must lie in 1 … 60"):
        JudgeOptions(seconds=0.2)
    with pytest.raises(OptionError, match="no metric 'psnrr'"):
        JudgeOptions(("psnrr",))
    with pytest.raises(OptionError, match="does not exist; give a folder of videos or one video"):
        speechlip.judge(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoVideos, match="judge reads"):
        speechlip.judge(tmp_path / "empty", tmp_path / "out")
    assert run("psnr", "--clips", tmp_path / "empty", "-o", tmp_path / "out")[0] == 2


def test_a_metric_of_another_package_is_told_by_its_declaration():
    from speechlip.judging.clip import asked_of, hears
    from speechlip.judging.harms.table import HARMS

    assert isinstance(speechlip.metrics.Metric, type) and Metric is speechlip.metrics.Metric
    assert hears("lse") and hears("slcc") and not hears("mtm")
    assert asked_of(HARMS["late"], ("psnr", "slcc")) == ("slcc",)
    assert asked_of(HARMS["mp3_avi"], ("psnr", "slcc")) == ("psnr", "slcc")
