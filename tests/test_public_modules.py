"""Every module imports under its public name, has a docstring, and its examples are true."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import speechlip

PROJECT = Path(__file__).parents[1]
FOLDERS = ("recipes", "cards", "metrics")
ROOMS = [speechlip, *(importlib.import_module(f"speechlip.{folder}") for folder in FOLDERS)]
MODULES = sorted(
    {module.name for room in ROOMS for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")}
)


def test_all_rooms_are_found():
    assert {
        "speechlip.recipes.folder",
        "speechlip.cards.dataset",
        "speechlip.media.probe",
        "speechlip.preparing.plan",
    } <= set(MODULES)


@pytest.mark.parametrize("name", [*(room.__name__ for room in ROOMS), *MODULES])
def test_module_is_documented_and_its_examples_are_true(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).failed == 0


@pytest.mark.parametrize("folder", ["toolkit", *FOLDERS])
def test_a_room_cannot_be_imported_twice_under_its_folder_name(folder):
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "architecture.md" in done.stderr and "import speechlip" in done.stderr


def test_help_does_not_import_heavy_libraries():
    """One process asks every command for its help."""
    code = (
        "import sys; from speechlip.commands.cli import speechlip\n"
        "for command in sorted(speechlip.commands):\n"
        "    try: speechlip([command, '--help'])\n"
        "    except SystemExit as ended: assert not ended.code\n"
        "assert not {'torch', 'numpy', 'cv2', 'mediapipe', 'datasets', 'av'} & set(sys.modules), sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.count("Usage: ") == 1 + done.stdout.count("\n  Example:") >= 13
    )  # models is a group, its commands have the examples
