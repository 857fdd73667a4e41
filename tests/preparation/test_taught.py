"""``--sync-model self`` in preparation: the set teaches, then each video is judged by others' lessons."""

from pathlib import Path

import numpy as np
import pytest

import speechlip
from kept_progress import KeptProgress
from preparing import prep
from speechlip.errors import OptionError
from speechlip.lipsync.learned import LEAST_FRAMES, SpokenFace, foretold, heard, judge_each, learn, seen
from speechlip.preparing.cut.speaker import expected_of
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.teaching import teachers, write_taught
from speechlip.preparing.plan.units import Plan, Unit
from speechlip.records import Source
from speechlip.scoring.sync.lessons import read_lessons, write_lessons
from speechlip.shards.ledger_file import read_ledger
from zoo import read_clip

SELF = ("--detector", "sidecar", "--sync-model", "self", "--workers", 1)


@pytest.fixture(scope="module")
def taught(talking, tmp_path_factory):
    """The corpus, prepared with what it taught itself; nothing is dropped."""
    out = tmp_path_factory.mktemp("taught") / "out"
    done = prep(talking, "-o", out, *SELF, "--sync-filter", "conf>=-9", "--undecided", "keep", "--quiet")
    assert done.exit_code == 0, done.output
    return out


def faces_in(talking):
    """Name → face, read without the preparation."""
    for clip in sorted(talking.rglob("*.mp4")):
        with np.load(clip.with_name(clip.stem + ".landmarks.npz")) as sidecar:
            landmarks = sidecar["landmarks"]
        if len(landmarks) >= LEAST_FRAMES:
            audio = read_clip(clip)[1][: 640 * len(landmarks)]
            yield (
                clip.relative_to(talking).as_posix(),
                SpokenFace(clip.parent.name, heard(audio), seen(landmarks)),
            )


def test_every_clip_is_judged_as_its_set_taught(taught, talking):
    faces = dict(faces_in(talking))
    wanted = dict(zip(faces, judge_each([*faces.values()]), strict=True))
    said = {row.source: row.sync[0] for row in read_ledger(taught)}
    assert len(wanted) > 1 and {verdict.model for verdict in said.values()} == {"self"}
    for name, verdict in said.items():
        if name in wanted:
            assert abs(verdict.offset_frames - wanted[name].offset_frames) <= 1
            assert verdict.confidence == pytest.approx(wanted[name].confidence, abs=0.05)
            assert verdict.p == pytest.approx(wanted[name].p, abs=0.03)
        else:
            assert verdict.p is None and "too short" in verdict.detail
    assert not (taught / ".work").exists()


def test_p_and_model_are_columns(taught):
    judged = speechlip.clips(taught, "sync_p <= 1 and sync_model = 'self'")
    unjudged = speechlip.clips(taught, "sync_model = 'self' and sync_p is null")
    assert len(judged) > 1 and len(judged) + len(unjudged) == len(speechlip.clips(taught))
    assert all(0.005 <= row["sync_p"] <= 1 for row in judged.rows)


def test_another_run_finds_it_done(taught, talking):
    before = {path: path.stat().st_mtime_ns for path in taught.rglob("*")}
    done = prep(talking, "-o", taught, *SELF, "--sync-filter", "conf>=-9", "--undecided", "keep", "--quiet")
    assert done.exit_code == 0 and {path: path.stat().st_mtime_ns for path in taught.rglob("*")} == before
    other = prep(talking, "-o", taught, "--detector", "sidecar")
    assert other.exit_code == 1 and "sync_model" in other.stderr


def test_one_speaker_is_refused_before_anything_is_made(talking, tmp_path):
    one = next(clip for clip in sorted(talking.rglob("*.mp4")))
    done = prep(one, "-o", tmp_path / "out", *SELF, "--sync-filter", "conf>=0.1")
    assert done.exit_code == 1 and "--sync-model self: what a mouth does is learned on other" in done.stderr
    assert not (tmp_path / "out" / "data").exists()


def planned(name, speaker, **more):
    return PlannedSource(Source(Path(name), name, speaker), 1, 1, 100.0, **more)


def test_one_video_of_each_speaker_teaches_first():
    sources = [
        planned("a1", "a"),
        planned("a2", "a"),
        planned("b1", "b", first_frame=50),
        planned("b1", "b", stop_frame=50),
        planned("c1", "c", double_of="a1"),
        *(planned(f"d{number:02}", "d") for number in range(90)),
    ]
    units = (Unit("train", 0, tuple(sources[:3])), Unit("test", 0, tuple(sources[3:])))
    names = [entry.source.name for entry in teachers(Plan(units, False))]
    assert names[:5] == ["a1", "b1", "d00", "a2", "d01"] and names[-1] == "d56" and len(names) == 60


def test_where_nobody_can_teach_nothing_is_measured_and_it_is_said(tmp_path):
    plan = Plan((Unit("train", 0, (planned("a", "a"), planned("b", "b"))),), False)
    progress, file = KeptProgress(), tmp_path / "lessons.json"
    write_taught(file, plan, PrepOptions(detector="sidecar"), lambda tasks, report: [(), ()], progress)
    assert any("learned nothing: of 2 videos, less than two speakers" in line for line in progress.said)
    assert read_lessons(file) is None
    silent = np.zeros(1280, np.int16)
    assert expected_of(silent, Source(Path("a"), "a", "a"), file).tolist() == np.zeros((2, 4)).tolist()


def test_a_kept_file_is_what_was_learned(tmp_path):
    random = np.random.default_rng(0)
    faces = [SpokenFace(name, random.normal(size=(60, 40)), random.normal(size=(60, 4))) for name in "äb"]
    written = write_lessons(tmp_path / "lessons.json", faces)
    read = read_lessons(tmp_path / "lessons.json")
    assert np.array_equal(read.weights, written.weights) and read.folds == written.folds == {"b": 0, "ä": 1}
    assert np.array_equal(read.of("nobody"), read.weights[0])
    one = tmp_path / "one.json"
    assert write_lessons(one, faces[:1]) is None and read_lessons(one) is None


def test_who_speaks_may_be_told_by_self_alone():
    assert PrepOptions(faces="speaking", sync_model="self").learns
    assert not PrepOptions(faces="speaking", sync_model="phones").learns
    for given in ({"sync_model": "self"}, {"faces": "speaking", "sync_model": "self", "undecided": "keep"}):
        with pytest.raises(OptionError, match="go with --sync-filter"):
            PrepOptions(**given)
    with pytest.raises(OptionError, match="--sync-model self measures no distance"):
        PrepOptions(sync_filter="dist<=9", sync_model="self")


def test_what_a_mouth_should_do_is_told_by_the_others(tmp_path):
    random, file = np.random.default_rng(1), tmp_path / "lessons.json"
    faces = [SpokenFace(name, random.normal(size=(60, 40)), random.normal(size=(60, 4))) for name in "ab"]
    write_lessons(file, faces)
    audio = random.integers(-999, 999, 640 * 60).astype(np.int16)
    expected = expected_of(audio, Source(Path("x"), "x", "a"), file)
    assert np.array_equal(expected, foretold(heard(audio), learn(faces[1:])))


@pytest.mark.slow
def test_the_smaller_face_that_speaks_is_taken_by_self(real_cases, real_clips, face_model, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for path in (
        real_cases / "two_people.mp4",
        *real_clips.glob("[hlv]*_[12].mp4"),
        real_clips / "latentsync_demo3.mp4",
    ):
        (videos / path.name).symlink_to(path.resolve())
    prepared = speechlip.prepare(videos, tmp_path / "out", PrepOptions(faces="speaking", sync_model="self"))
    row = next(row for row in prepared.rows if row.source == "two_people.mp4")
    assert max(row.face_widths_px) < 200, "128 px the one who speaks, 257 the other"
