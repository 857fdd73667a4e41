"""Learning rates are chosen on validation people, the same grid for every row, and nothing of the test part
chooses.
"""

import json
from dataclasses import replace

import pytest
import tiny_dataset
from tiny_benchmark import FEW, SEEING, SHUFFLED, benchmark

from speechlip.benchmarking import rates
from speechlip.benchmarking.evaluation.scores import notes_on
from speechlip.benchmarking.options import MIDDLE, RATES
from speechlip.benchmarking.rates import chosen
from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.report.table import as_text, csv_row
from speechlip.benchmarking.row_records import RateTried
from speechlip.errors import OptionError, SpeechLipError

pytestmark = pytest.mark.usefixtures("tiny")
GRID = replace(FEW, steps=2, seeds=2, batch_size=6, lr=None, warmup_steps=1)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Shards with validation people."""
    splits = {
        "train": {"anna": (60, 50), "ben": (60, 50), "chen": (60, 50)},
        "validation": {"fay": (45, 30), "gil": (30,)},
        "test": {"dora": (45, 30), "emil": (30,)},
    }
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("people") / "shards", splits)


@pytest.fixture(scope="module")
def scored(people, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("grid") / "out"
    return out, *benchmark(people, out, SEEING, options=GRID)


def tried(*means):
    return [RateTried(lr, (mean,)) for lr, mean in zip(RATES, means, strict=True)]


def test_the_best_mean_over_seeds_is_chosen_and_an_edge_is_marked():
    assert [chosen(tried(*means)).lr for means in ((0.7, 0.8, 0.6), (0.9, 0.8, 0.6), (0.6, 0.8, 0.9))] == [
        RATES[1],
        RATES[0],
        RATES[2],
    ]
    assert [chosen(tried(*means)).at_edge for means in ((0.7, 0.8, 0.6), (0.9, 0.8, 0.6))] == [False, True]
    assert chosen(tried(0.8, 0.8, 0.8)).lr == MIDDLE, "of equals the one in the middle"
    assert chosen(tried(0.6, 0.7, None)).lr == MIDDLE, "a rate at which it diverged is none"
    with pytest.raises(SpeechLipError, match="no number any more at any learning rate of the grid"):
        chosen(tried(None, None, None))


def test_what_validation_said_is_what_the_validation_split_says(scored, people, tmp_path):
    """The same pairs by other code: one rate given, and the validation split in place of the test."""
    row = scored[1].rows[0]
    assert [each.lr for each in row.rate.tried] == list(RATES) and row.rate.by == "validation"
    lr = RATES[2]
    alone, _ = benchmark(people, tmp_path, SEEING, options=replace(GRID, lr=lr, split="validation"))
    by_seed = [seed.scores["pair_auc"] for seed in alone.rows[0].seeds]
    assert row.rate.tried[2].validation == pytest.approx(by_seed) and len(by_seed) == 2
    means = [sum(each.validation) / 2 for each in row.rate.tried]
    assert row.rate.lr == RATES[means.index(max(means))]


def test_the_row_is_that_of_the_rate_given_alone(scored, people, tmp_path):
    _, found, watcher = scored
    row = found.rows[0]
    alone, _ = benchmark(people, tmp_path, SEEING, options=replace(GRID, lr=row.rate.lr))
    assert alone.rows[0].seeds == row.seeds and alone.rows[0].rate.by == "given"
    assert alone.rows[0].rate.tried == () and not alone.rows[0].rate.at_edge
    assert watcher.done == watcher.plan.steps == 2 * 2 * 3 * 2, "rows, seeds, rates, steps"


def test_the_rate_stands_in_every_file(scored):
    out, found, _ = scored
    row = found.rows[0]
    assert Benchmark.load(out / "benchmark.json") == found and found.shards.validation == "validation"
    kept = json.loads((out / "benchmark.json").read_text())["rows"][0]["rate"]
    assert [each["lr"] for each in kept["tried"]] == list(RATES) and len(kept["tried"][0]["validation"]) == 2
    mark = "*" if row.rate.at_edge else ""
    line = next(line for line in as_text(found).splitlines() if line.startswith(SEEING))
    assert line.split()[-1] == f"{row.rate.lr:g}{mark}"
    cells = csv_row(row)
    assert (cells["lr"], cells["lr_by"], cells["lr_at_edge"]) == (row.rate.lr, "validation", row.rate.at_edge)
    edge = replace(row, rate=replace(row.rate, at_edge=True))
    assert any(
        note.startswith("* the best learning rate is the least or the") for note in notes_on([edge], 9)
    )
    assert not list(out.rglob("*.safetensors")), "weights that were kept for the choice"


def test_a_run_that_was_killed_goes_on_with_the_next_rate_and_chooses_the_same(
    scored, people, tmp_path, monkeypatch
):
    fit, looked_at, trained = rates.fit, [], []
    pair_cosines = rates.pair_cosines

    def counting(shards, cache, options, seed, device, lr, *rest):
        trained.append((lr, seed))
        if len(trained) == 4:
            raise KeyboardInterrupt
        return fit(shards, cache, options, seed, device, lr, *rest)

    def looking(embed, shards, split, *rest):
        looked_at.append(split)
        return pair_cosines(embed, shards, split, *rest)

    monkeypatch.setattr(rates, "fit", counting)
    monkeypatch.setattr(rates, "pair_cosines", looking)
    with pytest.raises(KeyboardInterrupt):
        benchmark(people, tmp_path, SEEING, options=GRID)
    again, _ = benchmark(people, tmp_path, SEEING, options=GRID)
    low, middle, high = RATES
    assert trained[:7] == [(low, 0), (low, 1), (middle, 0), (middle, 1), (middle, 1), (high, 0), (high, 1)]
    assert again.rows[0].rate == scored[1].rows[0].rate and again.rows[0].seeds == scored[1].rows[0].seeds
    assert set(looked_at) == {"validation"}


def test_a_rate_that_diverges_is_not_chosen_and_loses_no_row(people, tmp_path, monkeypatch):
    fit = rates.fit

    def diverging(shards, cache, options, seed, device, lr, *rest):
        if lr == RATES[2]:
            raise rates.Diverged("step 3: the loss is nan")
        return fit(shards, cache, options, seed, device, lr, *rest)

    monkeypatch.setattr(rates, "fit", diverging)
    found, _ = benchmark(people, tmp_path, SEEING, options=replace(GRID, seeds=1, steps=1, batch_size=4))
    assert found.rows[0].status == "scored" and found.rows[0].rate.tried[2].validation == (None,)
    assert found.rows[0].rate.lr != RATES[2]


def test_without_validation_people_the_middle_is_taken_and_said(shards, tmp_path):
    found, watcher = benchmark(shards, tmp_path, SEEING, options=replace(FEW, lr=None))
    assert (found.rows[0].rate.lr, found.rows[0].rate.by) == (
        MIDDLE,
        "nobody",
    ) and found.shards.validation == ""
    assert any("no validation people to choose learning rates by: all rows" in note for note in found.notes)
    assert watcher.plan.steps == 2


def test_a_table_of_another_protocol_is_refused_and_stays(shards, tmp_path):
    benchmark(shards, tmp_path, SEEING, options=FEW)
    path = tmp_path / "benchmark.json"
    old = path.read_text().replace("speechlip-encoder-2", "speechlip-encoder-1")
    path.write_text(old)
    with pytest.raises(OptionError) as refused:
        benchmark(shards, tmp_path, SHUFFLED, options=FEW)
    assert "benchmark.json is a table by speechlip-encoder-1, this speechlip makes rows by" in str(
        refused.value
    )
    assert "give another folder with -o" in str(refused.value) and path.read_text() == old


def test_a_readme_of_somebody_is_not_replaced(shards, tmp_path):
    (tmp_path / "README.md").write_text("Our project.")
    with pytest.raises(OptionError, match="that no benchmark left there"):
        benchmark(shards, tmp_path, SEEING, options=FEW)
    assert (tmp_path / "README.md").read_text() == "Our project."


def test_a_file_of_the_old_protocol_can_still_be_read(scored, tmp_path):
    """Older files have no rate, no mix, no network and no split that chooses."""
    content = json.loads((scored[0] / "benchmark.json").read_text())
    content["protocol"] = "speechlip-encoder-1"
    del content["shards"]["validation"]
    for row in content["rows"]:
        del row["rate"], row["network"]
        for seed in row["seeds"]:
            del seed["mix"]
    (tmp_path / "benchmark.json").write_text(json.dumps(content))
    read = Benchmark.load(tmp_path / "benchmark.json")
    assert read.rows[0].rate is None and read.rows[0].mix == () and read.protocol == "speechlip-encoder-1"


def test_the_row_to_beat_is_named_where_it_is_missing(scored):
    row = scored[1].rows[0]
    words = "the row to beat is mel-cnn-wav2lip, and it is not here: train-encoder SHARDS --encoder mel-cnn-"
    assert any(note.startswith(words) for note in scored[1].notes)
    there = replace(row, network="mel-cnn-wav2lip")
    assert not any(note.startswith("the row to beat") for note in notes_on([row, there], 9))
