"""``speechlip edit annotate``: columns of one's own in every json; every other member byte for byte."""

import json

import pytest
from folders import manifest, members, run, write

import speechlip
from speechlip.shards.checks.verify import verify


def is_json(name):
    return name.count(".") == 1 and name.endswith(".json")


def table(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_column_by_speaker(shards, tmp_path):
    given = table(tmp_path / "moods.csv", 'speaker,mood,age\nann,calm,31\ndi,"cross, loud",9\n')
    done = run("annotate", shards, "-o", tmp_path / "out", "--csv", given)
    assert done.exit_code == 0 and "9 clips without a row in moods.csv: empty text there" in done.stderr
    assert verify(tmp_path / "out").ok
    before, after = members(shards), members(tmp_path / "out")
    assert list(before) == list(after)
    for name, (header, content) in after.items():
        if not is_json(name):
            assert (header, content) == before[name]
            continue
        was, said = json.loads(before[name][1]), json.loads(content)
        wanted = {"ann": ("calm", "31"), "di": ("cross, loud", "9")}.get(said["speaker"], ("", ""))
        assert (said.pop("mood"), said.pop("age")) == wanted and said == was
    assert manifest(tmp_path / "out")["columns"] == ["age", "mood"]
    asked = speechlip.clips(tmp_path / "out", "number(age) > 18 and mood = 'calm'")
    assert {row["speaker"] for row in asked.rows} == {"ann"} and len(asked) == 3


def test_by_key_and_in_place_of_what_is_there(tmp_path):
    folder = write(tmp_path / "in", {"ann": "train"}, more={"mood": "calm"})
    key = next(name.partition(".")[0] for name in members(folder))
    given = table(tmp_path / "table.csv", f"key,mood\n{key},cross\n")
    done = run("annotate", folder, "-o", tmp_path / "out", "--csv", given)
    assert done.exit_code == 1 and "the clips have a column 'mood' already; rename it, or take" in done.stderr
    assert run("annotate", folder, "-o", tmp_path / "out", "--csv", given, "--replace").exit_code == 0
    moods = {row["key"]: row["mood"] for row in speechlip.clips(tmp_path / "out").rows}
    assert moods.pop(key) == "cross" and {*moods.values()} == {""}
    assert verify(tmp_path / "out").ok


def test_what_was_annotated_merges_with_what_was_prepared_so(tmp_path):
    plain = write(tmp_path / "plain", {"ann": "train"})
    told = write(tmp_path / "told", {"ben": "train"}, more={"mood": "calm"})
    moods = table(tmp_path / "moods.csv", "source,mood\nann.mp4,sad\n")
    speechlip.annotate_clips(plain, tmp_path / "both", moods)
    merged = speechlip.merge_shards([tmp_path / "both", told], tmp_path / "out")
    assert merged.clips == 6 and verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speaker,mood\nzoe,calm\n", "1 row of the table of a speaker that no clip has: 'zoe'"),
        ("speaker,mood\nann,calm\nann,sad\n", "line 3 of the table names speaker 'ann' once more"),
        ("speaker,licence\nann,mine\n", "a column is called 'licence', which every sample has of its own"),
        ("who,mood\nann,calm\n", "has the columns who, mood and 1 row; wanted one of key, source, speaker"),
        ("speaker\nann\n", "wanted one of key, source, speaker, at least one more column"),
        ("speaker,mood\n", "has the columns speaker, mood and 0 rows"),
        ("speaker,mood\nann\n", "line 2 has not the 2 cells of its first line"),
        ("speaker,mood\nann,calm,more\n", "line 2 has not the 2 cells of its first line"),
        ("speaker,mood,mood\nann,calm,sad\n", "has a column twice among speaker, mood, mood"),
        ("speaker,\nann,calm\n", "a column is called ''"),
    ],
)
def test_what_is_no_table_of_these_clips(shards, tmp_path, text, message):
    given = table(tmp_path / "table.csv", text)
    done = run("annotate", shards, "-o", tmp_path / "out", "--csv", given)
    assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_table_that_is_not_there_or_in_another_encoding(shards, tmp_path):
    (tmp_path / "latin.csv").write_bytes("speaker,mood\nann,gaîté\n".encode("latin-1"))
    done = run("annotate", shards, "-o", tmp_path / "out", "--csv", tmp_path / "latin.csv")
    assert done.exit_code == 1 and "invalid continuation byte; save it as CSV in UTF-8" in done.stderr
    done = run("annotate", shards, "-o", tmp_path / "out", "--csv", tmp_path / "none.csv")
    assert done.exit_code == 1 and "cannot be read as CSV" in done.stderr
