"""``speechlip.score``, ``score_folder``, ``fix_offsets``, ``audit``: options in, records out, every missing
score with its reason.
"""

import csv
import json
from dataclasses import replace

import pytest

import speechlip
from kept_progress import KeptProgress
from speechlip import CorrectionRules, ScoreOptions, Scores
from speechlip.errors import OptionError, SourceRefused
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.networks import Tools
from speechlip.scoring.records import ScoreTask

pytestmark = [pytest.mark.early, pytest.mark.usefixtures("alone")]

SECOND = 25


@pytest.fixture(scope="module")
def clip(head, tmp_path_factory):
    return head.write(
        tmp_path_factory.mktemp("api") / "renders" / "clip.mp4",
        head.frames[: 2 * SECOND],
        head.audio[: 2 * SECOND * 640],
        head.landmarks[: 2 * SECOND],
    )


@pytest.mark.parametrize(
    ("family", "reason"), [("lse", "no SyncNet weights"), ("lpips", "no AlexNet weights")]
)
def test_a_score_without_weights_has_its_reason(clip, family, reason):
    """From Python it was ``scored '' None``, or an AttributeError."""
    progress = KeptProgress()
    options = ScoreOptions((family, "psnr"), detector="sidecar", sync_model="syncnet")
    scored = speechlip.score(clip, clip, options, progress=progress)
    assert scored.missing == {family: reason} and scored.row.psnr == 100.0
    assert progress.stages == [("scoring", 1, "clips", 0)] and progress.done == 1
    assert (scored.row.status, scored.row.reason) == ("partial", f"{family}: {reason}")
    (note,) = [note for note in scored.detail.notes if note.startswith(f"{family}: ")]
    assert "speechlip models fetch" in note and progress.said == [
        f"{family} is not scored, {reason}: {note[len(family) + 2 :]}"
    ]


@pytest.mark.parametrize(("family", "reason"), [("lse", "no sync model"), ("lpips", "no AlexNet weights")])
def test_no_network_at_all_is_a_reason_too(clip, family, reason):
    options = ScoreOptions((family,), detector="sidecar")
    (row,) = score_clip(ScoreTask("clip", clip, clip), options, Tools(), lambda *_: None).rows
    assert (row.status, row.reason) == ("failed", f"{family}: {reason}")


def test_one_clip_is_scored_as_a_folder_is(head, clip, tmp_path, random_weights):
    """The same rows, verdict included."""
    weights = {"syncnet_weights": random_weights, "allow_unknown_weights": True}
    options = ScoreOptions(("lse", "lmd", "psnr"), detector="sidecar", **weights)
    alone = speechlip.score(clip, clip, options)
    scores = speechlip.score_folder(clip.parent, tmp_path / "out", clip, options)
    assert alone.rows == scores.rows and alone.row.offset_verdict and alone.missing == {}
    assert replace(alone.detail, seconds=None) == replace(scores.clips[0], seconds=None)


def test_metrics_that_are_not_named_are_those_that_can_be_computed(clip):
    alone = speechlip.score(clip, options=ScoreOptions(detector="sidecar"))
    assert (
        alone.missing.keys() == set()
        and alone.row.sync_model == "phones"
        and alone.row.cpbd is not None
        and alone.row.psnr is None
    )
    both = speechlip.score(clip, clip, ScoreOptions(detector="sidecar"))
    assert both.missing.keys() == {"lpips"} and both.row.lmd == 0.0


def test_what_cannot_be_read(clip, tmp_path):
    with pytest.raises(SourceRefused, match="missing file"):
        speechlip.score(tmp_path / "nothing.mp4", options=ScoreOptions(("cpbd",)))
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    scored = speechlip.score(clip, text, ScoreOptions(("psnr", "cpbd")))
    assert scored.missing == {"psnr": "reference unreadable"} and scored.row.cpbd is not None
    with pytest.raises(OptionError, match="does not exist; give a folder of videos or one video"):
        speechlip.score_folder(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(OptionError, match="does not exist; give a folder of videos or one video"):
        speechlip.audit(tmp_path / "nothing")


def test_driving_audio_is_scored_in_place_of_the_renders_own(head, clip, tmp_path, random_weights):
    silent = head.write(tmp_path / "silent.mp4", audio=False)
    options = ScoreOptions(
        ("lse",), detector="sidecar", syncnet_weights=random_weights, allow_unknown_weights=True
    )
    assert speechlip.score(silent, options=options).missing == {"lse": "no audio"}
    driven = speechlip.score(silent, options=options, audio=clip)
    assert driven.missing == {} and driven.detail.sound == "driving"


def test_a_folder_gives_its_scores_as_they_are_written(clip, tmp_path):
    progress, out = KeptProgress(), tmp_path / "out"
    options = ScoreOptions(("psnr", "cpbd"))
    scores = speechlip.score_folder(clip.parent, str(out), clip.parent, options, progress=progress)
    written = json.loads((out / "scores.json").read_text())
    for read in (scores, Scores.load(out), Scores.load(out / "scores.json")):
        assert json.loads(json.dumps(read.as_dict())) == written
        assert (read.rows, read.clips, read.metrics) == (scores.rows, scores.clips, ("psnr", "cpbd"))
    with (out / "scores.csv").open(newline="") as file:
        assert [float(row["psnr"]) for row in csv.DictReader(file)] == [row.psnr for row in scores.rows]
    assert (out / "report.html").is_file() and scores.command == "speechlip.score_folder"
    assert progress.stages == [("scoring", 1, "clips", 0)] and progress.done == 1
    speechlip.score_folder(clip.parent, out, clip.parent, options, progress=progress)
    assert progress.stages[1] == ("scoring", 1, "clips", 1) and progress.done == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, r"cannot read .*scores.json: No such file or directory; score-sync -o writes it"),
        ("{", "is damaged or no scores.json"),
        ("{}", "is damaged or no scores.json"),
        ('{"format": 2}', "format 2, and this release reads 1"),
    ],
)
def test_scores_that_cannot_be_read_say_why(tmp_path, text, says):
    if text is not None:
        (tmp_path / "scores.json").write_text(text)
    with pytest.raises(OptionError, match=says):
        Scores.load(tmp_path)


def test_scores_of_an_older_release_are_read(tmp_path):
    """Without the columns, and the parts, that came later."""
    row = {"clip": "a.mp4", "track": "0", "status": "scored", "reason": "", "psnr": 30.0}
    mean = {"mean": 30.0, "median": 30.0, "ci_low": None, "ci_high": None, "scored": 1, "missing": 0}
    older = {"format": 1, "metrics": ["psnr"], "rows": [row], "aggregates": {"psnr": mean}, "clips": []}
    (tmp_path / "scores.json").write_text(json.dumps(older))
    scores = Scores.load(tmp_path)
    assert scores.of_clip["a.mp4"].psnr == 30.0 and scores.aggregates["psnr"].mean == 30.0
    assert scores.as_dict()["aggregates"]["psnr"] == mean


def test_offsets_are_corrected_in_copies(head, tmp_path, sync_models):
    head.write(tmp_path / "in" / "late.mp4", audio=head.early(-5))
    options = ScoreOptions(("lse",), sync_model="envelope", detector="sidecar")
    fixed = speechlip.fix_offsets(tmp_path / "in", tmp_path / "out", options=options)
    (one,) = fixed.corrections
    assert (one.clip, one.copy) == ("late.mp4", tmp_path / "out" / "corrected" / "late.mp4")
    assert one.copy.is_file() and one.words.startswith("audio 5 frames late, corrected in")
    assert fixed.scores.of_clip["late.mp4"].offset_frames == -5


def test_an_audit_gives_records(clip, tmp_path):
    (clip.parent.parent / "bad").mkdir(exist_ok=True)
    (clip.parent.parent / "bad" / "text.mp4").write_text("no video")
    audits = speechlip.audit(clip.parent.parent, tmp_path / "out")
    assert [one.clip for one in audits.clips] == ["renders/clip.mp4"] and audits.clips[0].frames == 2 * SECOND
    assert {name: why.reason for name, why in audits.refused.items()} == {"bad/text.mp4": "not a video file"}
    (row,) = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert row["clip"] == "renders/clip.mp4" and row["frames"] == 2 * SECOND


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"metrics": ("lse", "foo")}, "no metric 'foo'; there are: default, lips"),
        ({"metrics": "foo"}, "no metric 'foo'"),
        ({"protocol": "wav2lib"}, "no protocol 'wav2lib'; there are: direct"),
        ({"region": "nose"}, "no region 'nose'; there are: full, face, mouth"),
        ({"detector": "dlib"}, "no detector 'dlib'; there are: auto, landmarker"),
        ({"device": "tpu"}, "no device 'tpu'"),
        (
            {"protocol": "wav2lip", "ffmpeg": "/nowhere/ffmpeg"},
            "no ffmpeg '/nowhere/ffmpeg': no such program",
        ),
        ({"ffmpeg": "7.0"}, "protocol direct runs no ffmpeg"),
        ({"allow_unknown_weights": True}, "goes with --syncnet-weights"),
    ],
)
def test_options_are_validated_when_they_are_made(given, says):
    with pytest.raises(OptionError, match=says):
        ScoreOptions(**given)


def test_rules_are_validated_when_they_are_made():
    assert CorrectionRules(0.2, 1, 15).least_frames == 1
    for given, says in (
        ((None, 14, 2), "14 to 2 frames"),
        ((None, 0, 5), "within 1-15"),
        ((float("nan"),), "nan"),
    ):
        with pytest.raises(OptionError, match=says):
            CorrectionRules(*given)


def test_options_name_metrics_in_one_order():
    assert (
        ScoreOptions(("psnr", "lse", "psnr")).metrics
        == ScoreOptions(["lse", "psnr"]).metrics
        == ("lse", "psnr")
    )
    assert ScoreOptions("psnr").metrics == ("psnr",) and ScoreOptions().metrics == ()
