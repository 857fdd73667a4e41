"""The benchmark end to end on a tiny folder: who sees wins, the same again gives the same, nothing is done
twice, no failure loses a row.
"""

import shutil
from dataclasses import replace

import pytest
import tiny_dataset
from tiny_benchmark import (
    FEW,
    OPTIONS,
    REAL_CONTROLS,
    REAL_LIPS,
    SEEING,
    SHUFFLED,
    benchmark,
    without_times,
)

import speechlip
from speechlip.benchmarking import rates, tasks
from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.shards import shards_facts

pytestmark = [pytest.mark.early, pytest.mark.usefixtures("tiny")]


@pytest.fixture(scope="module")
def finished(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "out"
    return out, *benchmark(shards, out, SEEING)


def test_who_sees_the_lips_wins_and_features_of_other_clips_are_at_chance(finished):
    _, found, watcher = finished
    seeing, shuffled = found.rows
    assert seeing.scores["pair_auc"].value > 0.95 and seeing.scores["offset_exact"].value == 1.0
    assert seeing.scores["r1_lips_to_speech"].value > 0.7 and seeing.is_best
    assert abs(shuffled.scores["pair_auc"].value - 0.5) < 0.2 and shuffled.role == "control"
    assert shuffled.differences["pair_auc"].to == SEEING
    assert shuffled.differences["pair_auc"].ci_high < 0 and shuffled.differences["pair_auc"].p is None, (
        "4 clips have no p"
    )
    assert min(seeing.seeds[0].curve) == seeing.seeds[0].curve[15]
    assert [seed.steps for seed in seeing.seeds] == [40, 40] and seeing.seeds[0].loss != seeing.seeds[1].loss
    assert (
        watcher.done == watcher.plan.steps == 160
        and watcher.plan.seconds_left > 0
        and watcher.rows == [SEEING, SHUFFLED]
    )


def test_what_is_written_is_what_was_found_and_says_what_was_compared(finished):
    out, found, _ = finished
    assert Benchmark.load(out / "benchmark.json") == found
    assert (
        found.protocol == "speechlip-encoder-2"
        and found.options["split"] == "test"
        and found.shards.gallery == 16
    )
    assert found.clips == ("dora-0", "dora-1", "emil-0", "emil-1")
    assert found.shards.too_short == 1 and found.rows[0].seeds[0].offsets[3] is None  # 40 frames
    assert any("1 of 4 clips are shorter than 44 frames" in note for note in found.notes)
    assert found.rows[0].ambiguity.reason.startswith("these shards carry no phones")
    assert len((out / "benchmark.csv").read_text().splitlines()) == 3
    assert not list(out.rglob("*.npy"))  # features are large and gone
    assert (out / "benchmark.html").is_file() and SEEING in (out / "README.md").read_text()


def test_one_encoder_may_be_one_name(shards, tmp_path):
    table = speechlip.benchmark(SEEING, str(shards), str(tmp_path), FEW, workers=1)
    assert [row.name for row in table.rows] == [SEEING, SHUFFLED]


def test_the_same_again_gives_the_same_json_but_for_times(shards, tmp_path):
    for name in ("first", "again"):
        benchmark(shards, tmp_path / name, SEEING, options=replace(FEW, steps=3, seeds=2))
    first, again = (
        without_times((tmp_path / name / "benchmark.json").read_text()) for name in ("first", "again")
    )
    assert again == first and len({seed["loss"] for row in first["rows"] for seed in row["seeds"]}) == 4


def test_finished_rows_are_not_made_again_until_something_changes(shards, tmp_path, monkeypatch):
    first, watcher = benchmark(shards, tmp_path, SEEING, options=FEW)
    assert watcher.rows == [SEEING, SHUFFLED]
    again, watcher = benchmark(shards, tmp_path, SEEING, options=FEW)
    assert watcher.rows == [] and (watcher.plan.done, watcher.plan.steps) == (2, 0) and again == first
    _, watcher = benchmark(shards, tmp_path, "tiny_encoders:constant", SEEING, options=FEW)
    assert watcher.rows == ["tiny_encoders:constant"]
    _, watcher = benchmark(shards, tmp_path, SEEING, options=replace(FEW, lr=1e-4))
    assert watcher.rows == [SEEING, SHUFFLED]
    _, watcher = benchmark(shards, tmp_path, SEEING, options=FEW)
    assert watcher.rows == []  # the rows of both options are there
    other = shutil.copytree(shards, tmp_path / "other")
    tiny_dataset.edit_manifest(other, lambda manifest: manifest.update(versions={"pillow": "1"}))
    _, watcher = benchmark(other, tmp_path, SEEING, options=FEW)
    assert watcher.rows == [SEEING, SHUFFLED]


def test_a_run_that_was_killed_goes_on_with_the_next_seed(shards, finished, tmp_path, monkeypatch):
    two_seeds, trained, fit = replace(FEW, seeds=2), [], rates.fit

    def counting(shards, cache, options, seed, *rest):
        trained.append(seed)
        if trained == [0, 1]:
            raise KeyboardInterrupt
        return fit(shards, cache, options, seed, *rest)

    monkeypatch.setattr(rates, "fit", counting)
    with pytest.raises(KeyboardInterrupt):
        benchmark(shards, tmp_path / "killed", SEEING, options=two_seeds)
    killed, _ = benchmark(shards, tmp_path / "killed", SEEING, options=two_seeds)
    assert trained == [0, 1, 1, 0, 1]  # the first seed was kept; then the control's two
    monkeypatch.undo()
    straight, _ = benchmark(shards, tmp_path / "straight", SEEING, options=two_seeds)
    assert killed.rows[0].seeds == straight.rows[0].seeds


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_row_whose_seeds_are_not_whole_is_made_again(shards, tmp_path, damage):
    two_seeds = replace(FEW, seeds=2)
    first, _ = benchmark(shards, tmp_path, SEEING, options=two_seeds)
    seed = next((tmp_path / ".rows").glob("*/seed-001.npz"))
    seed.write_bytes(seed.read_bytes()[:500]) if damage == "cut" else seed.unlink()
    again, watcher = benchmark(shards, tmp_path, SEEING, options=two_seeds)
    assert len(watcher.rows) == 1
    if damage == "gone":
        assert [row.scores for row in again.rows] == [row.scores for row in first.rows]
    else:
        assert "cannot be read" in next(row for row in again.rows if row.status == "failed").reason


def test_out_of_memory_suggests_a_batch_size(shards, tmp_path, monkeypatch):
    def full(*rest):
        raise MemoryError

    monkeypatch.setattr(rates, "fit", full)
    found, _ = benchmark(shards, tmp_path, SEEING, options=replace(FEW, batch_size=8))
    assert "out of memory with batches of 8 pairs; try --batch-size 4" in found.rows[0].reason


def test_all_controls_are_there_and_none_twice(shards, monkeypatch):
    facts, _ = shards_facts(shards, "test")
    monkeypatch.setattr(tasks, "CONTROLS", REAL_CONTROLS)
    monkeypatch.setattr(tasks, "LIPS", REAL_LIPS)
    made = tasks.tasks_of(["log-mel", "hubert", "hubert"], facts, OPTIONS)
    assert [(task.name, task.role) for task in made] == [
        ("log-mel", "encoder"),
        ("hubert", "encoder"),
        ("random:se4lip", "control"),
        ("shuffled:log-mel", "control"),
        ("log-stft", "control"),
        ("lips", "control"),
    ]
    assert made[-1].note == "mouth points, found by drawn" and len({task.key for task in made}) == 6
    without = tasks.tasks_of(["hubert"], replace(facts, landmarks=""), OPTIONS)
    assert "lips" not in {task.name for task in without}


def test_files_of_features_that_change_make_another_key(shards, tmp_path):
    facts, _ = shards_facts(shards, "test")
    name = f"features:{tmp_path}"
    (tmp_path / "a.npy").write_bytes(b"1")
    first = tasks.key_of(name, "head", facts, OPTIONS)
    assert tasks.key_of(name, "head", facts, OPTIONS) == first
    (tmp_path / "a.npy").write_bytes(b"12")
    assert tasks.key_of(name, "head", facts, OPTIONS) != first


def test_a_process_that_dies_twice_is_a_row_with_its_reason(shards, tmp_path, monkeypatch):
    from speechlip.workers.events import Crashed

    def dying(work, units, workers, limits=None, light=False):
        while units:
            yield Crashed(units.popleft(), "", -9)

    monkeypatch.setattr("speechlip.workers.outcomes.local", dying)
    rows = benchmark(shards, tmp_path, "tiny_encoders:constant", SEEING, options=FEW, workers=2)[0].rows
    assert [row.reason[:32] for row in rows] == ["its process died with exit code "] * 3


def test_the_example_package_is_scored_by_its_name(example_plugin, shards, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(example_plugin))
    scored = benchmark(shards, tmp_path / "out", "loudness", options=FEW)[0].rows[0]
    assert (scored.label, scored.status, scored.rate_hz, scored.frame_dim) == ("loudness", "scored", 100, 8)
    assert 0 <= scored.scores["pair_auc"].value <= 1
