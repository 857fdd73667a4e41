"""Metrics of lip motion by ``score-sync``: their columns, and every reason why one is missing."""

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
from speechlip.metrics.lips.opening import lip_opening
from speechlip.records import Face
from speechlip.scoring.clip.outcome import Outcome
from speechlip.scoring.clip.signals import Signals
from speechlip.scoring.columns import row_columns
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
    measured = Signals(Path("a.mp4"), None, 60, Outcome((seen, ())), Outcome()).landmarks
    assert np.abs(lip_opening(measured) - lip_opening(head.landmarks[:60])).max() < 1e-3
