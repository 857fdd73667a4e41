"""Every module imports under its public name, has a docstring, and its examples are true."""

import doctest
import importlib
import json
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


def test_no_class_can_be_there_twice_by_the_paths_of_the_repository():
    """No folder of the clone, and no module in one, can be imported by another name than its public one."""
    modules = [name.removeprefix("speechlip.") for name in MODULES]
    names = [
        "toolkit",
        "src.speechlip",
        *FOLDERS,
        *(f"{folder}.{name}" for folder in ("toolkit", "src.speechlip") for name in modules),
        *(name for name in modules if name.split(".")[0] in FOLDERS),
    ]
    code = (
        "import importlib, json, os, sys\n"
        "for name in json.load(sys.stdin):\n"
        "    try: importlib.import_module(name)\n"
        "    except ImportError as error: assert 'import speechlip' in str(error), error\n"
        "    else: raise SystemExit(f'{name} can be imported')\n"
        "files = [getattr(module, '__file__', None) or '' for module in sys.modules.values()]\n"
        "files = map(os.path.realpath, filter(None, files))\n"
        "ours = [file for file in files if file.startswith(os.getcwd())]\n"
        "assert len(ours) == len({*ours}), sorted(ours)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, input=json.dumps(names), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_help_does_not_import_heavy_libraries():
    """One process asks every command for its help."""
    code = (
        "import sys; from speechlip.commands.cli import speechlip\n"
        "for command in sorted(speechlip.commands):\n"
        "    try: speechlip([command, '--help'])\n"
        "    except SystemExit as ended: assert not ended.code\n"
        "heavy = {'torch', 'numpy', 'cv2', 'ai_edge_litert', 'datasets', 'av'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.count("Usage: ") == 3 + done.stdout.count("\n  Example:") >= 15
    )  # models, edit and study are groups, their commands have the examples
