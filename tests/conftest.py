"""Shared fixtures: a small corpus of synthetic talking heads; real clips and the face model where present."""

import gc
import importlib
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import fsspec
import pytest
from filelock import FileLock

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection():
    """Nothing of what tests import goes away: no garbage is looked for among it, neither now nor later."""
    gc.disable()
    import_own_share()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def import_own_share():
    """Of several processes each begins with other files, so that asserts are rewritten once in a new clone,
    not once in every process. What cannot be imported is told when it is collected.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    files = sorted(Path(__file__).parent.rglob("test_*.py")) if count > 1 else []
    for path in files[number::count]:
        sys.path.insert(0, str(path.parent))
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(path.stem)
        sys.path.remove(str(path.parent))


def pytest_collection_modifyitems(items):
    """Long files begin first, so that two processes end together."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """``made_once(name, make)``: a folder that ``make`` filled once for all processes; nobody changes it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder_of(name, make):
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def talking(made_once):
    """A synthetic corpus of 4 speakers, one clip each."""
    from speechlip.recipes.synthetic import SyntheticOptions, generate

    return made_once(
        "talking", lambda folder: generate(folder, SyntheticOptions(identities=4, clips=1, seed=3))
    )


@pytest.fixture(scope="session")
def bad_and_good(made_once, talking):
    """Every kind of bad video beside good ones."""
    import zoo

    return made_once("zoo", lambda folder: zoo.fill(folder, talking))


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    from browser import CHROMIUM, chromium

    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def real_clips():
    if not (SHARED / "clips").exists():
        pytest.skip("the real clips (../shared/clips) are not here")
    return SHARED / "clips"


@pytest.fixture(scope="session")
def real_cases():
    if not (SHARED / "cases").exists():
        pytest.skip("the files that failed once (../shared/cases) are not here")
    return SHARED / "cases"


@pytest.fixture
def memory():
    """fsspec's file system in memory, empty."""
    there = fsspec.filesystem("memory")
    there.store.clear()
    yield there
    there.store.clear()


@pytest.fixture
def face_model(tmp_path, monkeypatch):
    """SPEECHLIP_HOME with MediaPipe's face model in it."""
    model = SHARED / "models" / "face_landmarker.task"
    if not model.exists():
        pytest.skip("MediaPipe's face model (../shared/models) is not here")
    home = tmp_path / "models"
    home.mkdir()
    shutil.copy(model, home)
    monkeypatch.setenv("SPEECHLIP_HOME", str(home))
    return home


@pytest.fixture
def mediapipe(face_model):
    """The library of the detector of that name."""
    return pytest.importorskip(
        "mediapipe", reason="MediaPipe is not installed: pip install -e '.[mediapipe]' brings it"
    )


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory):
    """Seeded random SyncNet weights in the official file's format: scores mean nothing, the path is real."""
    import torch

    from speechlip.metrics.sync.syncnet_network import official_shapes

    torch.manual_seed(0)
    state = {
        name: torch.randn(shape) * 0.02 if "running_var" not in name else torch.ones(shape)
        for name, shape in official_shapes().items()
    }
    path = tmp_path_factory.mktemp("weights") / "random.model"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture(scope="module")
def tiny_lips():
    """New pairs have a lip network of one layer, for tests of what goes on around the networks."""
    from speechlip.encoders.networks import pair
    from tiny_lips import TinyLips

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair, "LipEncoder", TinyLips)
        yield


@pytest.fixture(scope="session")
def example_plugin(tmp_path_factory):
    """The example package, installed as pip installs it, in a folder of its own; without network."""
    pytest.importorskip("setuptools")
    root = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(Path(__file__).parents[1] / "examples" / "speechlip-plugin", root / "source")
    options = [
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--disable-pip-version-check",
        "--target",
        str(root / "site"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return root / "site"
