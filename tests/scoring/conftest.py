"""One drawn head that talks, at the lengths the protocols want, and random SyncNet weights in the official file's format."""

import pytest
from talking_clips import Talking


@pytest.fixture(scope="session")
def head(talking):
    """Its speaker opens a mouth that is darker than the face, which is what the envelope model sees."""
    return Talking(sorted(talking.rglob("*.mp4"))[1])


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory):
    """Seeded random weights: the numbers mean nothing, the path they take is the real one."""
    import torch
    from speechlip.metrics.syncnet_network import official_shapes

    torch.manual_seed(0)
    state = {
        name: torch.randn(shape) * 0.02 if "running_var" not in name else torch.ones(shape) for name, shape in official_shapes().items()
    }
    path = tmp_path_factory.mktemp("weights") / "random.model"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path
