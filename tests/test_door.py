"""``import speechlip`` and ``speechlip.metrics``: light, complete, the same for people and type checkers."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import speechlip
from speechlip import metrics
from speechlip.encoders.features.protocol import FeatureClock
from speechlip.remote.mirror import shards_at
from speechlip.shards.pairs.speech_windows import SpeechWindows

DOORS = pytest.mark.parametrize("door", [speechlip, metrics], ids=lambda door: door.__name__)


def imports_for_type_checkers(door):
    """Name → module of the block under TYPE_CHECKING."""
    source = ast.parse(Path(door.__file__).read_text(encoding="utf-8"))
    block = next(
        node for node in source.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    )
    return {alias.asname: node.module for node in block.body for alias in node.names}


@DOORS
def test_the_door_is_light(door):
    code = (
        f"import sys, {door.__name__}; from speechlip import __version__\n"
        "heavy = {'torch', 'numpy', 'click', 'av', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@DOORS
def test_type_checkers_see_the_same_names_from_the_same_rooms(door):
    wanted = {name: f"{door.__name__}.{room}" for name, room in door.ROOM_OF.items()}
    assert imports_for_type_checkers(door) == wanted
    assert set(door.__all__) <= set(dir(door))


@pytest.mark.parametrize(
    ("door", "name"), [(door, name) for door in (speechlip, metrics) for name in door.__all__]
)
def test_every_name_is_there_documented_and_typed(door, name):
    thing = getattr(door, name)
    assert inspect.getdoc(thing)
    if inspect.isfunction(thing):
        parameters = inspect.signature(thing).parameters.values()
        untyped = [each.name for each in parameters if each.annotation is inspect.Parameter.empty]
        assert not untyped and inspect.signature(thing).return_annotation is not inspect.Signature.empty


@DOORS
def test_an_unknown_name_lists_the_known_ones(door):
    with pytest.raises(AttributeError, match=rf"no attribute 'preparre'; there are: .*{door.__all__[-1]}"):
        _ = door.preparre


@pytest.mark.parametrize(
    ("printed", "today"),
    [
        ("speechlip.shards.pair_loader.pair_loader", speechlip.pair_loader),
        ("speechlip.shards.reader.ClipReader", speechlip.ClipReader),
        ("speechlip.hub.as_dataset", speechlip.as_dataset),
        ("speechlip.hub.shards_at", shards_at),
        ("speechlip.encoders.trained.load_run", speechlip.load_run),
        ("speechlip.encoders.protocol.FeatureClock", FeatureClock),
        ("speechlip.shards.speech_windows.SpeechWindows", SpeechWindows),
    ],
)
def test_what_cards_and_pages_printed_before_is_still_there(printed, today):
    module, _, name = printed.rpartition(".")
    assert getattr(importlib.import_module(module), name) is today
