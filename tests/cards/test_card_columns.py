"""The card's table of columns: by hand, without columns that nobody fills, and without a table of clips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechlip import Clip, ClipQuality, ShardOptions, ShardWriter, Source
from speechlip.cards.columns import ColumnFacts, column_facts
from speechlip.cards.dataset import renew_card
from speechlip.errors import ShardError
from speechlip.shards.read.shardset import read_manifest


@pytest.fixture
def folder(tmp_path):
    """Three clips of one, two and three seconds; the last one's detector gave boxes only."""
    source = Source(Path("/nowhere/a.mp4"), "a.mp4", "anna", licence="CC0-1.0")
    with ShardWriter(tmp_path / "out", ShardOptions(pairs=False)) as writer:
        for seconds, yaw, verdict in ((1, -30.5, "a|b <i>"), (2, 12.0, "in sync"), (3, None, None)):
            n_frames = 25 * seconds
            lips = np.zeros((n_frames, 96, 96, 3), np.uint8)
            audio = np.full(640 * n_frames, seconds, np.int16)
            quality = ClipQuality(yaw_deg=yaw, brightness=100.0 * seconds, sync_verdict=verdict)
            clip = Clip(source, 0, 100 * seconds, lips, audio, None, None, 1.0, 80.0, 0, quality=quality)
            writer.write(clip, source_sha256="ab" * 32)
    return tmp_path / "out"


def rows(folder):
    lines = (folder / "README.md").read_text().splitlines()
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines if line[:3] == "| `"]
    return {name: rest for name, *rest in cells if len(rest) == 6}


def test_each_column_says_what_its_clips_say(folder):
    table = rows(folder)
    assert table["seconds"] == ["s", "3", "1", "2", "3", "length of the clip"]
    assert table["yaw_deg"][:5] == ["°", "2", "-30.5", "-9.25", "12"]
    assert table["brightness"][:5] == ["", "3", "100", "200", "300"]


def test_columns_of_text_say_their_commonest(folder):
    (line,) = [
        line for line in (folder / "README.md").read_text().splitlines() if "sync_verdict" in line[:20]
    ]
    assert line.startswith("| `sync_verdict` | 2 | a\\|b &lt;i&gt; (1), in sync (1) | whether")


def test_what_no_clip_says_and_where_clips_lie_is_no_row(folder):
    assert not {"pitch_deg", "sharpness", "sync_confidence", "byte_offset", "start_s"} & rows(folder).keys()


def test_a_folder_of_an_older_release_has_no_such_table(folder):
    assert column_facts(folder, replace(read_manifest(folder), clips=None)) == ColumnFacts()


def test_an_altered_table_is_refused(folder):
    parquet = folder / "clips.parquet"
    parquet.write_bytes(parquet.read_bytes()[:-1] + b"x")
    with pytest.raises(ShardError, match=r"clips\.parquet .*make it anew by `speechlip clips FOLDER --make`"):
        renew_card(folder)
