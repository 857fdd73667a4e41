"""``speechlip edit select``: the chosen samples byte for byte, everything that describes them made anew."""

import json

import pyarrow.parquet
import pytest
from folders import digests, ledger, manifest, members, run, write

import speechlip
from speechlip.errors import OptionError, ShardError
from speechlip.shards.checks.verify import verify
from speechlip.shards.pairs.freeze import freeze_pairs
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.pairs.rules import PairClip

WHERE = "n_frames >= 24 and speaker != 'ben'"


@pytest.fixture(scope="module")
def selected(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("selected") / "out"
    done = run("select", shards, "-o", out, "--where", WHERE)
    assert done.exit_code == 0, done.output
    assert "− not selected" in done.stdout and "= kept" in done.stdout
    return out


def test_samples_are_copied_byte_for_byte(shards, selected):
    before, after = members(shards), members(selected)
    keys = {name.partition(".")[0] for name in after}
    assert len(keys) == 8
    assert after == {name: member for name, member in before.items() if name.partition(".")[0] in keys}
    for name, (_, content) in after.items():
        if name.count(".") == 1 and name.endswith(".json"):
            said = json.loads(content)
            assert said["n_frames"] >= 24 and said["speaker"] != "ben"


def test_the_result_is_sound_and_says_where_it_comes_from(shards, selected):
    report = verify(selected)
    assert report.ok and report.clips == 8, report.problems
    edits = manifest(selected)["edited"]
    assert edits == [
        {"operation": "select", "of": [manifest(shards)["digest"]], "arguments": {"where": WHERE}}
    ]
    assert manifest(selected)["options"] == manifest(shards)["options"]
    assert "clips.parquet" in (selected / "croissant.json").read_text()
    card = (selected / "README.md").read_text()
    assert f"- `speechlip edit select`, where `{WHERE}`" in card
    assert "The same videos, options and versions" not in card


def test_the_ledger_counts_what_is_not_selected(shards, selected):
    before, after = ledger(shards), ledger(selected)
    assert list(after) == list(before)
    ann, ben = after["ann.mp4"], after["ben.mp4"]
    assert (ann["clips"], ann["clip_frames"], ann["clip_seconds"]) == (2, [24, 28], 52 / 25)
    assert (ann["seconds_kept"], ann["dropped"]["not selected"]) == (52 / 25, 20 / 25)
    assert ann["face_widths_px"] == [110, 160] and ann["interpolated_seconds"] == round(11 / 25, 2)
    assert (ben["status"], ben["stage"], ben["reason"]) == ("skipped", "edit", "not selected")
    assert (ben["clips"], ben["seconds_kept"], ben["dropped"]["not selected"]) == (0, 0, 72 / 25)
    for row in after.values():
        assert row["seconds"] == pytest.approx(row["seconds_kept"] + sum(row["dropped"].values()))


def test_pairs_are_those_of_the_rules_for_what_is_left(selected):
    clips = [
        PairClip(
            said["key"], said["speaker"], said["source_sha256"], round(said["start_s"] * 25), said["n_frames"]
        )
        for name, (_, content) in members(selected).items()
        if name.count(".") == 1
        and name.endswith(".json")
        and (said := json.loads(content))["speaker"] in "di eve"
    ]
    assert len(clips) == 4
    assert read_pairs(selected / "pairs" / "test.parquet") == freeze_pairs(clips, 0).rows


def test_the_table_of_clips_has_new_places_and_old_numbers(shards, selected):
    places = {"shard", "byte_offset", "byte_length"}
    before, after = (
        {
            row["key"]: {name: value for name, value in row.items() if name not in places}
            for row in pyarrow.parquet.read_table(folder / "clips.parquet").to_pylist()
        }
        for folder in (shards, selected)
    )
    assert after == {key: row for key, row in before.items() if key in after} and len(after) == 8


def test_an_overlap_of_two_clips_counts_once(tmp_path):
    folder = write(tmp_path / "in", {"ann": "train"}, starts=(0, 10, 60))
    done = run("select", folder, "-o", tmp_path / "out", "--where", "start_s != 0.4", "--quiet")
    assert done.exit_code == 0 and verify(tmp_path / "out").ok
    before, after = ledger(folder)["ann.mp4"], ledger(tmp_path / "out")["ann.mp4"]
    assert before["seconds_kept"] == (34 + 28) / 25
    assert after["seconds_kept"] == (20 + 28) / 25 and after["dropped"]["not selected"] == 14 / 25


def test_the_same_call_again_changes_nothing_and_another_is_refused(shards, tmp_path):
    out = tmp_path / "out"
    given = ("select", shards, "-o", out, "--where", "n_frames = 20", "--quiet")
    assert run(*given).exit_code == 0
    before = digests(out)
    assert run(*given).exit_code == 0 and digests(out) == before
    other = run("select", shards, "-o", out, "--where", "n_frames = 24")
    assert other.exit_code == 1 and "is a finished folder that another command made" in other.stderr
    assert digests(out) == before


def test_edits_of_edits_are_all_noted(selected, tmp_path):
    prepared = speechlip.select_clips(selected, tmp_path / "out", "n_frames = 28")
    first, second = prepared.manifest.edited
    assert (first.arguments, second.arguments) == ({"where": WHERE}, {"where": "n_frames = 28"})
    assert second.of == (manifest(selected)["digest"],) and prepared.clips == 4


def test_words_on_the_card_stay(shards, tmp_path):
    folder = tmp_path / "in"
    write(folder, {"ann": "train"})
    card = folder / "README.md"
    marked = card.read_text().replace("yours: begin -->\n", "yours: begin -->\nAsk Ada first.\n")
    card.write_text(marked)
    speechlip.select_clips(folder, tmp_path / "out", "n_frames = 28")
    assert "Ask Ada first." in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("seconds > 60", "none of 15 clips fulfils 'seconds > 60', so nothing is written"),
        ("lenght > 3", "no column 'lenght'; there are: key, split"),
        ("__import__('os')", "there is no function '__import__'"),
    ],
)
def test_what_selects_nothing_is_refused(shards, tmp_path, where, message):
    done = run("select", shards, "-o", tmp_path / "out", "--where", where)
    assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_everything_may_be_selected(shards, tmp_path):
    prepared = speechlip.select_clips(shards, tmp_path / "out", "seconds > 0")
    assert prepared.clips == 15 and members(tmp_path / "out") == members(shards)


def test_nothing_is_written_into_a_folder_in_use(shards, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ShardError, match="is not empty, and no edit began it"):
        speechlip.select_clips(shards, tmp_path, "n_frames = 20")
    with pytest.raises(ShardError, match="which stays as it is; give the result a folder of its own"):
        speechlip.select_clips(shards, shards / "inner", "n_frames = 20")
    with pytest.raises(OptionError, match="where is None, wanted text"):
        speechlip.select_clips(shards, tmp_path / "out", None)


def test_prep_shards_does_not_go_on_with_an_edited_folder(selected, talking):
    from preparing import prep

    done = prep(talking, "-o", selected, "--detector", "cascade")
    assert done.exit_code == 1 and "was edited (select)" in done.stderr
