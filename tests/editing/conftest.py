"""One small folder that all tests of edits read."""

import pytest
from folders import write


@pytest.fixture(scope="session")
def shards(made_once):
    return made_once("edited-shards", write)
