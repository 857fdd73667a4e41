"""The benchmark end to end on a tiny folder: who sees wins, the same again gives the same, nothing is done twice, no failure loses a row."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import tiny_dataset
import tiny_encoders
from speechlip.benchmark import head, row, run, tasks
from speechlip.benchmark.options import BenchmarkOptions
from speechlip.benchmark.records import Cost, load_benchmark
from speechlip.benchmark.run import BenchmarkJob, run_benchmark
from speechlip.benchmark.tasks import tasks_of
from speechlip.cli import speechlip
from speechlip.errors import OptionError
from speechlip.training.checkpoint import only_run
from speechlip.training.config import TrainOptions
from speechlip.training.loop import train

SPLITS = {
    "train": dict.fromkeys(("anna", "ben", "chen", "dan"), (60, 55, 50)),
    "test": {"dora": (60, 48), "emil": (50, 40)},
}
OPTIONS = BenchmarkOptions(steps=40, seeds=2, batch_size=16, lr=5e-3, warmup_steps=5, device="cpu", resamples=50)
SEEING, SHUFFLED = "tiny_encoders:seeing", "shuffled:tiny_encoders:seeing"
TIMES = ("seconds", "cost")


class Silent:
    def __init__(self):
        self.plan, self.rows, self.steps = None, [], 0

    def planned(self, plan):
        self.plan = plan

    def advanced(self, doing, steps):
        self.steps += steps

    def scored(self, row):
        self.rows.append(row.label)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards", SPLITS, lips_format="jpg", landmarks=True)


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """A lip network of one layer, no process to measure costs, one control."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "LipEncoder", tiny_encoders.TinyLips)
        patch.setattr(row, "measured_cost", lambda task, parameters, *rest: Cost(parameters, 1, None))
        patch.setattr(tasks, "CONTROLS", {SHUFFLED: "has to be at chance"})
        patch.setattr(tasks, "LIPS", SHUFFLED)
        yield


def benchmark(shards, out, *encoders, options=OPTIONS):
    watcher = Silent()
    return run_benchmark(BenchmarkJob(shards, out, encoders, options), watcher), watcher


@pytest.fixture(scope="module")
def finished(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "out"
    return out, *benchmark(shards, out, SEEING)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Options that give a row in no time."""
    return replace(OPTIONS, steps=1, seeds=1, batch_size=4)


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        speechlip(["score-encoder", *map(str, arguments)])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def without_times(benchmark_json):
    content = json.loads(benchmark_json)
    return content | {"rows": [{name: value for name, value in row.items() if name not in TIMES} for row in content["rows"]]}


def test_who_sees_the_lips_wins_and_features_of_other_clips_are_at_chance(finished):
    _, found, watcher = finished
    seeing, shuffled = found.rows
    assert seeing.scores["pair_auc"].value > 0.95 and seeing.scores["offset_exact"].value == 1.0
    assert seeing.scores["r1_lips_to_speech"].value > 0.7 and seeing.is_best
    assert abs(shuffled.scores["pair_auc"].value - 0.5) < 0.2 and shuffled.role == "control"
    assert shuffled.differences["pair_auc"].to == SEEING and shuffled.differences["pair_auc"].p < 0.1
    assert min(seeing.seeds[0].curve) == seeing.seeds[0].curve[15]
    assert [seed.steps for seed in seeing.seeds] == [40, 40] and seeing.seeds[0].loss != seeing.seeds[1].loss
    assert watcher.steps == watcher.plan.steps == 160 and watcher.plan.seconds_left > 0 and watcher.rows == [SEEING, SHUFFLED]


def test_what_is_written_is_what_was_found_and_says_what_was_compared(finished):
    out, found, _ = finished
    assert load_benchmark(out / "benchmark.json") == found
    assert found.protocol == "speechlip-encoder-1" and found.options["split"] == "test" and found.shards.gallery == 16
    assert found.clips == ("dora-0", "dora-1", "emil-0", "emil-1")
    assert found.shards.too_short == 1 and found.rows[0].seeds[0].offsets[3] is None  # 40 frames
    assert any("1 of 4 clips are shorter than 44 frames" in note for note in found.notes)
    assert found.rows[0].ambiguity.reason.startswith("these shards carry no phones")
    assert len((out / "benchmark.csv").read_text().splitlines()) == 3
    assert not list(out.rglob("*.npy"))  # features are large and gone


def test_the_same_again_gives_the_same_json_but_for_times(shards, few, tmp_path):
    for name in ("first", "again"):
        benchmark(shards, tmp_path / name, SEEING, options=replace(few, steps=3, seeds=2))
    first, again = (without_times((tmp_path / name / "benchmark.json").read_text()) for name in ("first", "again"))
    assert again == first and len({seed["loss"] for row in first["rows"] for seed in row["seeds"]}) == 4


def test_finished_rows_are_not_made_again_until_something_changes(shards, few, tmp_path, monkeypatch):
    first, watcher = benchmark(shards, tmp_path, SEEING, options=few)
    assert watcher.rows == [SEEING, SHUFFLED]
    again, watcher = benchmark(shards, tmp_path, SEEING, options=few)
    assert watcher.rows == [] and (watcher.plan.done, watcher.plan.steps) == (2, 0) and again == first
    _, watcher = benchmark(shards, tmp_path, "tiny_encoders:constant", SEEING, options=few)
    assert watcher.rows == ["tiny_encoders:constant"]
    _, watcher = benchmark(shards, tmp_path, SEEING, options=replace(few, lr=1e-4))
    assert watcher.rows == [SEEING, SHUFFLED]
    _, watcher = benchmark(shards, tmp_path, SEEING, options=few)
    assert watcher.rows == []  # the rows of both options are there
    other = shutil.copytree(shards, tmp_path / "other")
    tiny_dataset.edit_manifest(other, lambda manifest: manifest.update(versions={"pillow": "1"}))
    _, watcher = benchmark(other, tmp_path, SEEING, options=few)
    assert watcher.rows == [SEEING, SHUFFLED]


def test_a_run_that_was_killed_goes_on_with_the_next_seed(shards, few, finished, tmp_path, monkeypatch):
    two_seeds, trained, fit = replace(few, seeds=2), [], row.fit

    def counting(shards, cache, options, seed, *rest):
        trained.append(seed)
        if trained == [0, 1]:
            raise KeyboardInterrupt
        return fit(shards, cache, options, seed, *rest)

    monkeypatch.setattr(row, "fit", counting)
    with pytest.raises(KeyboardInterrupt):
        benchmark(shards, tmp_path / "killed", SEEING, options=two_seeds)
    killed, _ = benchmark(shards, tmp_path / "killed", SEEING, options=two_seeds)
    assert trained == [0, 1, 1, 0, 1]  # the first seed was kept; then the control's two
    monkeypatch.undo()
    straight, _ = benchmark(shards, tmp_path / "straight", SEEING, options=two_seeds)
    assert killed.rows[0].seeds == straight.rows[0].seeds


FAILING = {
    "tiny_encoders:short": "are 2.00 s, the clip has 2.40 s",
    "tiny_encoders:not_a_number": "feature 3 of nan is not finite",
    "tiny_encoders:failing": "unexpected error: RuntimeError: no such luck [tiny_encoders.py:",
    "hubrt": "no encoder 'hubrt'; there are: ",
}


def test_an_encoder_that_fails_is_a_row_with_its_reason_and_loses_no_other(shards, few, tmp_path, capsys, monkeypatch):
    options = ("--steps", 1, "--seeds", 1, "--batch-size", 4, "--device", "cpu", "--workers", 1, "-o", tmp_path)
    code, said, notes = call(capsys, shards, *(part for name in [*FAILING, SEEING] for part in ("--encoder", name)), *options)
    assert code == 3 and "4 of 6 rows are missing: tiny_encoders:short, " in notes
    rows = {found.name: found for found in load_benchmark(tmp_path / "benchmark.json").rows}
    assert {rows[name].status for name in FAILING} == {"failed"} and rows[SEEING].status == rows[SHUFFLED].status == "scored"
    for name, words in FAILING.items():
        assert words in rows[name].reason and f"{name}: not scored: " in said
    assert (tmp_path / "benchmark.html").is_file()


def test_out_of_memory_suggests_a_batch_size(shards, few, tmp_path, monkeypatch):
    def full(*rest):
        raise MemoryError

    monkeypatch.setattr(row, "fit", full)
    found, _ = benchmark(shards, tmp_path, SEEING, options=replace(few, batch_size=8))
    assert "out of memory with batches of 8 pairs; try --batch-size 4" in found.rows[0].reason


def test_the_command_prints_its_estimate_and_the_table_and_is_silent_when_asked(shards, tmp_path, capsys):
    options = (
        shards,
        "--encoder",
        SEEING,
        "--preset",
        "quick",
        "--steps",
        1,
        "--batch-size",
        4,
        "--workers",
        1,
        "--device",
        "cpu",
        "-o",
        tmp_path,
    )
    code, said, notes = call(capsys, *options)
    assert code == 0 and "2 steps of 4 pairs at " in notes and f"{SEEING}: pair AUC 0." in notes
    assert said.splitlines()[0].startswith("encoder ") and f"{tmp_path}/benchmark.json" in said
    assert call(capsys, *options, "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("{shards}", "--preset", "fast"), "no preset 'fast'; there are: full, quick"),
        (("{shards}", "--steps", "0"), "steps is 0; it must be at least 1"),
        (("{shards}", "--batch-size", "1"), "must be at least 2 (batch norm)"),
        (("{shards}", "--split", "dev"), "split 'dev' of {shards} has no frozen pairs; there are some for: test"),
        (("{shards}", "--precision", "fp8"), "precision is 'fp8'; there are: fp32, bf16"),
        (("nowhere",), "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(shards, tmp_path, capsys, arguments, words):
    code, said, error = call(capsys, *(text.format(shards=shards) for text in arguments), "--quiet", "-o", tmp_path / "out")
    assert (code, said) == (1, "") and error.startswith("error: ") and error.count("\n") == 1
    assert words.format(shards=shards) in error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest.update(format=2), "has shard format 2, this speechlip reads format 1"),
        (
            lambda manifest: manifest["options"].update(crop="lower-face"),
            "holds crops 'lower-face', speechlip-encoder-1 compares encoders on",
        ),
        (lambda manifest: manifest["pairs"].clear(), "neither split test nor validation of"),
        (lambda manifest: manifest["pairs"]["test"].update(rows=0), "has no frozen pairs; there are some for: none"),
        (
            lambda manifest: manifest.update(shards=[row for row in manifest["shards"] if row["split"] != "train"]),
            "no split 'train' with shards",
        ),
    ],
)
def test_shards_that_the_protocol_cannot_take_are_one_line_and_exit_code_1(shards, tmp_path, capsys, change, words):
    other = shutil.copytree(shards, tmp_path / "shards")
    tiny_dataset.edit_manifest(other, change)
    code, said, error = call(capsys, other, "-o", tmp_path / "out", "--encoder", SEEING)
    assert (code, said) == (1, "") and error.startswith("error: ") and error.count("\n") == 1 and words in error


def test_one_speaker_has_no_speaker_negatives_and_that_is_said(few, tmp_path):
    splits = {"train": {"anna": (60, 50, 45)}, "test": {"dora": (60, 50, 48)}}
    found, watcher = benchmark(tiny_dataset.write_dataset(tmp_path / "shards", splits), tmp_path / "out", SEEING, options=few)
    assert found.shards.off == {"speaker": "split 'test' has one speaker"}
    assert "no 'speaker' negatives: split 'test' has one speaker" in watcher.plan.notes
    assert found.rows[0].scores["pair_auc_speaker"].reason == "split 'test' has one speaker"
    assert found.rows[0].scores["pair_auc_clip"].value is not None
    assert "no control 'lips': these shards carry no landmarks" in found.notes


def test_two_runs_into_one_folder_are_refused(shards, few, tmp_path):
    with only_run(tmp_path, resume=True), pytest.raises(OptionError, match="another run is writing to"):
        benchmark(shards, tmp_path, SEEING, options=few)


# runs of train-encoder


@pytest.fixture(scope="module")
def short_shards(tmp_path_factory):
    """The real lip network looks at every window of the test split: few of them."""
    splits = {"train": {"anna": (20, 20), "ben": (20, 20)}, "test": {"dora": (45, 16), "emil": (16,)}}
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("short") / "shards", splits, lips_format="jpg")


@pytest.fixture(scope="module")
def trained(short_shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mel-cnn"
    train(short_shards, TrainOptions(encoder="mel-cnn", loss="nce", steps=1, batch_size=4, validation_pairs=4, device="cpu"), out)
    return out


@pytest.fixture(scope="module")
def scored_run(short_shards, few, trained, tmp_path_factory):
    return benchmark(short_shards, tmp_path_factory.mktemp("scored"), str(trained), options=few)[0]


def test_a_run_of_train_encoder_is_scored_with_the_head_and_as_it_is(scored_run, trained):
    headed, own, _ = scored_run.rows
    assert (headed.mode, own.mode, own.label) == ("head", "as trained", f"{trained} (as trained)")
    assert headed.status == own.status == "scored" and len(own.seeds) == 1 and own.seeds[0].loss is None
    assert own.seeds[0].steps == 1 and own.unlike_paper["loss"] == "nce, the paper has relu"
    assert headed.frame_dim == 512 and headed.scores["pair_auc"] != own.scores["pair_auc"]


def test_as_trained_says_what_the_exam_of_training_says(short_shards, scored_run, trained):
    """The same cosines of the same frozen pairs by other code: ``training.exam`` cuts windows one by one."""
    from speechlip.encoders.trained import load_run
    from speechlip.metrics.pairs import pair_auc
    from speechlip.training.exam import open_exam

    exam, _ = open_exam(short_shards, 1000, "test")
    cosines = exam.cosines(load_run(trained).pair)
    assert scored_run.rows[1].scores["pair_auc"].value == pytest.approx(pair_auc(cosines, exam.label), abs=0.02)


def test_a_checkpoint_with_code_in_it_is_a_row_with_its_reason_and_the_code_is_not_run(short_shards, few, trained, tmp_path):
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    own = shutil.copytree(trained, tmp_path / "run")
    (step,) = own.glob("step-*")
    (step / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    facts = json.loads((step / "checkpoint.json").read_text())
    facts["sha256"] = hashlib.sha256((step / "model.safetensors").read_bytes()).hexdigest()
    (step / "checkpoint.json").write_text(json.dumps(facts))
    found, _ = benchmark(short_shards, tmp_path / "out", str(own), options=few)
    assert [row.status for row in found.rows] == ["failed", "failed", "scored"] and "model.safetensors cannot be read" in found.rows[
        1
    ].reason
    assert not (tmp_path / "ran").exists()


def test_a_run_on_other_crops_is_a_row_with_its_reason(short_shards, few, trained, tmp_path):
    own = shutil.copytree(trained, tmp_path / "run")
    (path,) = own.glob("step-*/checkpoint.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"crop": "lower-face"}))
    found, _ = benchmark(short_shards, tmp_path / "out", str(own), options=few)
    assert "was trained on crops 'lower-face', these shards hold 'lips'" in found.rows[1].reason


# controls, phones, processes


def test_all_controls_are_there_and_none_twice(shards, monkeypatch):
    monkeypatch.undo()
    from speechlip.benchmark.tasks import shards_facts

    facts, _ = shards_facts(shards, "test")
    monkeypatch.setattr(tasks, "CONTROLS", dict.fromkeys(["random:se4lip", "shuffled:log-mel", "log-stft", "log-mel"], ""))
    monkeypatch.setattr(tasks, "LIPS", "lips")
    made = tasks_of(["log-mel", "hubert", "hubert"], facts, OPTIONS)
    assert [(task.name, task.role) for task in made] == [
        ("log-mel", "encoder"),
        ("hubert", "encoder"),
        ("random:se4lip", "control"),
        ("shuffled:log-mel", "control"),
        ("log-stft", "control"),
        ("lips", "control"),
    ]
    assert made[-1].note == "mouth points, found by drawn" and len({task.key for task in made}) == 6
    without = tasks_of(["hubert"], replace(facts, landmarks=""), OPTIONS)
    assert "lips" not in {task.name for task in without}


def test_files_of_features_that_change_make_another_key(shards, tmp_path):
    facts, _ = tasks.shards_facts(shards, "test")
    name = f"features:{tmp_path}"
    (tmp_path / "a.npy").write_bytes(b"1")
    first = tasks.key_of(name, "head", facts, OPTIONS)
    assert tasks.key_of(name, "head", facts, OPTIONS) == first
    (tmp_path / "a.npy").write_bytes(b"12")
    assert tasks.key_of(name, "head", facts, OPTIONS) != first


def test_a_process_that_dies_twice_is_a_row_with_its_reason(shards, few, tmp_path, monkeypatch):
    from speechlip.shards.engine import Crashed

    def dying(work, units, workers):
        while units:
            yield Crashed(units.popleft(), "", -9)

    monkeypatch.setattr(run, "local", dying)
    job = BenchmarkJob(shards, tmp_path, ("tiny_encoders:constant", SEEING), few, workers=2)
    rows = run_benchmark(job, Silent()).rows
    assert [row.reason[:32] for row in rows] == ["its process died with exit code "] * 3


@pytest.mark.slow
def test_two_processes_find_what_one_finds(short_shards, few, tmp_path, monkeypatch):
    """With the real lip network and the real measure of costs, since a fresh process knows nothing of what is patched here."""
    from speechlip.encoders.lips import LipEncoder

    monkeypatch.setattr(head, "LipEncoder", LipEncoder)
    for workers in (1, 2):
        run_benchmark(BenchmarkJob(short_shards, tmp_path / str(workers), ("log-mel",), few, workers), Silent())
    one, two = (without_times((tmp_path / name / "benchmark.json").read_text()) for name in ("1", "2"))
    assert one == two and [row["status"] for row in two["rows"]] == ["scored", "scored"]
    assert load_benchmark(tmp_path / "2" / "benchmark.json").rows[0].cost.real_time_factor > 0


def test_help_does_not_import_torch():
    code = (
        "import sys; from speechlip.cli import score_encoder\n"
        "try: score_encoder(['--help'])\nexcept SystemExit as e: assert not e.code\n"
        "assert not {'torch', 'numpy', 'speechlip.benchmark'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "score-encoder shards/ --encoder hubert --encoder runs/se4lip --preset quick" in done.stdout


def test_the_example_package_is_scored_by_its_name(example_plugin, shards, few, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(example_plugin))
    scored = benchmark(shards, tmp_path / "out", "loudness", options=few)[0].rows[0]
    assert (scored.label, scored.status, scored.rate_hz, scored.frame_dim) == ("loudness", "scored", 100, 8)
    assert 0 <= scored.scores["pair_auc"].value <= 1
