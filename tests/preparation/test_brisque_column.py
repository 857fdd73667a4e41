"""``prep-shards --brisque-model``: the column, where it stands, and what it is by."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as parquet
import pytest
from click.testing import CliRunner

from preparing import prep
from small_fit import scene, write_fit
from speechlip import append_videos
from speechlip.commands.cli import speechlip
from speechlip.describing.appearance import Appearances, measured
from speechlip.editing.facts import merged_facts
from speechlip.editing.given import open_given
from speechlip.editing.merge import refuse_differences
from speechlip.errors import ModelError, OptionError
from speechlip.manifest import Edit
from speechlip.metrics.image.brisque import load_brisque
from speechlip.preparing.brisque import open_brisque, settle_brisque
from speechlip.preparing.options import PrepOptions
from speechlip.progress import SILENT
from speechlip.records import Face
from speechlip.shards.clips.query import clips

BOX = np.array([0, 0, 256, 256], np.float32)


def test_the_face_is_rated_at_256_px_of_width(tmp_path):
    """Where the box has that width already, its luma is rated as it is."""
    fit = load_brisque(write_fit(tmp_path))
    grey = np.repeat(scene(size=256).astype(np.uint8)[..., None], 3, axis=2)
    assert measured(grey, BOX, fit.of_luma).brisque == pytest.approx(fit.of_luma(grey[..., 0]))
    seen = Appearances(fit.of_luma)
    seen.see(0, grey, [Face(BOX, 1.0)])
    assert seen.of(0, BOX[None])[0].brisque is not None
    assert measured(grey, BOX).brisque is None
    black = measured(np.zeros_like(grey), BOX, fit.of_luma)
    assert (black.brisque, black.brightness) == (None, 0)


def test_a_prepared_folder_has_it_and_names_the_fit(talking, tmp_path):
    model, out = write_fit(tmp_path / "fit"), tmp_path / "out"
    video = sorted(talking.rglob("*.mp4"))[0]
    words = (video, "-o", out, "--workers", "1", "--detector", "sidecar")
    done = prep(*words, "--brisque-model", model)
    assert done.exit_code == 0, done.stderr
    values = parquet.read_table(out / "clips.parquet")["brisque"].to_pylist()
    assert values and all(np.isfinite(values))
    assert len(clips(out, f"brisque <= {np.median(values)}").rows) >= len(values) // 2
    by = ", ".join(
        f"{name} {hashlib.sha256((tmp_path / 'fit' / name).read_bytes()).hexdigest()}"
        for name in ("allmodel", "allrange")
    )
    assert json.loads((out / "manifest.json").read_text())["options"]["brisque"] == by
    card = (out / "README.md").read_text()
    assert f"| `brisque` | `{by}` |" in card and str(tmp_path) not in card
    assert "| `brisque` |  |" in card  # among the columns of numbers
    other = prep(*words)
    assert other.exit_code == 1 and f"brisque was '{by}', is now ''" in other.stderr
    grows_by_the_same_fit_only(out, sorted(talking.rglob("*.mp4"))[-1].parent, model, by)
    merges_with_the_same_fit_only(out, by)


def grows_by_the_same_fit_only(folder, speaker, model, by):
    grown, other = folder.parent / "grown", folder.parent / "other"
    shutil.copytree(model.parent, other)
    videos = folder.parent / "new"
    shutil.copytree(speaker, videos / speaker.name)
    (other / "allmodel").write_text(model.read_text().replace("gamma 0.05", "gamma 0.06"))
    for files, message in (
        ((None, None), f"BRISQUE by {by}; give the same files again by --brisque-model"),
        ((other / "allmodel", None), f"BRISQUE by {by}, here it is by allmodel "),
        ((None, model), "--brisque-range goes with --brisque-model"),
    ):
        with pytest.raises(OptionError, match=message):
            append_videos(folder, videos, grown, brisque_model=files[0], brisque_range=files[1])
    words = ("edit", "append", folder, videos, "-o", grown, "--workers", "1", "--quiet")
    done = CliRunner().invoke(speechlip, [*map(str, words), "--brisque-model", str(model)])
    assert done.exit_code == 0, done.stderr
    values = parquet.read_table(grown / "clips.parquet")["brisque"].to_pylist()
    assert len(values) == 2 and all(np.isfinite(values))
    assert json.loads((grown / "manifest.json").read_text())["options"]["brisque"] == by


def merges_with_the_same_fit_only(folder, by):
    one = open_given(folder, SILENT)

    def with_fit(fit):
        return replace(one, manifest=replace(one.manifest, options={**one.manifest.options, "brisque": fit}))

    refuse_differences([one, one])
    with pytest.raises(OptionError, match=f"by {by} in one folder, by allmodel 12ab in another"):
        refuse_differences([with_fit(""), one, with_fit("allmodel 12ab")])
    edit = Edit(operation="merge", of=(), arguments={})
    assert merged_facts([with_fit(""), one], edit).options["brisque"] == by


def test_files_that_cannot_be_used_are_said_before_anything_is_prepared(talking, tmp_path):
    (tmp_path / "allmodel").write_text("svm_type nu_svr\n")
    done = prep(talking, "-o", tmp_path / "out", "--brisque-model", tmp_path / "allmodel")
    assert done.exit_code == 1 and "svm_type is 'nu_svr', wanted epsilon_svr" in done.stderr
    assert not (tmp_path / "out" / "data").exists()
    with pytest.raises(OptionError, match="--brisque-range goes with --brisque-model FILE"):
        PrepOptions(brisque_range="allrange")


def test_another_fit_on_the_machine_that_does_a_unit_is_refused(tmp_path):
    options = settle_brisque(PrepOptions(brisque_model=write_fit(tmp_path)))
    (tmp_path / "allrange").write_text((tmp_path / "allrange").read_text() + "\n")
    with pytest.raises(ModelError, match=r"is allmodel .* here, and was allmodel .* when the preparation"):
        open_brisque(options)


def test_a_folder_that_has_it_is_not_gone_on_with_without():
    with pytest.raises(
        OptionError, match="BRISQUE by allmodel 12ab; give the same files again by --brisque-model"
    ):
        settle_brisque(PrepOptions(brisque="allmodel 12ab"))
