"""Rooms import only rooms above them in docs/architecture.md.

No file and no inner room imports in a circle.
"""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import speechlip

PACKAGE = Path(speechlip.__file__).parent
ARCHITECTURE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
DOOR = "__init__"
"""speechlip/__init__.py names every room for type checkers; no room imports it."""


def modules(package):
    """Name below ``speechlip`` → file."""
    paths = sorted(path for path in package.rglob("*.py") if "__pycache__" not in path.parts)
    linked = [path for link in package.iterdir() if link.is_symlink() for path in sorted(link.rglob("*.py"))]
    for path in dict.fromkeys([*paths, *linked]):
        parts = path.relative_to(package).with_suffix("").parts
        yield ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts), path


def imported(text, known):
    """Modules of speechlip that a source imports, wherever in it, for type checkers too."""
    for node in statements(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and re.match(r"speechlip\b", node.module or ""):
            module = (node.module or "").removeprefix("speechlip").lstrip(".")
            for alias in node.names:
                inner = f"{module}.{alias.name}".lstrip(".")
                yield inner if inner in known else module or DOOR
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (name.removeprefix("speechlip.") for name in names if name.startswith("speechlip."))
            yield from (DOOR for name in names if name == "speechlip")


def statements(node):
    """All statements within a module or a statement; expressions, which import nothing, are left out."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, part, ()):
            yield inner
            yield from statements(inner)


def import_graph(package):
    known = dict(modules(package))
    graph = {
        name: {*imported(path.read_text(encoding="utf-8"), known)} - {name, DOOR}
        for name, path in known.items()
    }
    return {name: wanted for name, wanted in graph.items() if name != DOOR}


def stated_order(text):
    """Rooms in the order of the tree: every entry one step in."""
    tree = re.search(r"```text\ntoolkit/\n(.*?)```", text, re.DOTALL)[1]
    inside = tree.partition("\nbenchmarks/")[0]
    return [name.removesuffix(".py").rstrip("/") for name in re.findall(r"^ {2}(\S+)", inside, re.MULTILINE)]


def upward(graph, order):
    """Imports of a room that stands below the importing one, as sentences."""
    place = {room: number for number, room in enumerate(order)}
    return [
        f"{name} imports {other}, which stands below it"
        for name, wanted in sorted(graph.items())
        for other in sorted(wanted)
        if place[other.split(".")[0]] > place[name.split(".")[0]]
    ]


def circle(graph):
    """A circle of imports, empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def inner_rooms(graph, room):
    """The graph between the inner rooms of a room; a file that lies in the room itself stands for itself."""

    def place(name):
        return ".".join(name.split(".")[:2])

    inside = {name: wanted for name, wanted in graph.items() if name.split(".")[0] == room}
    between = {}
    for name, wanted in inside.items():
        others = {place(other) for other in wanted if other in inside}
        between.setdefault(place(name), set()).update(others - {place(name)})
    return between


ORDER = stated_order(ARCHITECTURE)


@pytest.fixture(scope="module")
def graph():
    return import_graph(PACKAGE)


def test_imports_are_seen_wherever_they_stand():
    text = """
import speechlip.a
try:
    from speechlip import b
except OSError:
    import speechlip.c
else:
    import speechlip.d
finally:
    import speechlip.e
match x:
    case 1:
        class C:
            async def f(self):
                with y:
                    for z in y:
                        while z:
                            if z: pass
                            elif y: from speechlip.g import name
"""
    assert sorted(imported(text, ("b",))) == ["a", "b", "c", "d", "e", "g"]


def test_every_room_has_its_place(graph):
    assert len(ORDER) == len(set(ORDER))
    assert {name.split(".")[0] for name in graph} == set(ORDER)


def test_no_room_imports_one_below_it(graph):
    assert not upward(graph, ORDER)


def test_no_room_imports_the_door():
    known = dict(modules(PACKAGE))
    assert not [
        name for name, path in known.items() if DOOR in imported(path.read_text(encoding="utf-8"), known)
    ]


def test_no_file_imports_in_a_circle(graph):
    assert not circle(graph)


@pytest.mark.parametrize("room", ORDER)
def test_no_inner_room_imports_in_a_circle(graph, room):
    assert not circle(inner_rooms(graph, room))


def test_an_upward_import_and_a_circle_are_seen(graph):
    graph = graph | {"media.probe": graph["media.probe"] | {"scoring.networks"}}
    assert upward(graph, ORDER) == ["media.probe imports scoring.networks, which stands below it"]
    assert {"media.probe", "scoring.networks"} <= set(circle(graph))


def test_no_two_test_files_bear_one_name():
    """Folders of tests are no packages: pytest would refuse to collect the second."""
    names = [path.name for path in Path(__file__).parent.rglob("*.py") if path.name != "conftest.py"]
    assert not {name for name in names if names.count(name) > 1}
