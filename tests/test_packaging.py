"""Wheel and sdist carry every file, run in a fresh environment, and static tools resolve every import."""

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.early
PROJECT = Path(__file__).parents[1]
LINKS = {
    "src/speechlip": "../toolkit",
    "toolkit/cards": "../cards",
    "toolkit/metrics": "../metrics",
    "toolkit/recipes": "../recipes",
}
BUILD = "import setuptools.build_meta as b; print('made', b.build_{kind}(r'{folder}'))"
NOT_CARRIED = shutil.ignore_patterns("__pycache__", "*.egg-info")


def copied(folder, links=True):
    """What a clone has to build from; ``links=False``: as a zip gives it whose links became texts."""
    for name in ("toolkit", "cards", "metrics", "recipes", "src"):
        shutil.copytree(PROJECT / name, folder / name, symlinks=True, ignore=NOT_CARRIED)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder / name)
    for link, target in LINKS.items():
        if not links:
            (folder / link).unlink()
            (folder / link).write_text(target)
    return folder


def build(kind, project, folder):
    code = BUILD.format(kind=kind, folder=folder)
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build("sdist", copied(tmp_path_factory.mktemp("clone")), tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", copied(tmp_path_factory.mktemp("clone")), tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The Python of an environment that holds the wheel, and sees the libraries of this one."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--no-compile", str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    libraries = dict.fromkeys([sysconfig.get_path("purelib"), *(p for p in sys.path if "site-packages" in p)])
    (site / "libraries.pth").write_text("\n".join(libraries))
    return python


def source_files():
    """Files of the package, by the names under which it imports them."""
    for folder in ("toolkit", "toolkit/cards", "toolkit/metrics", "toolkit/recipes"):
        for path in (PROJECT / folder).rglob("*"):
            inside = path.relative_to(PROJECT / "toolkit")
            if path.is_file() and "__pycache__" not in inside.parts:
                yield f"speechlip/{inside.as_posix()}"


def test_the_four_links_are_those_of_the_architecture():
    assert {name: str((PROJECT / name).readlink()) for name in LINKS} == LINKS


def test_wheel_and_sdist_carry_every_file_of_the_package(wheel, sdist):
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("speechlip/")}
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    (top,) = {member.name.split("/")[0] for member in members}
    in_sdist = {
        m.name.removeprefix(f"{top}/src/") for m in members if m.name.startswith(f"{top}/src/speechlip/")
    }
    assert not [member.name for member in members if not (member.isfile() or member.isdir())]
    assert in_wheel == {*source_files()} <= in_sdist
    assert {"speechlip/py.typed", "speechlip/gallery/gallery.html", "speechlip/webpage/page.js"} <= in_wheel
    assert {"speechlip/webpage/page.css", "speechlip/cards/dataset.md.jinja"} <= in_wheel
    assert "speechlip/scoring/report/published.yaml" in in_wheel


def test_a_wheel_made_from_the_sdist_is_the_wheel(wheel, sdist, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    other = build("wheel", folder, tmp_path)
    one, two = zipfile.ZipFile(wheel), zipfile.ZipFile(other)
    contents = [{n: z.read(n) for n in z.namelist() if n.startswith("speechlip/")} for z in (one, two)]
    assert contents[0] == contents[1]


def test_it_runs_in_an_environment_of_its_own(installed):
    command = installed.with_name("prep-shards")
    done = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stdout[:18]) == (0, "Usage: prep-shards"), done.stderr
    code = "import speechlip; print(speechlip.__file__)"
    done = subprocess.run([installed, "-c", code], capture_output=True, text=True, cwd="/")
    assert Path(done.stdout.strip()).is_relative_to(installed.parents[1])


def test_a_copy_without_links_says_what_to_do(tmp_path):
    project = copied(tmp_path, links=False)
    code = BUILD.format(kind="wheel", folder=tmp_path)
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "src/speechlip, toolkit/cards, toolkit/metrics and toolkit/recipes are links in the repository, "
        "and this copy has lost them: take it by `git clone`, or unpack the zip by `unzip`, which keeps links"
    )


GOOD = """\
import speechlip
from speechlip.metrics import psnr, sync_score
from speechlip.recipes import folder
from speechlip.cards.dataset import write_card
print(speechlip.prepare, speechlip.open_shards("shards").urls, psnr, sync_score, folder.sources, write_card)
"""
BAD = "import speechlip.nowhere\nfrom speechlip.metrics import nothing\nprint(speechlip.prepair)\n"


@pytest.mark.parametrize("where", ["checkout", "wheel"])
def test_a_type_checker_resolves_every_import_of_a_script(where, tmp_path, request):
    """And it sees what is not there, so that no error means something."""
    python = sys.executable if where == "checkout" else request.getfixturevalue("installed")
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", python, "good.py", "bad.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    errors = [
        (Path(each["file"]).name, each["rule"], each["range"]["start"]["line"])
        for each in json.loads(done.stdout)["generalDiagnostics"]
        if each["severity"] == "error" or each["rule"].startswith("reportMissing")
    ]
    assert sorted(errors) == [
        ("bad.py", "reportAttributeAccessIssue", 1),
        ("bad.py", "reportAttributeAccessIssue", 2),
        ("bad.py", "reportMissingImports", 0),
    ]
