"""A broken plug-in of any group is one sentence that names it, and hides no other.

It cannot be imported, lacks what it must have, or fails when it is called.
"""

import textwrap
from collections import deque
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechlip import recipes
from speechlip.commands.cli import prep_shards, score_sync
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.features.plugins import open_added
from speechlip.encoders.networks.registry import speech_network
from speechlip.errors import OptionError, SourceRefused
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.records import Source
from speechlip.scoring.sync.models import open_sync_model
from speechlip.workers.engines import get_engine

GROUPS = ("recipes", "detectors", "engines", "speech_networks", "encoders", "sync_models")
WAYS = {
    "missing": "no_such_module_here",
    "raises": "plug_raises:thing",
    "leaves": "plug_leaves:thing",
    "unnamed": "plug_things:nothing_of_this_name",
    "fails": "plug_things:fails",
    "empty": "plug_things:empty",
}


def add_package(folder, name, entry_points):
    """An installed distribution, as Python sees one."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """A distribution that adds each broken thing to each group."""
    points = "\n".join(f"{way} = {value}" for way, value in WAYS.items())
    add_package(tmp_path, "plugs", "\n".join(f"[speechlip.{group}]\n{points}\n" for group in GROUPS))
    (tmp_path / "plug_raises.py").write_text("raise RuntimeError('no licence\\x1b[2J file')\n")
    (tmp_path / "plug_leaves.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "plug_things.py").write_text(
        textwrap.dedent("""
        def fails(*args, **kwargs):
            raise KeyError("weights")

        fails.TITLE = fails.LICENCE = fails.CITATION = fails.ACCESS = fails.HOMEPAGE = "x"
        fails.SPLITS, fails.has_landmarks = None, False
        fails.sources = fails.detect = fails.close = fails

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
    "encoders": lambda name: open_added(name, "cpu"),
    "sync_models": lambda name: open_sync_model(name, "cpu"),
}
UNKNOWN = OPENED | {"engines": get_engine, "encoders": open_encoder}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("way", WAYS)
def test_a_broken_plug_in_is_a_sentence(plugged, group, way):
    with pytest.raises(OptionError) as refusal:
        OPENED[group](way)
    assert f"'{way}'" in str(refusal.value)
    if way == "fails":
        assert "'weights'" in str(refusal.value)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_refuses_an_unknown_name_in_the_same_words(plugged, group):
    with pytest.raises(
        OptionError, match=r"^no [a-z ]+ 'misssing'; there are: .*\bmissing\b.*; did you mean missing\?$"
    ):
        UNKNOWN[group]("misssing")


def test_a_broken_plug_in_hides_no_other(plugged):
    had = dict(DETECTORS.each())
    assert had["cascade"].name == "cascade" and had["fails"].__name__ == "fails"
    assert {name for name, thing in had.items() if isinstance(thing, OptionError)} == {*WAYS} - {"fails"}


def test_a_built_in_name_cannot_be_replaced_and_two_packages_cannot_share_one(tmp_path, monkeypatch):
    for package in ("one", "two"):
        add_package(
            tmp_path, package, f"[speechlip.detectors]\ncascade = {package}:Mine\nours = {package}:Mine\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    assert DETECTORS.get("cascade").__module__ == "speechlip.faces.detectors.cascade"
    with pytest.raises(
        OptionError, match="detector 'ours' is added by several packages: one:Mine, two:Mine; keep one"
    ):
        DETECTORS.get("ours")


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
        "class Picky:\n    has_landmarks = False\n"
        "    def __init__(self, source): raise SourceRefused('faces', 'not mine')\n"
        "    def detect(self, image, index): ...\n    def close(self): ...\n"
    )
    add_package(tmp_path, "picky", "[speechlip.detectors]\npicky = picky:Picky\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceRefused, match="not mine"):
        of_detector("picky")
