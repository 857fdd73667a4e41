"""A broken plug-in of any group is one sentence that names it: not importable, without what it must have, failing when called."""

import textwrap
from collections import deque
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechlip import recipes
from speechlip.commands.cli import prep_shards, score_sync
from speechlip.encoders.features.plugins import open_entry_point
from speechlip.encoders.networks.registry import speech_network
from speechlip.errors import OptionError, SourceRefused
from speechlip.faces.detectors import open_detector
from speechlip.preparing.engine import get_engine
from speechlip.records import Source
from speechlip.scoring.sync.models import open_sync_model

GROUPS = ("recipes", "detectors", "engines", "speech_networks", "encoders", "sync_models")
WAYS = {
    "missing": "no_such_module_here",
    "raises": "plug_raises:thing",
    "leaves": "plug_leaves:thing",
    "unnamed": "plug_things:nothing_of_this_name",
    "fails": "plug_things:fails",
    "empty": "plug_things:empty",
}


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """A distribution that adds each broken thing to each group."""
    info = tmp_path / "plugs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugs\nVersion: 1.0\n")
    points = "\n".join(f"{way} = {value}" for way, value in WAYS.items())
    (info / "entry_points.txt").write_text("\n".join(f"[speechlip.{group}]\n{points}\n" for group in GROUPS))
    (tmp_path / "plug_raises.py").write_text("raise RuntimeError('no licence\\x1b[2J file')\n")
    (tmp_path / "plug_leaves.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "plug_things.py").write_text(
        textwrap.dedent("""
        def fails(*args, **kwargs):
            raise KeyError("weights")

        fails.TITLE = fails.LICENCE = fails.CITATION = fails.ACCESS = fails.HOMEPAGE = "x"
        fails.SPLITS, fails.sources, fails.has_landmarks, fails.detect, fails.close = None, fails, False, fails, fails

        class empty:
            def __init__(self, *args, **kwargs):
                pass
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def of_detector(name):
    with open_detector(name, Source(Path(), "", "")):
        pass


OPENED = {
    "recipes": lambda name: list(recipes.listed(name, Path())),
    "detectors": of_detector,
    "engines": lambda name: list(get_engine(name)(print, deque(), 1)),
    "speech_networks": speech_network,
    "encoders": lambda name: open_entry_point(name, "cpu"),
    "sync_models": lambda name: open_sync_model(name, "cpu"),
}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("way", WAYS)
def test_a_broken_plug_in_is_a_sentence(plugged, group, way):
    with pytest.raises(OptionError) as refusal:
        OPENED[group](way)
    assert f"'{way}'" in str(refusal.value)
    if way == "fails":
        assert "'weights'" in str(refusal.value)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (prep_shards, ["videos", "-o", "out", "--recipe"]),
        (prep_shards, ["videos", "-o", "out", "--engine"]),
        (score_sync, ["videos", "-o", "out", "--detector", "cascade", "--metrics", "lse", "--sync-model"]),
    ],
    ids=["recipe", "engine", "sync model"],
)
def test_it_is_one_line_of_a_command(plugged, tmp_path, monkeypatch, command, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"x")
    done = CliRunner().invoke(command, [*arguments, "raises"])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    assert (
        done.output.startswith("error: ")
        and done.output.count("\n") == 1
        and r"no licence\x1b[2J file" in done.output
    )


def test_a_refusal_of_a_plug_in_is_its_own_word(tmp_path, monkeypatch):
    """What it raises on purpose reaches the ledger as it is."""
    (tmp_path / "picky.py").write_text(
        "from speechlip.errors import SourceRefused\n"
        "class Picky:\n    has_landmarks = False\n    def __init__(self, source): raise SourceRefused('faces', 'not mine')\n"
        "    def detect(self, picture, index): ...\n    def close(self): ...\n"
    )
    info = tmp_path / "picky-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: picky\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[speechlip.detectors]\npicky = picky:Picky\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceRefused, match="not mine"):
        of_detector("picky")
