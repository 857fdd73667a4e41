"""Running a job again: what is compared with a begun and with a finished folder, of videos that are text."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from speechlip.errors import ModelError, ShardError
from speechlip.manifest import About
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.earlier_run import changed_since_the_plan
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.preparing.plan.written import write_plan
from speechlip.preparing.prepare import settle_detector
from speechlip.preparing.run_job import run_job
from speechlip.progress import SILENT
from speechlip.records import Source
from speechlip.shards.ledger_file import read_ledger, read_rows

ODD = "line\u2028and\u2029para\u0085graph.mp4"


def in_this_process(work, units, workers):
    for unit in units:
        work(unit, lambda source, seconds: None)
    return iter(())


@pytest.fixture
def videos(tmp_path):
    """Two videos that are none, the first with phones and landmarks beside it."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a.mp4", ODD, "a.TextGrid", "a.landmarks.npz"):
        (folder / name).write_text(f"this is {name}")
    beside = {"phones_path": folder / "a.TextGrid", "landmarks_path": folder / "a.landmarks.npz"}
    return [
        Source(folder / "a.mp4", "a.mp4", "anna", transcript="hello", **beside),
        Source(folder / ODD, ODD, "ben", licence="CC0-1.0"),
    ]


def run(out, sources, detector="sidecar"):
    job = Job(out, sources, PrepOptions(detector=detector), About())
    return run_job(job, in_this_process, 1, SILENT, lambda *made: None)


def test_a_video_copied_again_is_looked_at_by_the_limit_that_was_given(talking, tmp_path):
    options = PrepOptions(detector="cascade", max_picture_px=100)
    video = Path(shutil.copy(next(talking.rglob("*.mp4")), tmp_path / "a.mp4"))
    sources = [Source(video, "a.mp4", "anna")]
    plan = make_plan(sources, options)
    os.utime(video, (1, 1))
    assert [entry.refusal[1] for _, entry in plan.refused] == ["picture too large"]
    assert changed_since_the_plan(sources, options, plan, {}, accept_losses=False) == []


def begun(out, sources, detector="sidecar"):
    """A folder whose run was killed when the plan was written."""
    options = PrepOptions(detector=detector)
    (out / ".work").mkdir(parents=True)
    write_plan(out / ".work" / "plan.json", make_plan(sources, options), options)


def plan_of_an_older_release(out):
    """The plan in ``out`` as one JSON object; its path, to be written back."""
    path = out / ".work" / "plan.json"
    head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    n_units = len(head.pop("lines"))
    return path, head | {"units": lines[:n_units], "refused": lines[n_units:]}


def finished(out, sources, detector="sidecar"):
    run(out, sources, detector)


@pytest.mark.parametrize("before", [begun, finished])
def test_another_detector_is_refused(videos, tmp_path, before):
    before(tmp_path / "out", videos, "mediapipe")
    with pytest.raises(
        ShardError,
        match=r"out was made otherwise: detector was 'mediapipe', is now 'landmarker'\. Choose another -o",
    ):
        run(tmp_path / "out", videos, "landmarker")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (begun, "bring the sources back to what they were, and the same command goes on"),
        (finished, "take what is new in by `speechlip edit append`"),
    ],
)
def test_a_new_source_is_refused_without_a_call_to_delete_what_is_done(videos, tmp_path, before, words):
    before(tmp_path / "out", videos[:1])
    with pytest.raises(ShardError, match=rf" \(new\)\. Choose another -o, or {words}$"):
        run(tmp_path / "out", videos)


@pytest.mark.parametrize("before", [begun, finished])
def test_auto_goes_on_with_the_detector_of_the_earlier_run(videos, tmp_path, face_model, mediapipe, before):
    before(tmp_path / "out", videos, "mediapipe")
    assert settle_detector(PrepOptions(), tmp_path / "out", SILENT).detector == "mediapipe"
    assert settle_detector(PrepOptions(), tmp_path / "new", SILENT).detector == "landmarker"


def test_auto_says_what_to_do_where_that_detector_is_gone(videos, tmp_path, monkeypatch):
    begun(tmp_path / "out", videos, "mediapipe")
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(
        ModelError,
        match=r"out was begun with --detector mediapipe, and faces of two detectors are not mixed: mediapipe "
        r"is not installed: pip install -e '\.\[mediapipe\]' in the clone of speechlip; or choose another -o",
    ):
        settle_detector(PrepOptions(), tmp_path / "out", SILENT)
    finished(tmp_path / "done", videos, "mediapipe")
    assert settle_detector(PrepOptions(), tmp_path / "done", SILENT).detector == "mediapipe"


SAID = [
    ({"licence": "MIT"}, "licence"),
    ({"speaker": "zoe"}, "speaker"),
    ({"split": "test"}, "split"),
    ({"transcript": "bye"}, "transcript"),
]
SAID += [({"phones_path": None}, "phones"), ({"landmarks_path": None, "split": "test"}, "landmarks, split")]


@pytest.mark.parametrize("before", [begun, finished])
@pytest.mark.parametrize(("change", "what"), SAID)
def test_what_is_said_otherwise_is_refused_and_named(videos, tmp_path, before, change, what):
    before(tmp_path / "out", videos)
    with pytest.raises(
        ShardError, match=rf"1 source new, gone or changed: 'a.mp4' \({what}\)\. Choose another -o"
    ):
        run(tmp_path / "out", [replace(videos[0], **change), videos[1]])


@pytest.mark.parametrize("before", [begun, finished])
@pytest.mark.parametrize(
    ("name", "what"), [("a.TextGrid", "phones"), ("a.landmarks.npz", "landmarks"), ("a.mp4", "video")]
)
def test_other_content_beside_a_video_is_seen_whatever_its_time(videos, tmp_path, before, name, what):
    before(tmp_path / "out", videos)
    path = videos[0].path.with_name(name)
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_text(f"that is {name}" + " and longer" * (what == "video"))
    os.utime(path, ns=times)
    with pytest.raises(ShardError, match=rf"'a.mp4' \({what}\)"):
        run(tmp_path / "out", videos)


def test_an_option_that_an_older_release_did_not_have_is_what_it_did(videos, tmp_path):
    begun(tmp_path / "out", videos)
    path, plan = plan_of_an_older_release(tmp_path / "out")
    del plan["options"]["split_by"]
    path.write_text(json.dumps(plan))
    assert run(tmp_path / "out", videos).options["split_by"] == "speaker"


def test_new_and_gone_sources_are_told_apart(videos, tmp_path):
    run(tmp_path / "out", videos)
    with pytest.raises(
        ShardError, match=r"2 sources new, gone or changed: 'a.mp4' \(gone\), 'b.mp4' \(new\)"
    ):
        run(tmp_path / "out", [replace(videos[0], name="b.mp4"), videos[1]])


def test_touched_files_and_landmarks_that_no_detector_reads_are_no_change(videos, tmp_path):
    first = run(tmp_path / "out", videos, "cascade")
    for path in videos[0].path.parent.iterdir():
        path.touch()
    videos[0].landmarks_path.write_text("other")
    assert run(tmp_path / "out", videos, "cascade") == first


def test_the_same_inputs_give_the_same_bytes_whatever_their_times(videos, tmp_path):
    run(tmp_path / "one", videos)
    for path in videos[0].path.parent.iterdir():
        os.utime(path, (1, 1))
    run(tmp_path / "two", videos)
    for name in ("ledger.jsonl", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_begun_folder_goes_on_where_the_videos_are_now(videos, tmp_path):
    begun(tmp_path / "out", videos)
    moved = videos[0].path.parent.rename(tmp_path / "elsewhere")
    sources = [replace(source, path=moved / source.path.name) for source in videos]
    sources[0] = replace(
        sources[0], phones_path=moved / "a.TextGrid", landmarks_path=moved / "a.landmarks.npz"
    )
    assert run(tmp_path / "out", sources).funnel.skipped == {"probe: not a video file": 2}


def test_folders_of_older_releases_are_found_done_and_gone_on_with(videos, tmp_path):
    first = run(tmp_path / "out", videos)
    ledger = tmp_path / "out" / "ledger.jsonl"
    rows = [{name: value for name, value in row.items() if name != "declared"} for row in read_rows(ledger)]
    ledger.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert run(tmp_path / "out", videos) == first
    with pytest.raises(ShardError, match=r"'a.mp4' \(licence\)"):
        run(tmp_path / "out", [replace(videos[0], licence="MIT"), videos[1]])
    begun(tmp_path / "old", videos)
    plan, raw = plan_of_an_older_release(tmp_path / "old")
    for entry in (entry for unit in raw["units"] for entry in unit["sources"]):
        del entry["declared"], entry["key_digits"]
    plan.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ShardError, match=r"'a.mp4' \(transcript\)"):
        run(tmp_path / "old", [replace(videos[0], transcript="bye"), videos[1]])
    assert run(tmp_path / "old", videos) == first


def test_line_separators_in_names_end_no_row(videos, tmp_path):
    first = run(tmp_path / "out", videos)
    assert ODD in (tmp_path / "out" / "ledger.jsonl").read_text(encoding="utf-8"), (
        "the characters stand in the file as they are"
    )
    assert [row.source for row in read_ledger(tmp_path / "out")] == ["a.mp4", ODD]
    assert run(tmp_path / "out", videos) == first


def test_everything_is_read_as_utf_8_whatever_the_locale(videos, tmp_path, monkeypatch):
    """As under LANG=C without UTF-8 mode: text that is opened without an encoding would be read as ASCII."""
    begun(tmp_path / "out", videos)
    given = Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda self, encoding="ascii", errors=None: given(self, encoding=encoding, errors=errors),
    )
    first = run(tmp_path / "out", videos)
    assert (
        run(tmp_path / "out", videos) == first
        and list(read_rows(tmp_path / "out" / "ledger.jsonl"))[1]["source"] == ODD
    )
