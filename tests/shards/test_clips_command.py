"""``speechlip clips``: what it counts, lists and draws, and how it ends."""

import csv
import io
import json
import shutil

import numpy as np
import pyarrow.parquet
import pytest
import tiny_dataset
from click.testing import CliRunner
from PIL import Image

import speechlip
from speechlip.commands.cli import speechlip as command
from speechlip.errors import OptionError
from speechlip.shards.checks.verify import verify
from speechlip.shards.clips.curves import LINE_LETTERS, curve_of, headline

SPLITS = {"train": {"anna": (20, 14, 13), "ben": (50, 12)}, "test": {"dora": (16, 25), "emil": (17,)}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("asked") / "out", SPLITS)


def ask(*arguments):
    return CliRunner().invoke(command, ["clips", *map(str, arguments)], catch_exceptions=False)


def test_what_is_kept_is_counted_by_split(folder):
    done = ask(folder, "--where", "n_frames >= 16", "--limit", 0)
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()[:3]] == [
        ["train", "2", "of", "5", "clips", "0:02.8", "of", "0:04.4", "64", "%", "2", "of", "2", "speakers"],
        ["test", "3", "of", "3", "clips", "0:02.3", "of", "0:02.3", "100", "%", "2", "of", "2", "speakers"],
        ["all", "5", "of", "8", "clips", "0:05.1", "of", "0:06.7", "77", "%", "4", "of", "4", "speakers"],
    ]


def test_no_clip_fulfils_it(folder):
    done = ask(folder, "--where", "seconds > 60")
    assert done.exit_code == 0 and "all    0 of 8 clips" in done.stdout and "anna" not in done.stdout


def test_csv_and_json_hold_the_same_clips(folder):
    given = (folder, "--where", "speaker in ('ben', 'dora')", "--columns", "key,seconds")
    rows = list(csv.DictReader(io.StringIO(ask(*given, "--csv").stdout)))
    said = json.loads(ask(*given, "--json").stdout)
    assert [row["key"] for row in rows] == ["ben-1", "ben-0", "dora-0", "dora-1"]  # as in the shards
    assert [row["key"] for row in said["clips"]] == [row["key"] for row in rows]
    assert [float(row["seconds"]) for row in rows] == [row["seconds"] for row in said["clips"]]
    assert said["splits"]["test"]["kept"] == {"clips": 2, "seconds": 1.64, "speakers": 1}
    assert len(json.loads(ask(*given, "--json", "--limit", 1).stdout)["clips"]) == 1


def test_one_split(folder):
    done = ask(folder, "--split", "test")
    assert "train" not in done.stdout and "3 of 3 clips" in done.stdout
    refused = ask(folder, "--split", "tset")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "error: no split 'tset' in the folder; there are: train, test\n",
    )


def test_unknown_columns_and_code_end_in_one_line(folder):
    for where, said in (("face_widht_px > 1", "did you mean face_width_px?"), ("exec('x')", "no function")):
        done = ask(folder, "--where", where)
        assert done.exit_code == 1 and done.stderr.startswith("error: ") and said in done.stderr
        assert done.stderr.count("\n") == 1 and not done.stdout
    assert "no column 'nmae'" in ask(folder, "--columns", "nmae").stderr


def test_describe_lists_type_unit_range_and_meaning(folder):
    lines = ask(folder, "--describe").stdout.splitlines()
    row = next(line for line in lines if line.startswith("n_frames"))
    assert row.split() == [
        "n_frames",
        "whole",
        "number",
        "frames",
        "12",
        "…",
        "50",
        "length",
        "at",
        "25",
        "fps",
    ]
    assert any(line.split()[:5] == ["faces_max", "whole", "number", "8", "most"] for line in lines)


def test_make_writes_the_table_of_an_older_folder(folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / "own")
    done = ask(own, "--make", "--limit", 0)
    assert done.exit_code == 0 and "clips.parquet has 8 rows" in done.stderr
    manifest = json.loads((own / "manifest.json").read_text())
    assert manifest["clips"]["rows"] == 8 == pyarrow.parquet.read_metadata(own / "clips.parquet").num_rows
    assert verify(own).ok
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file()}
    (own / "clips.parquet").unlink()
    assert ask(own, "--make").exit_code == 0
    assert {path: path.read_bytes() for path in own.rglob("*") if path.is_file()} == before
    (own / "manifest.json").write_text(json.dumps(manifest | {"versions": {"numpy": "9"}}))
    assert "was changed after it was written" in ask(own, "--make").stderr


def test_the_curves_are_those_of_a_count_by_hand():
    rng = np.random.default_rng(0)
    values, seconds = rng.integers(0, 9, 50).astype(float), rng.uniform(1, 9, 50)
    nulls = rng.random(50) < 0.2
    curve = curve_of(values, nulls, seconds)
    assert curve.thresholds.tolist() == sorted(set(values[~nulls].tolist()))
    for place, threshold in enumerate(curve.thresholds):
        kept = ~nulls & (values >= threshold), ~nulls & (values <= threshold)
        shares = [seconds[each].sum() / seconds.sum() for each in kept]
        assert np.allclose([curve.at_least[place], curve.at_most[place]], shares)
    assert curve.null == pytest.approx(seconds[nulls].sum() / seconds.sum())


def test_many_values_are_drawn_at_their_quantiles():
    values = np.arange(10_000.0)
    curve = curve_of(values, np.zeros(10_000, bool), np.ones(10_000))
    assert len(curve.thresholds) <= 512 and curve.at_least[0] == 1 and curve.at_most[-1] == 1


def test_the_picture(folder, tmp_path):
    done = ask(folder, "--where", "n_frames < 40", "--plot", tmp_path / "new" / "curves.png", "--limit", 0)
    assert done.exit_code == 0 and "curves.png" in done.stderr
    with Image.open(tmp_path / "new" / "curves.png") as image:
        assert image.width > 1000 and image.getextrema()[0][0] < 60
    one = tiny_dataset.write_dataset(tmp_path / "one", {"train": {"anna": (20,)}}, shards=1)
    with pytest.raises(OptionError, match=r"no column of .* has two values"):
        speechlip.plot_clips(speechlip.clips(one), tmp_path / "b.png")


def test_the_headline_ends_before_the_legend(folder):
    condition = "n_frames < 40 and not (speaker in ('ann', 'ben', 'chen') or fps > 25)"
    table = speechlip.clips(folder, where=condition)
    lines = headline(table, [column for column in table.columns if column.name == "seconds"]).splitlines()
    assert len(lines) > 2 and max(map(len, lines)) <= LINE_LETTERS
    assert "of one value or none: face_score" in "\n".join(lines)


def test_from_python(folder):
    table = speechlip.clips(folder, "faces_max is null and n_frames = 25")
    assert [row["key"] for row in table.rows] == ["dora-1"] and len(table) == 1
    assert repr(table).startswith("ClipTable(folder=")
    with pytest.raises(OptionError, match="where is 3, wanted text"):
        speechlip.clips(folder, 3)
