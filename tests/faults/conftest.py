"""A Ray cluster of two nodes on this machine, for all tests that run units on one."""

import os
import sys
from pathlib import Path

import pytest

from workmen import NODE

TESTS = Path(__file__).parents[1]
ROOMS = [TESTS, *(TESTS / name for name in ("faults", "benchmarking", "exporting", "rendering", "shards"))]


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
    """Two nodes of one core each; a test may add and kill others."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed: make faults")
    head = {**NODE, "include_dashboard": False}
    started = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    started.add_node(**NODE)
    yield started
    started.shutdown()
