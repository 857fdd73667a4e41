"""Videos and shards behind URLs, in fsspec's memory: the bytes are those of folders on this disk."""

from dataclasses import replace

import pytest
from hindered import contents, in_this_process

from preparing import prep
from speechlip.errors import HubError, OptionError, ShardError
from speechlip.preparing.ends import spool
from speechlip.preparing.ends.local import Ends
from speechlip.preparing.ends.spool import FETCHED, check_room, make_tree, on_disk, without_folders
from speechlip.preparing.plan.inspecting import inspect_in_turn
from speechlip.preparing.prep_run import PrepRun
from speechlip.progress import Silent
from speechlip.recipes.folder import sources
from speechlip.remote import patience
from speechlip.remote.stores import Store, StoredFile, store_at
from speechlip.workers.engines import AS_MANY_AS_FIT

OPTIONS = ("--recipe", "synthetic", "--detector", "sidecar", "--max-clip", "2s", "--workers", 1)


class Said(Silent):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def few(memory):
    """Two videos, a transcript and a table, as bytes that no decoder reads."""
    for name, content in {
        "a.mp4": b"a" * 100,
        "a.txt": b"hello",
        "b/c.mp4": b"c" * 300,
        "n.csv": b"x",
    }.items():
        memory.pipe_file(f"/talks/videos/{name}", content)
    return store_at("memory://talks/videos")


@pytest.fixture
def in_one_process(monkeypatch):
    """Memory is not shared between processes."""
    monkeypatch.setattr("speechlip.preparing.prep_run.get_engine", lambda *given: in_this_process)
    monkeypatch.setattr("speechlip.preparing.prepare.inspect_on", lambda *given: inspect_in_turn)
    for room in ("prepare", "prepare_array"):
        monkeypatch.setattr(f"speechlip.preparing.{room}.start_server", lambda: None)


def test_urls_give_the_bytes_of_folders(memory, talking, undisturbed, in_one_process, tmp_path, monkeypatch):
    memory.put(f"{talking}/", "/talks/videos/", recursive=True)
    work, held = tmp_path / "work", []
    fetch = spool.fetch_video

    def fetching(store, name, path, *given):
        fetch(store, name, path, *given)
        held.append(len(list((work / FETCHED).glob("*/*.mp4"))))

    monkeypatch.setattr(spool, "fetch_video", fetching)
    ends = ("memory://talks/videos", "-o", "memory://talks/shards", "--work", work)
    said = prep(*ends, *OPTIONS)
    assert (
        said.exit_code == 0 and f"uploaded to memory://talks/shards; {work / 'shards'} may be" in said.stdout
    )
    whole = contents(undisturbed)
    del whole["manifest.json"]  # the fixture's has no declarations and no card
    assert {name: digest for name, digest in contents(work / "shards").items() if name in whole} == whole
    there = {path.removeprefix("/talks/shards/"): memory.cat(path) for path in memory.find("/talks/shards")}
    here = {name: (work / "shards" / name).read_bytes() for name in contents(work / "shards")}
    assert there == here
    assert held == [1] * 8, "each of four videos was here twice, for the plan and for its unit, and alone"
    assert not list((work / FETCHED).iterdir())
    assert all(path.stat().st_blocks == 0 for path in (work / "videos").rglob("*.mp4"))
    assert "memory:" not in "".join(map(str, there.values())), "no shard, table or manifest names the place"
    assert prep(*ends, *OPTIONS).exit_code == 0 and len(held) == 8


def test_jobs_of_an_array_need_one_work_folder(talking, tmp_path):
    for step in (("--plan-only",), ("--units", "0::2"), ("--finish",)):
        said = prep(talking, "-o", "memory://talks/shards", *OPTIONS, *step)
        assert said.exit_code == 1 and "give all of them one --work DIR" in said.stderr


def test_file_urls_are_folders(talking, tmp_path):
    said = prep(f"file://{talking}", "-o", f"file://{tmp_path}/out", *OPTIONS, "--dry-run")
    assert said.exit_code == 0 and "4 videos" in said.stdout


@pytest.mark.parametrize(
    ("videos", "out", "words"),
    [
        ("memory://talks/videos", "memory://talks/videos/", "must not be the video folder itself"),
        ("memory://talks/nothing", "out", "there is nothing at memory://talks/nothing"),
        ("memory://talks/videos", "hf://ann/talks", "then `push-shards FOLDER ann/talks`"),
    ],
)
def test_ends_that_cannot_be_used_are_refused(few, videos, out, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = prep(videos, "-o", out, "--work", tmp_path / "work")
    assert said.exit_code == 1 and words in said.stderr


def test_the_tree_has_names_sizes_and_texts_and_follows_what_changes(few, memory, tmp_path):
    tree, largest = make_tree(few, tmp_path)
    assert largest == 300
    listed = {source.name: source for source in sources(tree)}
    assert list(listed) == ["a.mp4", "b/c.mp4"] and listed["a.mp4"].transcript == "hello"
    assert listed["b/c.mp4"].path.stat().st_size == 300 and listed["b/c.mp4"].path.stat().st_blocks == 0
    memory.rm("/talks/videos/b/c.mp4")
    memory.pipe_file("/talks/videos/a.txt", b"bye")
    tree, largest = make_tree(few, tmp_path)
    assert largest == 100
    assert [(source.name, source.transcript) for source in sources(tree)] == [("a.mp4", "bye")]


def test_a_video_is_here_while_it_is_read_also_for_two_at_once(few, tmp_path):
    tree, _ = make_tree(few, tmp_path)
    (tree / "a.json").write_text("{}")
    source = next(sources(tree))
    with on_disk(source) as one, on_disk(source) as two:
        assert one.path != two.path and one.name == source.name == "a.mp4"
        assert one.path.read_bytes() == two.path.read_bytes() == b"a" * 100
        assert one.path.with_suffix(".json").read_text() == "{}"
    assert not one.path.exists() and not two.path.exists() and source.path.stat().st_size == 100


def test_folders_of_the_users_own_are_no_tree_whatever_lies_beside_them(tmp_path):
    """``videos`` is the README's own name for a folder of videos."""
    video = tmp_path / "videos" / "a.mp4"
    video.parent.mkdir()
    video.write_bytes(b"a")
    for name in ("videos.json", "remote.json", "fetched"):
        (tmp_path / name).write_text('{"speaker": "ann"}')
    with on_disk(next(sources(video.parent))) as source:
        assert source.path == video


@pytest.mark.parametrize("name", ["videos", "fetched"])
def test_nothing_of_the_users_own_is_removed_from_the_work_folder(few, name, tmp_path):
    """``--work .`` beside a folder ``videos/``, the name that README gives it."""
    (tmp_path / name).mkdir()
    make_tree(few, tmp_path)  # an empty folder is nobody's
    own = tmp_path / "project" / name / "own" / "holiday.mp4"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"own")
    said = rf"project/{name} was there before, .* give --work a folder of its own"
    with pytest.raises(OptionError, match=said):
        make_tree(few, tmp_path / "project")
    assert own.read_bytes() == b"own"


def test_what_a_killed_worker_left_is_removed_and_what_is_read_stays(few, tmp_path):
    tree, _ = make_tree(few, tmp_path)
    (tmp_path / FETCHED / "left").mkdir(parents=True)
    (tmp_path / FETCHED / "left" / "a.mp4").write_bytes(b"a" * 100)
    with on_disk(next(sources(tree))) as source:
        make_tree(few, tmp_path)
        assert source.path.exists() and not (tmp_path / FETCHED / "left").exists()


def test_one_video_is_taken_with_what_lies_beside_it(few, memory, tmp_path):
    memory.pipe_file("/talks/videos/ab.mp4", b"ab")
    path, _ = make_tree(store_at("memory://talks/videos/a.mp4"), tmp_path)
    assert path.name == "a.mp4" and sorted(each.name for each in path.parent.iterdir()) == ["a.mp4", "a.txt"]


def test_the_folder_of_the_shards_is_left_out(few, memory, tmp_path):
    memory.pipe_file("/talks/videos/shards/data/x.mp4", b"x")
    tree, _ = make_tree(few, tmp_path, exclude="memory://talks/videos/shards")
    assert not (tree / "shards").exists()


def test_a_video_without_a_known_ending_is_told_by_its_first_bytes(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "MAX_BESIDE_BYTES", 5000)
    memory.pipe_file("/talks/videos/tape", b"\x1aE\xdf\xa3" + bytes(9000))
    tree, largest = make_tree(store_at("memory://talks/videos"), tmp_path)
    assert largest == 9004 and [source.name for source in sources(tree)] == ["tape"]


def test_a_file_may_become_a_folder_and_empty_marks_of_folders_are_none(few, memory, tmp_path):
    make_tree(few, tmp_path)
    memory.rm("/talks/videos/a.mp4")
    memory.rm("/talks/videos/b/c.mp4")
    for name, content in {"a.mp4/own.mp4": b"own", "b": b"file"}.items():
        memory.pipe_file(f"/talks/videos/{name}", content)
    listed = {source.name for source in sources(make_tree(few, tmp_path)[0])}
    assert listed == {"a.mp4/own.mp4"} and (tmp_path / "videos" / "b").read_bytes() == b"file"


def test_what_is_a_file_and_a_folder_elsewhere_is_refused_unless_it_is_an_empty_mark(few):
    files = [StoredFile("b", 0, 0), StoredFile("b/c.mp4", 3, 0)]
    assert without_folders(few, files) == files[1:]
    with pytest.raises(OptionError, match="'b' in memory://talks/videos is a file and a folder"):
        without_folders(few, [StoredFile("b", 1, 0), *files[1:]])


def test_names_that_lead_out_of_the_tree_are_refused(few, monkeypatch, tmp_path):
    hostile = StoredFile("../../evil.mp4", 3, 0)
    monkeypatch.setattr(Store, "files", lambda store, name="": [hostile])
    with pytest.raises(OptionError, match=r"'\.\./\.\./evil\.mp4' in memory://talks/videos cannot be"):
        make_tree(few, tmp_path / "work")
    assert not (tmp_path / "evil.mp4").exists()


def test_a_video_that_changes_or_goes_away_stops_the_run(few, memory, monkeypatch, tmp_path):
    monkeypatch.setattr(patience, "_pause", lambda pause_s: None)
    tree, _ = make_tree(few, tmp_path)
    source = next(sources(tree))
    memory.pipe_file("/talks/videos/a.mp4", b"b" * 101)
    with pytest.raises(ShardError, match="was changed since it was listed"), on_disk(source):
        raise AssertionError
    memory.rm("/talks/videos/a.mp4")
    with pytest.raises(HubError, match=r"there is no memory://talks/videos/a\.mp4"), on_disk(source):
        raise AssertionError
    assert not list((tmp_path / FETCHED).iterdir())


def test_workers_are_as_many_as_the_spool_holds_of_the_largest_video():
    told = Said()
    assert check_room(0, 8, 1, told) == 8 and check_room(10, 2, 20, told) == 2 and not told.said
    assert check_room(10, 8, 25, told) == 2 and "2 of 8 workers" in told.said[0]
    with pytest.raises(OptionError, match="the largest video has 26 bytes and --spool 25"):
        check_room(26, 1, 25, told)


def test_a_cluster_takes_as_many_units_as_the_spool_holds(tmp_path):
    told = Said()
    run = PrepRun("auto", "ray", progress=told)
    elsewhere = Ends(tmp_path, tmp_path, None, largest=10, spool_bytes=205)
    assert run.units_at_once(elsewhere, here=2) == 20
    assert told.said == ["at most 20 units at a time: --spool holds so many of the largest video"]
    assert replace(run, workers=2).units_at_once(elsewhere, here=2) == 2
    assert replace(run, engine="local").units_at_once(elsewhere, here=2) == 2
    assert run.units_at_once(replace(elsewhere, largest=0), here=2) == AS_MANY_AS_FIT
