"""Shards, manifest, ledger and plan that get lost: made again as they were, or said with what to do."""

import json
import os
import shutil

import pytest
from hindered import contents, dying_at, leave, rows, run, stopping_after

from speechlip.errors import ShardError

# shards that get lost


@pytest.mark.parametrize("damage", ["missing", "cut", "all missing"])
def test_shards_of_a_finished_folder_that_are_missing_or_cut_are_made_again(videos, out, undisturbed, damage):
    shards = sorted((out / "data").glob("*.tar"))
    for shard in shards if damage == "all missing" else shards[1:2]:
        if damage == "cut":
            os.truncate(shard, 1000)
        else:
            shard.unlink()
    _, left_s = run(videos, out)
    assert contents(out) == contents(undisturbed)
    assert damage == "all missing" or left_s < sum(row["seconds"] for row in rows(out).values())


def test_a_shard_that_comes_out_otherwise_is_not_put_in_place(videos, out):
    shard = sorted((out / "data").glob("*.tar"))[0]
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["shards"][[row["name"] for row in manifest["shards"]].index(shard.name)]["sha256"] = "0" * 64
    manifest["versions"] |= {"av": "0.1", "of-an-older-release": "2.0"}
    manifest.pop("digest", None)
    (out / "manifest.json").write_text(json.dumps(manifest))
    shard.unlink()
    with pytest.raises(
        ShardError,
        match=rf"{shard.name} was made again and came out otherwise "
        r"\(av was 0\.1, is .*; of-an-older-release was 2\.0, is not installed\).*restore it from a copy",
    ):
        run(videos, out)
    assert not shard.exists()


@pytest.mark.parametrize("where", ["work", "data"])
def test_an_unfinished_folder_without_a_tar_makes_it_again(videos, undisturbed, tmp_path, where):
    out = tmp_path / "out"
    if where == "data":
        with pytest.raises(KeyboardInterrupt):
            run(videos, out, write_card=lambda *made: leave(out))
        sorted((out / "data").glob("*.tar"))[1].unlink()
    else:
        with pytest.raises(KeyboardInterrupt):
            run(videos, out, stopping_after(3, KeyboardInterrupt()))
        sorted((out / ".work").glob("*.tar"))[1].unlink()
    run(videos, out)
    assert contents(out) == contents(undisturbed)


def test_shards_of_an_end_that_comes_out_otherwise_leave_nothing_behind(videos, undisturbed, tmp_path):
    """Killed with losses accepted and three shards in place; then the fourth comes out after all."""
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(
            videos,
            out,
            dying_at("speaker-001/clip-000.mp4", 2),
            accept_losses=True,
            write_card=lambda *made: leave(out),
        )
    run(videos, out)
    assert contents(out) == contents(undisturbed)


# manifest, ledger, plan


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "manifest.json",
            None,
            r"no manifest\.json, without which nobody knows whether they are whole: "
            "restore it from a copy, or delete",
        ),
        ("manifest.json", "", r"manifest\.json is not JSON .*prepare"),
        (
            "ledger.jsonl",
            None,
            r"ledger\.jsonl cannot be read .*restore it from a copy, or delete the folder",
        ),
        ("ledger.jsonl", "", r"ledger\.jsonl has 0 rows, manifest\.json counts 4; restore it"),
        ("ledger.jsonl", "[]\n" * 4, r"ledger\.jsonl cannot be read|ledger\.jsonl has 0 rows"),
    ],
)
def test_a_finished_folder_that_lost_its_papers_says_what_to_do(videos, out, name, text, words):
    (out / name).unlink() if text is None else (out / name).write_text(text)
    with pytest.raises(ShardError, match=words):
        run(videos, out)


@pytest.mark.parametrize(
    "name", ["README.md", "pairs/mine.parquet", "card/me.png", "data/a.tar", "clips.parquet"]
)
def test_files_of_the_users_own_are_not_replaced(videos, tmp_path, name):
    """``-o .`` in a project of theirs."""
    own = tmp_path / "project" / name
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    words = rf"project holds {name.partition('/')[0]}, which no unfinished run of prep-shards left there"
    with pytest.raises(ShardError, match=words):
        run(videos, tmp_path / "project")
    assert own.read_text() == "mine" and not (tmp_path / "project" / ".work").exists()


@pytest.mark.parametrize("text", [None, "", "{}", "[1]"])
def test_an_unfinished_folder_that_lost_its_plan_says_what_to_do(videos, unfinished, undisturbed, text):
    path = unfinished / ".work" / "plan.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(
        ShardError, match=rf"plan\.json.*delete {path.parent}, and the same command begins anew"
    ):
        run(videos, unfinished)
    shutil.rmtree(path.parent)
    run(videos, unfinished)
    assert contents(unfinished) == contents(undisturbed)


def test_a_result_that_was_emptied_is_made_again(videos, unfinished, undisturbed):
    sorted((unfinished / ".work").glob("t*.json"))[0].write_text("")
    run(videos, unfinished)
    assert contents(unfinished) == contents(undisturbed)


def test_videos_that_were_copied_again_go_on_and_others_of_the_same_size_do_not(
    videos, unfinished, undisturbed
):
    for number, path in enumerate(sorted(videos.rglob("*.mp4"))):
        os.utime(path, (number, number))
    made = {path: path.stat().st_mtime_ns for path in (unfinished / ".work").glob("*.tar")}
    (row, *_) = json.loads(sorted((unfinished / ".work").glob("t*-00000.json"))[0].read_text())["rows"]
    one = videos / row["source"]
    content = one.read_bytes()
    one.write_bytes(content[:-9] + b"otherwise")
    with pytest.raises(ShardError, match=rf"1 source new, gone or changed: '{row['source']}' \(video\)"):
        run(videos, unfinished)
    assert {path: path.stat().st_mtime_ns for path in (unfinished / ".work").glob("*.tar")} == made
    one.write_bytes(content)
    _, left_s = run(videos, unfinished)
    assert left_s < sum(row["seconds"] for row in rows(unfinished).values())
    assert contents(unfinished) == contents(undisturbed)
