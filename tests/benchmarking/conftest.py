"""What the tests of score-encoder share: a tiny folder of shards, and stand-ins for what takes long."""

import pytest
import tiny_dataset
from tiny_benchmark import SHUFFLED, SPLITS, no_cost

from speechlip.benchmarking import row, tasks
from speechlip.benchmarking.projection import projection_head as head
from tiny_lips import TinyLips


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("tiny") / "shards", SPLITS, lips_format="jpg", landmarks=True
    )


@pytest.fixture(scope="module")
def tiny():
    """A lip network of one layer, no process to measure costs, one control."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "LipEncoder", TinyLips)
        patch.setattr(row, "measured_cost", no_cost)
        patch.setattr(tasks, "CONTROLS", {SHUFFLED: "has to be at chance"})
        patch.setattr(tasks, "LIPS", SHUFFLED)
        yield
