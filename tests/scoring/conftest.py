"""One drawn head that talks, at the lengths the protocols want, and sync models that an installed package offers."""

import pytest
from talking_clips import Talking


@pytest.fixture(scope="session")
def head(talking):
    """Its speaker opens a mouth that is darker than the face, which is what the envelope model sees."""
    return Talking(sorted(talking.rglob("*.mp4"))[1])


@pytest.fixture
def sync_models(tmp_path, monkeypatch):
    """A package is installed that offers ``stated:…``, ``declared:…`` and ``envelope`` as sync models, also to worker processes."""
    about = tmp_path / "packages" / "sync_models_for_tests-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Name: sync-models-for-tests\nVersion: 1\n")
    offers = (
        "stated = stated_model:StatedModel",
        "declared = stated_model:StatedModel",
        "envelope = envelope_model:open_model",
    )
    (about / "entry_points.txt").write_text("\n".join(["[speechlip.sync_models]", *offers, ""]))
    monkeypatch.syspath_prepend(str(about.parent))
