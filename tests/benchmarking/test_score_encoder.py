"""The command: what it prints, its exit codes, and what it makes of data and options that no encoder can be
scored with.
"""

import errno
import json
import os
import shutil

import pytest
import tiny_dataset
from tiny_benchmark import FEW, SEEING, SHUFFLED, benchmark

from speechlip.benchmarking.records import Benchmark
from speechlip.benchmarking.shards import notes_of, shards_facts
from speechlip.commands.cli import speechlip
from speechlip.errors import OptionError
from speechlip.training.run.checkpoint import hold_run

pytestmark = pytest.mark.usefixtures("tiny")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        speechlip(["score-encoder", *map(str, arguments)])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


FAILING = {
    "tiny_encoders:short": "are 2.00 s, the clip has 2.40 s",
    "tiny_encoders:not_a_number": "feature 3 of nan is not finite",
    "tiny_encoders:failing": "unexpected error: RuntimeError: no such luck [tiny_encoders.py:",
    "whisper:/nowhere/at/all": "/nowhere/at/all",
}


def test_a_full_disk_ends_the_run(shards, tmp_path, capsys, monkeypatch):
    """Every other encoder would be trained for nothing."""

    def full(*given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    names = ("--encoder", SEEING, "--encoder", "tiny_encoders:constant")
    code, _, notes = call(capsys, shards, *names, "--workers", 1, "--quiet", "-o", tmp_path)
    assert code == 1 and notes.count("\n") == 1
    assert "train.npy: No space left on device; what is finished is kept" in notes


def test_an_encoder_that_fails_is_a_row_with_its_reason_and_loses_no_other(
    shards, tmp_path, capsys, monkeypatch
):
    options = (
        "--steps",
        1,
        "--seeds",
        1,
        "--batch-size",
        4,
        "--device",
        "cpu",
        "--workers",
        1,
        "-o",
        tmp_path,
    )
    code, said, notes = call(
        capsys, shards, *(part for name in [*FAILING, SEEING] for part in ("--encoder", name)), *options
    )
    assert code == 3 and "4 of 6 rows missing: tiny_encoders:short, " in notes
    rows = {found.name: found for found in Benchmark.load(tmp_path / "benchmark.json").rows}
    assert {rows[name].status for name in FAILING} == {"failed"} and rows[SEEING].status == rows[
        SHUFFLED
    ].status == "scored"
    for name, words in FAILING.items():
        assert words in rows[name].reason and f"{name}: not scored: " in said
    assert (tmp_path / "benchmark.html").is_file()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hubrt", "no encoder 'hubrt'; there are: "),
        ("shuffled:log-mell", "no encoder 'log-mell'; there are: "),
        ("random:se4lps", "no encoder 'se4lps'; there are: "),
        ("hubert@13", "there are layers 0 … 12"),
        ("whisper:tinny", "no Whisper 'tinny'; there are: tiny, "),
        ("features:{shards}/nowhere", "there is no folder {shards}/nowhere"),
        ("hubert:{shards}/nowhere.pt", "there is no file {shards}/nowhere.pt"),
        ("log-mel@3", "has neither layers nor a place"),
        ("tiny_encoders:seing", "cannot be imported: AttributeError"),
        ("tiny_encodes:seeing", "cannot be imported: ModuleNotFoundError"),
        ("{shards}", "holds no checkpoint"),
    ],
)
def test_a_misspelt_encoder_is_refused_before_anything_is_trained(shards, tmp_path, capsys, name, words):
    """It was a failed row, after the controls had been trained for an hour."""
    asked = (
        "--encoder",
        SEEING,
        "--encoder",
        name.format(shards=shards),
        "--workers",
        1,
        "--device",
        "cpu",
        "-o",
        tmp_path / "out",
    )
    code, said, error = call(capsys, shards, *asked)
    assert (code, said) == (1, "") and error.startswith("error: ") and error.count("\n") == 1
    assert words.format(shards=shards) in error and not list((tmp_path / "out").rglob("*.npz"))


def test_steps_under_the_warm_up_and_too_few_clips_are_said(shards, tmp_path, capsys):
    options = (
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
    code, said, notes = call(capsys, shards, "--encoder", SEEING, *options)
    assert code == 0 and "1 step of training, under the warm-up of 20 steps" in notes
    assert "no p and no stars: they want 10 clips, there are 4" in said
    found = Benchmark.load(tmp_path / "benchmark.json")
    assert any("under the warm-up" in note for note in found.notes) and any(
        "no p and no stars" in note for note in found.notes
    )
    assert all(difference.p is None for row in found.rows for difference in row.differences.values())
    assert "no p and no stars" in (tmp_path / "benchmark.html").read_text() and found.intervals == "clip-t"


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
        (
            ("{shards}", "--split", "dev"),
            "split 'dev' of {shards} has no frozen pairs; there are some for: test",
        ),
        (("{shards}", "--precision", "fp8"), "precision is 'fp8'; there are: fp32, bf16"),
        (("nowhere",), "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(shards, tmp_path, capsys, arguments, words):
    code, said, error = call(
        capsys, *(text.format(shards=shards) for text in arguments), "--quiet", "-o", tmp_path / "out"
    )
    assert (code, said) == (1, "") and error.startswith("error: ") and error.count("\n") == 1
    assert words.format(shards=shards) in error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest.update(format=2), "has shard format 2, this speechlip reads format 1"),
        (
            lambda manifest: manifest["options"].update(crop="lower-face"),
            "holds crops 'lower-face', speechlip-encoder-2 compares encoders on",
        ),
        (lambda manifest: manifest["pairs"].clear(), "neither split test nor validation of"),
        (
            lambda manifest: manifest["pairs"]["test"].update(rows=0),
            "has no frozen pairs; there are some for: none",
        ),
        (
            lambda manifest: manifest.update(
                shards=[row for row in manifest["shards"] if row["split"] != "train"]
            ),
            "no split 'train' with shards",
        ),
    ],
)
def test_shards_that_the_protocol_cannot_take_are_one_line_and_exit_code_1(
    shards, tmp_path, capsys, change, words
):
    other = shutil.copytree(shards, tmp_path / "shards")
    tiny_dataset.edit_manifest(other, change)
    code, said, error = call(capsys, other, "-o", tmp_path / "out", "--encoder", SEEING)
    assert (
        (code, said) == (1, "") and error.startswith("error: ") and error.count("\n") == 1 and words in error
    )


def test_one_speaker_has_no_speaker_negatives_and_that_is_said(tmp_path):
    splits = {"train": {"anna": (60, 50, 45)}, "test": {"dora": (60, 50, 48)}}
    found, watcher = benchmark(
        tiny_dataset.write_dataset(tmp_path / "shards", splits), tmp_path / "out", SEEING, options=FEW
    )
    assert found.shards.off == {"speaker": "split 'test' has one speaker"}
    assert "no 'speaker' negatives: split 'test' has one speaker" in watcher.plan.notes
    assert found.rows[0].scores["pair_auc_speaker"].reason == "split 'test' has one speaker"
    assert found.rows[0].scores["pair_auc_clip"].value is not None
    assert "no control 'lips': these shards carry no landmarks" in found.notes


def test_without_copies_nothing_is_said(shards):
    facts, clips = shards_facts(shards, "test")
    assert not any("more than one split" in note for note in notes_of(shards, facts, clips))


def test_a_leaked_copy_is_named(shards, tmp_path):
    other = shutil.copytree(shards, tmp_path / "shards")
    rows = [json.loads(line) for line in (other / "ledger.jsonl").read_text().splitlines()]
    copies = {
        row["source"]: row | {"sha256": "0" * 64} if row["source"] in ("anna.mp4", "dora.mp4") else row
        for row in rows
    }
    (other / "ledger.jsonl").write_text("".join(json.dumps(row) + "\n" for row in copies.values()))
    notes = notes_of(other, *shards_facts(other, "test"))
    assert (
        "1 recordings lie in more than one split (anna.mp4, dora.mp4): what is examined may have been learned"
        in notes
    )


def test_two_runs_into_one_folder_are_refused(shards, tmp_path):
    with hold_run(tmp_path, resume=True), pytest.raises(OptionError, match="another run is writing to"):
        benchmark(shards, tmp_path, SEEING, options=FEW)
