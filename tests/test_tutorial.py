"""The tutorial runs from its first cell to its last, in this process, and stores no output."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from speechlip.benchmarking.row_records import Cost
from tiny_lips import TinyLips

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
pytestmark = pytest.mark.early


def run(source, names):
    """Run a cell as a notebook does: statements, then the value of the last expression, which it shows."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(last, "cell", "eval"), names) if last else None


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Names after the last cell. The lip networks have one layer, and costs of encoders, for which each row
    takes a process, are not measured.
    """
    import matplotlib

    matplotlib.use("agg")
    names: dict = {"__name__": "__main__", "shown": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("tutorial")))
        patch.setattr("speechlip.benchmarking.row.measured_cost", lambda *task: Cost(None, None, None))
        for network in ("encoders.networks.pair", "benchmarking.projection.projection_head"):
            patch.setattr(f"speechlip.{network}.LipEncoder", TinyLips)
        for cell in CELLS:
            if cell["cell_type"] == "code":
                names["shown"].append(run("".join(cell["source"]), names))
    return names


def test_no_output_is_stored():
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert len(code) >= 10
    assert [(cell["outputs"], cell["execution_count"]) for cell in code] == [([], None)] * len(code)


@pytest.mark.filterwarnings("ignore:'clip' negatives")
def test_every_video_becomes_a_clip(names):
    prepared = names["prepared"]
    assert (prepared.clips, prepared.skipped, prepared.warnings) == (4, {}, ())
    assert names["clip"].lips.shape[1:] == (96, 96, 3)
    assert True in names["shown"] and (prepared.folder.parent / "gallery" / "index.html").is_file()


def test_a_late_render_is_told_from_the_real_video(names):
    row = names["result"].row
    assert row.lmd > 1 and 25 < row.psnr < 45 and row.frames_compared == row.pictures_compared
    assert names["result"].missing.keys() <= {"lse"}


def test_training_leaves_encoders_of_unit_embeddings(names):
    assert names["run"].step == 6
    for side in (names["lips"], names["speech"]):
        np.testing.assert_allclose(np.linalg.norm(side[:, :512], axis=1), 1, atol=1e-4)


def test_the_benchmark_has_the_run_twice_and_every_control(names):
    rows = names["table"].rows
    assert [row.mode for row in rows if row.role == "encoder"].count("as trained") == 1
    assert {row.name for row in rows if row.role == "control"} >= {"lips", "log-mel", "shuffled:log-mel"}
    assert "benchmark/benchmark.html" in names["shown"][-1]
