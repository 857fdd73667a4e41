"""verify-shards by several processes: the sentences of one, in their order."""

import os
from dataclasses import replace

import pytest
import tiny_dataset
from click.testing import CliRunner
from verifying import SHARD, SPLITS, edited

from speechlip.commands.cli import verify_shards
from speechlip.progress import SILENT
from speechlip.shards.checks import read_shard, shards
from speechlip.shards.checks.verify import WORTH_A_WORKER, settled, verify
from speechlip.shards.read.shardset import read_manifest
from speechlip.workers.auto import usable_cores


@pytest.fixture
def own(tmp_path):
    return tiny_dataset.write_dataset(tmp_path / "own", SPLITS)


def read_or_die(numbered, report, **given):
    if numbered[1].name == SHARD:
        report(numbered[1].name, 0)
        os._exit(9)
    return read_shard.read_shard(numbered, report, **given)


def test_two_workers_say_what_one_says(own):
    """A key that is in two shards, a field of another type, other bytes, a missing shard."""
    tiny_dataset.rewrite(own, SHARD, lambda samples: samples["anna-0"].update(json=b"{}"))
    second = "train-00001-of-00002.tar"

    def change(samples):
        key = sorted(samples)[0]
        samples[key]["json"] = edited(mood=3)(samples[key]["json"])
        samples["anna-2"] = samples[key]

    tiny_dataset.rewrite(own, second, change)
    (own / "data" / "validation-00000-of-00002.tar").unlink()
    alone = verify(own)
    assert verify(own, workers=2) == alone
    said = str(alone)
    for problem in ("anna-2 occurs twice", "type of mood", "holds 3 clips and 43", "is missing though"):
        assert problem in said, said


def test_a_shard_that_ends_its_process_is_said(own, monkeypatch):
    """Its clips count as missing, and the other shards are read."""
    monkeypatch.setattr(shards, "read_shard", read_or_die)
    (problem,) = verify(own, workers=2).problems
    assert problem == (
        f"data/{SHARD} ended the process that read it, twice (exit code 9); "
        "it is damaged, or there is too little memory"
    )


def test_sentences_of_one_shard_do_not_fill_the_memory():
    """After the hundredth they are counted only, and the count is right."""
    kept = read_shard._Sentences()
    first, second = kept.of(map(str, range(99))), kept.of(map(str, range(99, 300)))
    assert first == tuple(map(str, range(99))) and second[:2] == ("99", "") and len(second) == 201


def test_auto_takes_workers_for_large_shards_only(own):
    manifest = read_manifest(own)
    large = replace(manifest, shards=tuple(replace(row, bytes=WORTH_A_WORKER) for row in manifest.shards))
    assert settled("auto", manifest, SILENT) == 1 and settled(3, manifest, SILENT) == 3
    assert settled("auto", large, SILENT) == min(4, usable_cores())


def test_no_number_of_workers(own):
    done = CliRunner().invoke(verify_shards, [str(own), "--workers", "0"])
    assert done.exit_code == 1 and "'0' is no whole number from 1 on, nor 'auto'" in done.output
