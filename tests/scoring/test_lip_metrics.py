"""Metrics of lip motion by ``score-sync``: their columns, and every reason why one is missing."""

import math
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
from score_command import run, table

import speechlip
from speechlip import ScoreOptions
from speechlip.describing import silero
from speechlip.faces.detectors.sidecar import face_box
from speechlip.faces.tracking.selection import select
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.faces.tracking.tracks import build_tracks
from speechlip.metrics import table as table_of_metrics
from speechlip.metrics.lips.opening import lip_opening
from speechlip.phones import write_textgrid
from speechlip.records import Face, Phone
from speechlip.scoring.clip.faces import Seen
from speechlip.scoring.clip.outcome import Outcome
from speechlip.scoring.clip.signals import Signals
from speechlip.scoring.columns import row_columns
from speechlip.scoring.folder import kept
from speechlip.scoring.options import without_groups

LIPS = ("mtm", "slcc", "lip_corr", "lip_dtw", "lmd_soft", "silent_lips", "lip_dynamics")
WITH_REAL = ("slcc", "silent_lips", "lip_dynamics")


@pytest.fixture(autouse=True)
def of_this_process(alone):
    """Clips are scored here."""


def lips_of(render, reference=None, *metrics, detector="sidecar"):
    return speechlip.score(
        render, reference, ScoreOptions(metrics or ("lips",), device="cpu", detector=detector)
    )


def test_a_moved_render_beside_its_reference(head, tmp_path):
    """The same frames two frames late: MTM 80 ms, a lower correlation; own numbers as the reference's."""
    audio = head.audio[1280:65280]
    real = head.write(tmp_path / "gt" / "a.mp4", head.frames[2:102], audio, head.landmarks[2:102])
    head.write(tmp_path / "renders" / "a.mp4", head.frames[:100], audio, head.landmarks[:100])
    words = ("--reference", real.parent, "--metrics", "lips", "--detector", "sidecar", "-o", tmp_path / "out")
    code = run(tmp_path / "renders", *words, "--workers", "1")
    (row,) = table(tmp_path / "out")
    wanted = [name for each in LIPS for name in ((each, f"{each}_real") if each in WITH_REAL else (each,))]
    assert list(row) == [*row_columns(), *wanted]
    assert float(row["mtm"]) == pytest.approx(80, abs=15) and float(row["lip_corr"]) < 0.99
    assert float(row["lip_dtw"]) < 0.01 and float(row["lip_dynamics"]) == pytest.approx(
        float(row["lip_dynamics_real"]), rel=0.05
    )
    assert -1 <= float(row["slcc"]) < float(row["slcc_real"]) <= 1, "the reference is in sync"
    silent = row["silent_lips"]
    assert (code, row["reason"]) == ((0, "") if silent else (3, "silent_lips: no silence"))
    assert '"MTM"' in (tmp_path / "out" / "report.html").read_text()


def test_a_group_leaves_out_what_a_missing_reference_would_give(head, tmp_path):
    clip = head.write(tmp_path / "a.mp4", head.frames[:60], head.audio[:38400], head.landmarks[:60])
    score = lips_of(clip)
    assert {*score.row.values} >= {"slcc", "lip_dynamics"} and "mtm" not in score.missing
    named = lips_of(clip, None, "mtm", "slcc")
    assert named.missing == {"mtm": "no reference"} and named.row.slcc == score.row.slcc
    assert without_groups(("default", "mtm"), False) == ("lse", "cpbd", "mtm")


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"audio": False}, {"slcc": "no audio", "silent_lips": "no audio"}),
        ({"audio": np.zeros(64000, np.int16)}, {"slcc": "constant audio"}),
        ({"still": True}, {"mtm": "still mouth", "slcc": "still mouth", "lip_corr": "still mouth"}),
        ({"frames": 20}, dict.fromkeys((*LIPS[:5], "lip_dynamics"), "too short")),
    ],
)
def test_what_cannot_be_measured_has_its_reason(head, tmp_path, changed, missing):
    frames = changed.pop("frames", 100)
    landmarks = np.repeat(head.landmarks[:1], 100, 0) if changed.pop("still", False) else head.landmarks[:100]
    audio = changed.get("audio", head.audio[: frames * 640])
    clip = head.write(tmp_path / "a.mp4", head.frames[:frames], audio, landmarks[:frames])
    found = dict(lips_of(clip, clip).missing)
    found.pop("silent_lips", None) if "silent_lips" not in missing else None
    assert found == missing


def test_boxes_alone_and_no_face_give_none(tmp_path, head, monkeypatch):
    clip = head.write(tmp_path / "a.mp4", head.frames[:30], head.audio[:19200], head.landmarks[:30])
    clip.with_name("a.landmarks.npz").unlink()
    score = lips_of(clip, clip, detector="cascade")
    assert {*score.missing} == {*LIPS} and {*score.missing.values()} <= {"no landmarks", "no face"}


def test_without_the_speech_detector_silence_is_not_known(head, tmp_path, monkeypatch):
    clip = head.write(tmp_path / "a.mp4", head.frames[:40], head.audio[:25600], head.landmarks[:40])
    monkeypatch.setattr(silero, "weights", silero.weights.__wrapped__)
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    score = lips_of(clip)
    assert score.missing == {"silent_lips": "no speech detector"}
    assert any("pip install silero-vad" in note for note in score.detail.notes)


def test_of_two_faces_the_larger_is_measured(head):
    """A face of a third of the size talks beside it."""
    small = 0.3 * np.roll(head.landmarks[:60], 20, axis=0)
    faces = [
        [Face(face_box(points), 1.0, points) for points in both]
        for both in zip(small, head.landmarks[:60], strict=True)
    ]
    tracks, unfit = build_tracks(faces, ())
    assert len(tracks) == 2
    seen = FaceTracks(tracks, select(tracks, "largest"), unfit, (), np.ones(60, bool), ((512, 512),) * 60)
    measured = Signals(Path("a.mp4"), None, 60, Outcome(Seen(seen)), Outcome(), "sidecar").landmarks
    assert np.abs(lip_opening(measured) - lip_opening(head.landmarks[:60])).max() < 1e-3


def test_phones_of_a_textgrid_or_recognised(head, tmp_path):
    """Three /m/ where the mouth is most closed, and a reference of which nobody says what is spoken."""
    pytest.importorskip("pocketsphinx")
    own, real = (
        head.write(tmp_path / name / "a.mp4", head.frames[:100], head.audio[:64000], head.landmarks[:100])
        for name in ("renders", "gt")
    )
    opening = lip_opening(head.landmarks[:100])
    closed = np.flatnonzero(opening <= 0.03)[[0, len(np.flatnonzero(opening <= 0.03)) // 2, -1]]
    phones = [
        Phone(frame / 25 + 0.001, (frame + 1) / 25 - 0.001, "M") for frame in sorted({*closed.tolist()})
    ]
    assert len(phones) == 3
    write_textgrid(own.with_name("a.TextGrid"), phones, [], 4.0)
    score = lips_of(own, real, "lips_closed")
    assert score.row.lips_closed == 1.0
    assert any("a.mp4 recognised without a transcript" in note for note in score.detail.notes)
    real.with_name("a.TextGrid").write_text("no TextGrid")
    broken = lips_of(own, real, "articulation")
    assert broken.missing == {"teeth_on_lip": "too few phones", "lips_rounded": "too few phones"}
    assert any(note.startswith("no lips_closed_real, bad phone file") for note in broken.detail.notes)


def test_a_number_of_the_real_video_that_is_none_is_noted(head, tmp_path, monkeypatch):
    given = table_of_metrics.metrics_of
    monkeypatch.setattr(
        table_of_metrics,
        "metrics_of",
        lambda family: tuple(
            replace(each, compute=lambda *signals: math.nan) if each.of_real else each
            for each in given(family)
        ),
    )
    own, real = (
        head.write(tmp_path / name / "a.mp4", head.frames[:60], head.audio[:38400], head.landmarks[:60])
        for name in ("renders", "gt")
    )
    score = lips_of(own, real, "slcc")
    assert score.row.slcc is not None and score.row.values.get("slcc_real") is None
    assert "no slcc_real, not finite: slcc_real is nan" in score.detail.notes


def test_a_changed_textgrid_is_scored_again(head, tmp_path):
    clip = head.write(
        tmp_path / "renders" / "a.mp4", head.frames[:40], head.audio[:25600], head.landmarks[:40]
    )
    words = (clip.parent, "--metrics", "lips_closed", "--detector", "sidecar", "--workers", "1", "--quiet")
    for count, wanted in ((2, "lips_closed: too few phones"), (3, "")):
        phones = [Phone(0.2 * place, 0.2 * place + 0.1, "M") for place in range(count)]
        write_textgrid(clip.with_name("a.TextGrid"), phones, [], 1.6)
        run(*words, "-o", tmp_path / "out")
        assert table(tmp_path / "out")[0]["reason"] == wanted


def test_heads_of_one_file_are_equal(head, tmp_path):
    clip = head.write(tmp_path / "a.mp4", head.frames[:60], None, head.landmarks[:60])
    row = lips_of(clip, clip, "head").row
    assert row.pose_error == 0 and row.head_motion == row.head_motion_real
    assert row.blinks_per_minute == row.blinks_per_minute_real and row.brow_dynamics > 0


def test_a_library_that_was_missing_is_a_reason_to_score_again(monkeypatch):
    def missing(name):
        if name == "pocketsphinx":
            raise PackageNotFoundError(name)
        return "1"

    versions = kept.versions.__wrapped__
    with_it = versions("cascade", ("lips_closed", "silent_lips"))
    monkeypatch.setattr(kept, "version", missing)
    without = versions("cascade", ("lips_closed", "silent_lips"))
    assert with_it["silero-vad"].startswith("6.2") and without["pocketsphinx"] == "none"
    assert {"pocketsphinx", "silero-vad"} & {*versions("cascade", ("psnr", "mtm"))} == set()
