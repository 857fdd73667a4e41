"""What a run shows: its picture, its cosines by kind, TensorBoard's scalars, the bar."""

import time

import numpy as np
import pytest
from PIL import Image

from kept_progress import KeptProgress
from speechlip.commands.output.train_encoder import TrainingBar
from speechlip.errors import ModelError
from speechlip.training.options import TrainOptions
from speechlip.training.run import history
from speechlip.training.run.cosines import auc_by_kind, read_cosines, write_cosines
from speechlip.training.run.history import HistoryRow
from speechlip.training.run.picture import CURVE, KIND_COLOURS, draw_training
from speechlip.training.run.tensorboard import Scalars, open_scalars

ROWS = [HistoryRow(100 * n, 0.7 / n, 1e-3, 0.5 + 0.1 * n, 50.0, 0.01, 9.0 * n) for n in range(1, 5)]


@pytest.fixture
def run(tmp_path):
    history.begin(tmp_path)
    for row in ROWS:
        history.append(tmp_path, row)
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2, 3], [40, 20, 10, 10])
    write_cosines(tmp_path, 400, kind, np.where(kind == 0, 0.6, 0.0) + rng.uniform(-0.1, 0.1, 80))
    return tmp_path


def colours(path):
    """How many pixels have each colour."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(np.uint32) @ np.array(
        [1 << 16, 1 << 8, 1], np.uint32
    )
    return {
        f"#{colour:06x}": count for colour, count in zip(*np.unique(pixels, return_counts=True), strict=True)
    }


# the picture


def test_the_picture_shows_curves_and_every_kind_without_a_display(run, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    began = time.process_time()
    path = draw_training(run, TrainOptions())
    assert time.process_time() - began < 5  # mostly the import
    found = colours(path)
    assert path == run / "training.png" and Image.open(path).size == (1430, 440)
    assert all(found.get(colour, 0) > 100 for colour in KIND_COLOURS.values()) and found[CURVE] > 500
    first = path.read_bytes()
    assert draw_training(run, TrainOptions()).read_bytes() == first


def test_a_kind_that_is_not_there_is_not_drawn(run):
    write_cosines(run, 400, np.array([0, 0, 2]), np.array([0.5, 0.7, 0.1]))
    found = colours(draw_training(run, TrainOptions()))
    assert found.get(KIND_COLOURS["clip"], 0) > 100 and found.get(KIND_COLOURS["speaker"], 0) == 0


@pytest.mark.parametrize("rows", [[], [HistoryRow(1, 0.7, 1e-3, float("nan"), 50.0, 0.0, 1.0)], ROWS[:1]])
def test_a_run_that_has_hardly_begun_is_drawn_too(tmp_path, rows):
    history.begin(tmp_path)
    for row in rows:
        history.append(tmp_path, row)
    assert draw_training(tmp_path, TrainOptions.preset("fast")).stat().st_size > 5000


# cosines and history


def test_cosines_come_back_by_kind(run):
    found = read_cosines(run)
    assert {kind: len(values) for kind, values in found.items()} == {
        "positive": 40,
        "shift": 20,
        "clip": 10,
        "speaker": 10,
    }
    assert auc_by_kind(found)["all"] == (1.0, 40)
    assert (
        auc_by_kind({"positive": np.array([np.nan]), "clip": np.zeros(2)})
        == {}
        == auc_by_kind({"positive": np.zeros(3)})
    )
    assert read_cosines(run / "nowhere") == {}


def test_files_that_are_not_a_runs_are_refused(run):
    (run / "cosines.csv").write_text("step,kind,cosine\n1,clip,much\n")
    with pytest.raises(ModelError, match=r"cosines\.csv has other rows than step, kind, cosine"):
        read_cosines(run)
    (run / "history.csv").write_text("step,loss\n1,0.5\n")
    with pytest.raises(ModelError, match=r"history\.csv has other rows than step, loss, lr"):
        history.read(run)


def test_history_is_read_as_it_was_written(run):
    rows = history.read(run)
    assert [row.step for row in rows] == [100, 200, 300, 400] and rows[2].loss == pytest.approx(
        0.7 / 3, rel=1e-5
    )
    assert history.read(run / "nowhere") == []


def test_a_row_that_a_full_disk_cut_is_none(run):
    """So cut, it would be a row of step 4; the run goes on behind the last whole one."""
    rows = history.read(run)
    whole = (run / "history.csv").read_text()
    (run / "history.csv").write_text(f"{whole}4")
    assert history.read(run) == rows
    history.begin(run, 400)
    assert (run / "history.csv").read_text() == whole


# TensorBoard


def scalars(run, tag):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    return {event.step: event.value for event in found.Scalars(tag)}


def test_rows_become_scalars_and_a_resumed_run_goes_on_from_its_checkpoint(tmp_path):
    pytest.importorskip("tensorboard")
    first = Scalars(tmp_path)
    assert not (tmp_path / "tensorboard").exists(), "a run's folder must be empty when it begins"
    for row in ROWS[:3]:
        first.row(row)
    first.close()
    assert scalars(tmp_path, "train/loss") == pytest.approx({100: 0.7, 200: 0.35, 300: 0.7 / 3})
    time.sleep(1.1)  # TensorBoard orders files by the second in their names
    again = Scalars(tmp_path, after_step=200)  # step 300 was not saved
    again.row(HistoryRow(300, 0.25, 1e-3, float("nan"), 50.0, 0.01, 1.0))
    again.close()
    assert scalars(tmp_path, "train/loss") == pytest.approx({100: 0.7, 200: 0.35, 300: 0.25})
    assert set(scalars(tmp_path, "validation/pair_auc")) == {100, 200}, "what is no number is left out"


def test_without_tensorboard_only_who_asked_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("speechlip.training.run.tensorboard.installed", lambda: False)
    notes = KeptProgress()
    assert [open_scalars(tmp_path, 0, wanted, notes) for wanted in (None, False, True)] == [None] * 3
    assert len(notes.said) == 1 and "pip install -e '.[train]' in the clone of speechlip" in notes.said[0]


# the bar


def test_the_bar_shows_loss_auc_speed_and_waiting(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with TrainingBar() as progress:
        progress.begin("se4lip", 10, "steps", done=4)  # a run that goes on
        progress.advance()
        progress.row(HistoryRow(5, 0.61234, 1e-3, 0.8765, 123.4, 0.034, 1.0))
        shown = str(progress.bar.bar)
    assert "loss 0.6123, pair AUC 0.876, 123 windows/s, 3% waiting for data" in shown and "5/10" in shown
    progress.counted = TrainOptions(encoder="pase").batches_of
    progress.row(HistoryRow(6, 0.5, 1e-3, 0.8765, 4.2, 0.034, 1.0))
    assert "4 excerpts/s" in progress.words
