"""What several files of faults share: a Ray cluster of two nodes and an S3 server on this machine, a bad
disk, a stage with every command and what it is given.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from s3_proxy import KEY, SECRET

from workmen import NODE

TESTS = Path(__file__).parents[1]
OF_NODES = ("faults", "benchmarking", "exporting", "hub", "rendering", "shards")
ROOMS = [TESTS, *(TESTS / name for name in OF_NODES)]


@pytest.fixture(scope="session")
def importable(tmp_path_factory):
    """The tests' own modules, here and on every node; and where the driver says what it heard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEARD", str(tmp_path_factory.mktemp("heard")))
        for room in ROOMS:
            patch.syspath_prepend(str(room))
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield


@pytest.fixture(scope="session")
def cluster(importable):
    """Two nodes of one core each, with Ray's dashboard; a test may add and kill others."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed: make faults")
    head = {**NODE, "include_dashboard": True, "dashboard_port": 0}
    started = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    started.add_node(**NODE)
    yield started
    started.shutdown()


@pytest.fixture(scope="session")
def moto():
    """The port of moto's S3 server on this machine."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install -e '.[s3]' brings it")
    moto_server = pytest.importorskip(
        "moto.server", reason="moto is not installed: `make faults` installs it, with flask and flask-cors"
    )
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def bucket(moto, monkeypatch, tmp_path):
    """A bucket of its own, and an environment that finds it and the secret; no proxy."""
    import s3fs

    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{moto}",
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
    }.items():
        monkeypatch.setenv(name, value)
    fs = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    name = f"talks-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    fs.mkdir(name)
    return fs, name


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The library that makes a disk or a clock bad."""
    compiler = shutil.which("cc")
    if not (compiler and sys.platform == "linux"):
        pytest.skip("faults of a disk are made by a small C library: no C compiler (cc) is here, or no Linux")
    library = tmp_path_factory.mktemp("library") / "bad_disk.so"
    source = Path(__file__).with_name("bad_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture(scope="session")
def stage(library, importable, tmp_path_factory):
    """Runs commands on a disk that may be bad."""
    from stage import Stage

    opened = Stage(tmp_path_factory.mktemp("said"), library)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def given(importable, talking, tmp_path_factory):
    """Name → path of what the commands are given."""
    from every_command import write_given

    return write_given(tmp_path_factory.mktemp("given") / "in", talking)
