"""``prep-shards --speakers check`` and ``by-face``, and ``speechlip doubles --faces``."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import speechlip
import zoo
from here import in_this_process
from preparing import prep
from speechlip import recipes
from speechlip.commands.cli import speechlip as cli
from speechlip.editing.given import open_given
from speechlip.editing.new_videos import in_known_split
from speechlip.errors import OptionError
from speechlip.identity import find, network, video_faces
from speechlip.preparing.place.earlier_run import changed_since_the_plan
from speechlip.preparing.plan import inspecting
from speechlip.preparing.plan.written import at_their_places, dump_plan, load_plan
from speechlip.progress import SILENT
from speechlip.records import Source
from speechlip.shards.ledger_file import read_ledger

pytestmark = pytest.mark.early

SETTINGS = ("--detector", "sidecar", "--face-distance", "0.22", "--workers", 1)
BY_FACE = speechlip.PrepOptions(detector="sidecar", speakers="by-face", face_distance=0.22)


def run(*arguments):
    return CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def by_face(halves, tmp_path_factory):
    out = tmp_path_factory.mktemp("by-face") / "shards"
    result = prep(halves, "-o", out, "--speakers", "by-face", *SETTINGS)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def seen_once():
    """From here on videos are looked at in this process, and dlib once at each face."""
    known, embedding = {}, video_faces.embedding

    def remembered(image, landmarks):
        key = (image.tobytes(), landmarks.tobytes())
        if key not in known:
            known[key] = embedding(image, landmarks)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video_faces, "embedding", remembered)
        patch.setattr(inspecting, "outcomes", in_this_process)
        patch.setattr(find, "outcomes", in_this_process)
        yield


@pytest.fixture(scope="module")
def leaking(seen_once, halves, tmp_path_factory):
    """Names checked against faces; bob, who is ann, is declared in the test split."""
    folder = shutil.copytree(halves, tmp_path_factory.mktemp("leaking") / "videos")
    (folder / "metadata.csv").write_text("file,split\nbob/two.mp4,test\nann/one.mp4,train\n")
    out = folder.parent / "shards"
    result = prep(folder, "-o", out, "--speakers", "check", "--split", "train=1", *SETTINGS)
    assert result.exit_code == 0, result.output
    return folder, out, result


def test_a_speaker_is_a_face_and_in_one_split(by_face):
    rows = {row.source: row for row in read_ledger(by_face)}
    assert {name: row.speaker for name, row in rows.items()} == {
        "ann/one.mp4": "ann",
        "bob/two.mp4": "ann",
        "cleo/one.mp4": "cleo",
        "dan/two.mp4": "cleo",
        "eve/one.mp4": "eve",
        "eve/two.mp4": "eve",
    }
    assert rows["bob/two.mp4"].declared["speaker"] == "bob"
    assert len({(row.speaker, row.split) for row in rows.values()}) == 3
    assert speechlip.verify(by_face).ok
    assert "dlib" in " ".join(speechlip.verify(by_face).manifest.versions)
    assert "told apart by their faces" in " ".join((by_face / "README.md").read_text().split())


@pytest.fixture(scope="module")
def plan(seen_once, halves, tmp_path_factory):
    return speechlip.prepare_plan(halves, tmp_path_factory.mktemp("plan") / "out", BY_FACE)


def test_what_faces_look_like_is_written_nowhere(by_face, plan):
    """Names and one distance alone: no list of numbers in manifest, ledger or plan is as long as a face."""
    lines = list(dump_plan(plan, BY_FACE))
    assert load_plan(lines)[0] == plan

    def longest(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        own = sum(isinstance(each, float) for each in inner) if isinstance(value, list) else 0
        return max([own, *map(longest, inner)])

    rows = [json.loads(line) for line in (by_face / "ledger.jsonl").read_text().splitlines()]
    for written in ([*map(json.loads, lines)], json.loads((by_face / "manifest.json").read_text()), rows):
        assert longest(written) < 128


def test_a_second_run_finds_it_done_and_another_value_is_refused(by_face, halves):
    same = prep(halves, "-o", by_face, "--speakers", "by-face", *SETTINGS)
    assert same.exit_code == 0, same.output
    other = prep(halves, "-o", by_face, *SETTINGS)
    assert other.exit_code == 1 and "speakers was 'by-face', is now 'by-name'" in other.stderr


@pytest.mark.slow
def test_a_lost_shard_is_made_again(by_face, halves, tmp_path):
    out = shutil.copytree(by_face, tmp_path / "shards")
    shard = next((out / "data").glob("train-*.tar"))
    was = shard.read_bytes()
    shard.unlink()
    assert prep(halves, "-o", out, "--speakers", "by-face", *SETTINGS).exit_code == 0
    assert shard.read_bytes() == was


def test_a_run_goes_on_with_the_speakers_of_its_plan(halves, plan):
    sources = list(recipes.listed("folder", halves))
    assert changed_since_the_plan(sources, BY_FACE, plan, {}, False) == []
    assert at_their_places(plan, sources) == plan


def test_people_under_two_names_in_two_splits_are_said(leaking):
    _, out, result = leaking
    said = "the same person is seen under several names in different splits: ann (train) and bob (test)"
    assert f"{said}; --speakers by-face puts each into one split" in result.stderr
    verification = speechlip.verify(out)
    assert [each.speakers for each in verification.manifest.alike] == [("ann", "bob"), ("cleo", "dan")]
    assert verification.ok and said in str(verification)
    card = (out / "README.md").read_text()
    assert "**1 person is in more than one split**" in card and "`ann` (train), `bob` (test)" in card
    assert run("inspect-shards", out, "-o", out.parent / "page").exit_code == 0
    assert "the same face under ann=bob, cleo=dan" in (out.parent / "page" / "index.html").read_text()


@pytest.mark.slow
def test_what_was_compared_stays_known_after_an_edit(leaking, tmp_path):
    _, out, _ = leaking
    edit = ("edit", "select", out, "-o", tmp_path / "out", "--where", "speaker != 'eve'", "--quiet")
    assert run(*edit).exit_code == 0
    assert "ann (train) and bob (test)" in str(speechlip.verify(tmp_path / "out"))


@pytest.mark.slow
def test_by_face_cannot_bend_declared_splits(leaking, tmp_path):
    folder = shutil.copytree(
        leaking[0], tmp_path / "videos", ignore=shutil.ignore_patterns("cleo", "dan", "eve")
    )
    result = prep(folder, "-o", tmp_path / "out", "--speakers", "by-face", *SETTINGS)
    assert result.exit_code == 1
    assert "speaker 'ann' is declared in the splits 'train' and 'test'; a speaker belongs to" in result.stderr
    assert "and the face in 'bob/two.mp4' is theirs" in result.stderr


def test_a_video_that_shows_nobody_is_a_row_with_a_reason(seen_once, halves, tmp_path):
    folder = shutil.copytree(halves, tmp_path / "videos", ignore=shutil.ignore_patterns("cleo", "dan"))
    frames, audio = zoo.read_clip(folder / "eve" / "two.mp4")
    zoo.write_clip(folder / "eve" / "two.mp4", np.full_like(frames, 128), audio)
    plan = speechlip.prepare_plan(folder, tmp_path / "out", BY_FACE)
    ((_, refused),) = plan.refused
    assert refused.source.name == "eve/two.mp4"
    stage, reason, detail = refused.refusal
    assert (stage, reason) == ("plan", "unknown person")
    assert detail == "nobody can be told by face: in 6 images: face blurred 6 times"


def test_an_appended_video_of_a_renamed_speaker_goes_where_their_clips_are(by_face):
    given = open_given(by_face, SILENT)
    rows = {row.speaker: row.split for row in read_ledger(by_face)}
    for name, called in (("bob", "ann"), ("dan", "cleo"), ("eve", "eve")):
        assert in_known_split(Source("x", "x", name), given).split == rows[called]
    assert in_known_split(Source("x", "x", "zoe"), given).split is None


@pytest.mark.slow
def test_videos_are_appended_once_though_their_speakers_are_called_otherwise(by_face, halves, tmp_path):
    """One person, whose videos bear the name of somebody in the folder and one that is new."""
    for was, name in (("eve/one", "bob/three"), ("eve/two", "carl/four")):
        path = tmp_path / "in" / f"{name}.mp4"
        path.parent.mkdir(parents=True)
        frames, audio = zoo.read_clip(halves / f"{was}.mp4")
        zoo.write_clip(path, frames, audio // 2)
        shutil.copy(halves / f"{was}.landmarks.npz", path.with_suffix(".landmarks.npz"))
    edit = ("edit", "append", by_face, tmp_path / "in", "-o", tmp_path / "out", "--workers", 1, "--quiet")
    for _ in range(2):
        done = run(*edit)
        assert done.exit_code == 0, done.output
    rows = {row.source: row for row in read_ledger(tmp_path / "out")}
    assert rows["bob/three.mp4"].speaker == rows["carl/four.mp4"].speaker
    assert {rows[f"{name}.mp4"].split for name in ("bob/three", "carl/four")} == {rows["bob/two.mp4"].split}


@pytest.mark.slow
@pytest.mark.parametrize("doubles", ["drop", "mark"])
def test_a_double_of_a_video_that_shows_nobody_stays(halves, tmp_path, doubles):
    """Of two doubles that which is left out, since nobody can be told, is not the one that is kept."""
    folder = tmp_path / "videos"
    for name in ("ann/one", "later/one"):
        (folder / name).parent.mkdir(parents=True)
        for ending in (".mp4", ".landmarks.npz"):
            shutil.copy(halves / f"ann/one{ending}", folder / f"{name}{ending}")
    frames, audio = zoo.read_clip(folder / "ann" / "one.mp4")
    zoo.write_clip(folder / "ann" / "one.mp4", np.full_like(frames, 128), audio)
    plan = speechlip.prepare_plan(folder, tmp_path / "out", replace(BY_FACE, doubles=doubles))
    assert [(entry.source.name, entry.refusal[1:2]) for entry in plan.sources] == [
        ("later/one.mp4", ()),
        ("ann/one.mp4", ("unknown person",)),
    ]
    assert not plan.sources[0].double_of


def test_one_video_alone_is_one_person(seen_once, halves, tmp_path):
    plan = speechlip.prepare_plan(halves / "ann" / "one.mp4", tmp_path / "out", BY_FACE)
    assert [entry.source.speaker for entry in plan.sources] == ["one"]


def test_the_command_lists_people_under_two_names(seen_once, halves, tmp_path):
    result = run(
        *("doubles", halves, "--faces", "--detector", "sidecar", "--face-distance", 0.22, "--quiet"),
        *("--workers", 1),
        *("--csv", tmp_path / "people.csv"),
    )
    assert result.exit_code == 0
    first, *pairs = result.stdout.splitlines()
    assert first == "6 videos of 5 names: 3 people, 2 under several names"
    assert pairs[0].startswith("  ann = bob: distance 0.")
    assert pairs[1].startswith("  cleo = dan: distance 0.")
    rows = list(csv.DictReader((tmp_path / "people.csv").open()))
    assert [(row["source"], row["person"]) for row in rows][:3] == [
        ("ann/one.mp4", "0"),
        ("bob/two.mp4", "0"),
        ("cleo/one.mp4", "1"),
    ]


def test_shards_and_boxes_tell_nobody(by_face, halves, tmp_path):
    result = run("doubles", by_face, "--faces")
    assert result.exit_code == 1 and "people cannot be told: clips hold mouths" in result.stderr
    boxes = "landmarks are needed, and detector 'cascade' gives boxes only"
    result = run("doubles", halves, "--faces", "--detector", "cascade")
    assert result.exit_code == 1 and boxes in result.stderr
    result = prep(halves, "-o", tmp_path / "x", "--speakers", "by-face", "--detector", "cascade")
    assert result.exit_code == 1 and boxes in result.stderr


def test_without_the_extra_it_ends_with_what_to_type(halves, tmp_path, monkeypatch):
    monkeypatch.setattr("speechlip.libraries.there", lambda name: name != "dlib")
    network.weights_file.cache_clear()
    for said in (
        prep(halves, "-o", tmp_path / "out", "--speakers", "check", *SETTINGS),
        run("doubles", halves, "--faces", "--detector", "sidecar"),
    ):
        assert said.exit_code == 1 and "dlib is not installed: pip install -e '.[identity]'" in said.stderr
    assert not (tmp_path / "out" / "data").exists()


def test_options_that_do_not_go_are_refused():
    with pytest.raises(OptionError, match="a distance of faces lies above 0 and is at most 1"):
        speechlip.PrepOptions(face_distance=1.4)
    with pytest.raises(OptionError, match="take --split-by speaker"):
        speechlip.PrepOptions(speakers="check", split_by="time")
    with pytest.raises(OptionError, match="no --speakers 'face'; there are: by-name, check, by-face"):
        speechlip.PrepOptions(speakers="face")
