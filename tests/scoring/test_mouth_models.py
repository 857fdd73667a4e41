"""Lip sync by landmarks: what stands in for SyncNet where its weights are not there, and as a sync filter."""

import json

import numpy as np
import pytest
from score_command import run, table
from talking_clips import Talking

import speechlip
from kept_progress import KeptProgress
from speechlip.errors import OptionError
from speechlip.media.probe import probe
from speechlip.preparing.options import PrepOptions
from speechlip.records import FaceTrack, Source
from speechlip.scoring import networks
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.sync.spoken import Spoken, SpokenMouth
from speechlip.scoring.sync.sync_filter import NOT_MEASURED, SYNC_UNDECIDED, SyncFilter, parse_filter
from zoo import RATE, read_clip, write_clip

LATE = -5
PHONES = ("--metrics", "lse", "--detector", "sidecar", "--workers", 1)


@pytest.fixture(scope="module")
def head(talking):
    """The longest clip of the corpus, once: a repeated one fits its own audio at more than one offset."""
    clip = max(talking.rglob("*.mp4"), key=lambda path: path.stat().st_size)
    with np.load(clip.with_name(clip.stem + ".landmarks.npz")) as sidecar:
        return Talking(clip, min(len(sidecar["landmarks"]), len(read_clip(clip)[1]) // 640))


@pytest.fixture(scope="module")
def clips(head, tmp_path_factory):
    """A synthetic head, its audio 5 frames late, and the same head before noise."""
    folder = tmp_path_factory.mktemp("mouths")
    head.write(folder / "late.mp4", audio=head.early(LATE))
    noise = np.random.default_rng(0).normal(0, 2000, len(head.audio)).astype(np.int16)
    head.write(folder / "noise.mp4", audio=noise)
    return folder


def test_without_weights_lip_sync_is_scored_by_phones_and_not_called_lse(
    head, clips, tmp_path, alone, capsys
):
    out = tmp_path / "out"
    assert run(clips, *PHONES, "-o", out) in (0, 3)  # of noise no phone may be heard
    said = capsys.readouterr()
    assert "lip sync is judged by phones (sync_… columns), which is no LSE" in said.err
    assert "models fetch syncnet_v2" in said.err and "sync confidence" in said.out and "LSE-C" not in said.out
    late, noise = table(out)
    assert late["sync_model"] == noise["sync_model"] == "phones"
    assert abs(int(late["offset_frames"]) - LATE) <= 1
    assert (
        float(late["offset_ms"]) == 40 * int(late["offset_frames"]) and late["offset_verdict"] == "audio late"
    )
    assert float(late["sync_p"]) < 0.05 and float(late["sync_confidence"]) > 0.1
    assert noise["offset_verdict"].startswith("undecided") or noise["reason"] == "sync: no speech"
    assert not any(row[name] for row in (late, noise) for name in ("lse_c", "lse_d", "lse_c_unpadded"))
    scores = json.loads((out / "scores.json").read_text())
    model = scores["sync_model"]
    assert (model["name"], model["is_lse"]) == ("phones", False) and len(model["sha256"]) == 64
    (track,) = scores["clips"][0]["tracks"]
    assert 15 - np.argmax(track["curve"]) == int(late["offset_frames"]) and len(track["confidence"]) == len(
        head.frames
    )
    assert "ofMouths" in (out / "report.html").read_text()


def test_syncnet_by_name_is_missing_with_the_reason(clips, tmp_path, alone):
    assert run(clips / "late.mp4", *PHONES, "--sync-model", "syncnet", "-o", tmp_path / "out") == 3
    (row,) = table(tmp_path / "out")
    assert row["reason"] == "lse: no SyncNet weights"


def test_the_offset_is_taken_out_again(clips, tmp_path, alone):
    first, again = tmp_path / "first", tmp_path / "again"
    assert run(clips / "late.mp4", *PHONES, "--fix-offset", "-o", first) == 0
    (moved,) = (first / "corrected").iterdir()
    (first / "corrected" / f"{moved.stem}.landmarks.npz").write_bytes(
        (clips / "late.landmarks.npz").read_bytes()
    )
    assert run(moved, *PHONES, "-o", again) == 0
    (row,) = table(again)
    assert abs(int(row["offset_frames"])) <= 1 and row["offset_verdict"] == "in sync"


@pytest.mark.parametrize(
    ("kind", "reason"), [("second", "too short"), ("still", "still mouth"), ("silent", "silence")]
)
def test_why_a_clip_has_no_number(head, tmp_path, alone, kind, reason):
    frames, audio, landmarks = head.frames[:75], head.audio[: 75 * 640], head.landmarks[:75]
    if kind == "second":
        frames, audio, landmarks = frames[:25], audio[: 25 * 640], landmarks[:25]
    elif kind == "still":
        frames, landmarks = np.repeat(frames[:1], 75, axis=0), np.repeat(landmarks[:1], 75, axis=0)
    else:
        audio = np.zeros_like(audio)
    clip = head.write(tmp_path / "clip.mp4", frames, audio, landmarks)
    scored = speechlip.score(clip, options=ScoreOptions(("lse",), detector="sidecar", sync_model="phones"))
    assert scored.missing == {"lse": reason} and scored.row.offset_frames is None


def test_boxes_have_no_mouth(head, clips, alone):
    options = ScoreOptions(("lse",), detector="cascade", sync_model="phones")
    scored = speechlip.score(clips / "late.mp4", options=options)
    assert scored.missing == {"lse": "no landmarks"}
    assert any("take --detector landmarker" in note for note in scored.detail.notes)
    progress = KeptProgress()
    alone_again = speechlip.score(
        clips / "late.mp4", options=ScoreOptions(("lse",), detector="cascade"), progress=progress
    )
    assert alone_again.missing == {"lse": "no landmarks"}
    (said,) = [line for line in progress.said if "not scored" in line]
    assert "detector cascade gives boxes only; take --detector landmarker, or speechlip models fetch" in said


def test_without_recogniser_and_weights_the_recogniser_is_named(clips, alone, monkeypatch):
    monkeypatch.setattr(networks, "there", lambda library: False)
    options = ScoreOptions(("lse",), detector="sidecar")
    scored = speechlip.score(clips / "late.mp4", options=options)
    assert scored.missing == {"lse": "no phone recogniser"}
    assert any("pip install pocketsphinx" in note for note in scored.detail.notes)


@pytest.mark.parametrize("given", [{"precision": "bf16", "device": "cpu"}, {"protocol": "wav2lip"}])
def test_what_is_asked_of_syncnet_has_no_stand_in(clips, alone, given):
    options = ScoreOptions(("lse",), detector="sidecar", **given)
    assert speechlip.score(clips / "late.mp4", options=options).missing == {"lse": "no SyncNet weights"}


def test_protocols_without_faces_are_refused():
    with pytest.raises(OptionError, match="protocol precropped looks for no face; with --sync-model phones"):
        ScoreOptions(("lse",), protocol="precropped", sync_model="phones")
    assert ScoreOptions(sync_model="auto") == ScoreOptions()


def verdicts(clip, head, **given):
    n = len(head.landmarks)
    boxes, seen = np.tile([10.0, 10, 90, 90], (n, 1)), np.zeros(n, bool)
    track = FaceTrack(0, boxes, np.ones(n), seen, head.landmarks)
    brief = FaceTrack(0, track.boxes[:30], track.scores[:30], track.interpolated[:30], head.landmarks[:30])
    judge = SyncFilter(parse_filter("conf>=0.1,abs(offset)<=3"), model="phones", **given)
    source = Source(clip, clip.name, "s")
    return judge(source, probe(clip), (track, brief), n)


def test_a_filter_keeps_what_it_can_judge(clips, head):
    late, brief = verdicts(clips / "late.mp4", head)
    assert late.refusal == "out of sync" and late.distance is None and late.offset_verdict == "audio late"
    assert (brief.refusal, brief.confidence) == (NOT_MEASURED, None)
    late, brief = verdicts(clips / "late.mp4", head, undecided="keep", correct=True)
    assert (
        late.refusal == "out of sync"
        and late.delay_frames == 0
        and brief.refusal == ""
        and "too short" in brief.detail
    )


@pytest.mark.parametrize(("undecided", "refusal"), [("keep", ""), ("drop", SYNC_UNDECIDED)])
def test_undecided_faces_are_kept_or_dropped(clips, head, undecided, refusal):
    noise, _ = verdicts(clips / "noise.mp4", head, undecided=undecided)
    if noise.confidence is None:  # no phone was heard at all
        refusal = refusal and NOT_MEASURED
    assert noise.refusal == refusal


def test_options_that_do_not_go_together():
    with pytest.raises(OptionError, match="--sync-model phones measures no distance; write conditions"):
        PrepOptions(sync_filter="dist<=9", sync_model="phones")
    with pytest.raises(OptionError, match="no --undecided 'maybe'; there are: keep, drop"):
        PrepOptions(sync_filter="conf>=0.2", undecided="maybe")
    with pytest.raises(OptionError, match="go with --sync-filter"):
        PrepOptions(undecided="keep")


def test_a_wall_has_no_face(tmp_path, alone):
    tone = (3000 * np.sin(np.arange(4 * RATE) / 9)).astype(np.int16)
    clip = write_clip(tmp_path / "wall.mp4", np.full((100, 120, 160, 3), 90, np.uint8), tone)
    scored = speechlip.score(clip, options=ScoreOptions(("lse",), detector="cascade", sync_model="phones"))
    assert scored.missing == {"lse": "no face"}


@pytest.fixture(scope="module")
def people(talking, tmp_path_factory):
    """Four synthetic speakers in folders of their own."""
    folder = tmp_path_factory.mktemp("people")
    for clip in sorted(talking.rglob("*.mp4")):
        there = folder / clip.parent.name / clip.name
        there.parent.mkdir(exist_ok=True)
        there.write_bytes(clip.read_bytes())
        sidecar = clip.with_name(clip.stem + ".landmarks.npz")
        there.with_name(sidecar.name).write_bytes(sidecar.read_bytes())
    return folder


def test_self_learns_from_the_other_speakers_of_the_folder(people, tmp_path, alone):
    out = tmp_path / "out"
    code = run(people, *PHONES, "--sync-model", "self", "-o", out)
    rows = table(out)
    judged = [row for row in rows if row["status"] == "scored"]
    assert code == (3 if len(judged) < len(rows) else 0) and len(judged) >= 2
    assert {row["reason"] for row in rows} <= {"", "sync: too short"}
    assert {row["sync_model"] for row in rows} == {"self"}
    assert all(row["sync_p"] and row["offset_verdict"] and not row["lse_c"] for row in judged)
    clips = json.loads((out / "scores.json").read_text())["clips"]
    assert sum(len(clip["tracks"]) for clip in clips) == len(judged)
    assert not any("not judged" in note for clip in clips for note in clip["notes"])
    again = tmp_path / "again"
    assert run(people, *PHONES, "--sync-model", "self", "-o", out) == code and table(out) == rows
    one = next(iter(sorted(people.iterdir())))
    assert run(one, *PHONES, "--sync-model", "self", "-o", again) == 3
    assert {row["reason"] for row in table(again)} <= {"sync: one speaker", "sync: too short"}


def test_self_has_nobody_to_learn_from_in_one_clip(clips, alone):
    options = ScoreOptions(("lse",), detector="sidecar", sync_model="self")
    scored = speechlip.score(clips / "late.mp4", options=options)
    assert scored.missing == {"lse": "one speaker"} and scored.row.reason == "sync: one speaker"
    assert any("learned on other speakers of the set" in note for note in scored.detail.notes)


def test_what_waits_goes_through_json():
    heard = np.random.default_rng(0).normal(size=(9, 40)).astype(np.float16)
    mouth = SpokenMouth(1, 3, heard[:5, :4])
    read = Spoken.read(json.loads(json.dumps(Spoken(heard, (mouth,)).as_dict())))
    assert np.array_equal(read.heard, heard) and np.array_equal(read.mouths[0].seen, mouth.seen)
    assert (read.mouths[0].track, read.mouths[0].start) == (1, 3)
