"""``import speechlip``: light, complete, and the same for people, editors and type checkers."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import speechlip

SOURCE = ast.parse(Path(speechlip.__file__).read_text(encoding="utf-8"))


def imports_for_type_checkers():
    """Name → module of the block under TYPE_CHECKING."""
    block = next(
        node for node in SOURCE.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    )
    return {alias.asname: node.module for node in block.body for alias in node.names}


def test_the_door_is_light():
    code = (
        "import sys, speechlip; assert speechlip.__version__\n"
        "heavy = {'torch', 'numpy', 'click', 'av', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_type_checkers_see_the_same_names_from_the_same_rooms():
    wanted = {name: f"speechlip.{room}" for name, room in speechlip.ROOM_OF.items()}
    assert imports_for_type_checkers() == wanted
    assert set(speechlip.__all__) <= set(dir(speechlip))


@pytest.mark.parametrize("name", speechlip.__all__)
def test_every_name_is_there_documented_and_typed(name):
    thing = getattr(speechlip, name)
    assert inspect.getdoc(thing)
    if inspect.isfunction(thing):
        parameters = inspect.signature(thing).parameters.values()
        untyped = [each.name for each in parameters if each.annotation is inspect.Parameter.empty]
        assert not untyped and inspect.signature(thing).return_annotation is not inspect.Signature.empty


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'preparre'; there are: .*open_shards"):
        _ = speechlip.preparre
