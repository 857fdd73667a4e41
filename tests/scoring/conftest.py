"""One synthetic head that talks, at the lengths the protocols want, and sync models that an installed package
offers.
"""

import pytest
from talking_clips import Talking

from here import in_this_process
from speechlip.scoring.audit import run as audit_run
from speechlip.scoring.folder import job


@pytest.fixture(scope="session")
def head(talking):
    """Its speaker opens a mouth that is darker than the face, which is what the envelope model sees."""
    return Talking(sorted(talking.rglob("*.mp4"))[1])


@pytest.fixture
def sync_models(tmp_path, monkeypatch):
    """A package is installed that offers ``stated:…``, ``declared:…`` and ``envelope`` as sync models, also
    to worker processes.
    """
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


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """An empty cache of model files, also torch's; work of one worker is done in this process."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(job, "outcomes", in_this_process)
    monkeypatch.setattr(audit_run, "outcomes", in_this_process)


@pytest.fixture(scope="session")
def videos(head, tmp_path_factory):
    """A folder of references and a folder of renders: one the same, one cut short."""
    root = tmp_path_factory.mktemp("videos")
    for name, frames in (("a", 50), ("b/c", 30)):
        head.write(
            root / "gt" / f"{name}.mp4",
            head.frames[:frames],
            head.audio[: frames * 640],
            head.landmarks[:frames],
        )
    head.write(
        root / "renders" / "a.mp4", head.frames[:50] // 2 + 60, head.audio[: 50 * 640], head.landmarks[:50]
    )
    head.write(root / "renders" / "b/c.mp4", head.frames[:20], head.audio[: 20 * 640], head.landmarks[:20])
    return root
