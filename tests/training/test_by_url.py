"""Training from many shards behind a URL: the batches of the folder, few files open, another world size."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import tiny_dataset
import torch
from tiny_runs import OPTIONS, streams_of

from kept_progress import KeptProgress
from speechlip.errors import HubError, OptionError
from speechlip.remote.mirror import shards_at
from speechlip.shards.pairs.lookup import ClipLookup
from speechlip.shards.read.shardset import open_shards
from speechlip.training.processes.ranks import Ranks

N_SHARDS = 20
SPLITS = {"train": {f"s{number:02d}": (20, 22) for number in range(N_SHARDS)}}
CHOSEN = replace(OPTIONS, batch_size=8, windows_per_clip=2)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        return


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("many") / "shards", SPLITS, shards=N_SHARDS, spectrogram="mel"
    )


@pytest.fixture
def url(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def opened(shards, count, began=None):
    splits = [open_shards(shards, "train")]
    return [streams_of(splits, CHOSEN, Ranks(rank, count, rank), began) for rank in range(count)]


def keys(processes, steps):
    """The pairs of each step, over all processes in their order."""
    return [
        [pair for each in step for pair in each["keys"]]
        for step in islice(zip(*processes, strict=True), steps)
    ]


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists open files there")
def test_few_of_many_shards_are_open_at_once(url):
    (process,) = opened(shards_at(url), 1)
    before = open_files()
    most = max(open_files() - before for _ in islice(process, 8))
    assert most <= 6  # the shard, its connection, and the other ends of both in this process


def test_shards_that_are_fetched_for_random_access_are_told_once(url, folder):
    sizes = [path.stat().st_size for path in (folder / "data").iterdir()]
    first, again = KeptProgress(), KeptProgress()
    for progress in (first, again):
        ClipLookup(shards_at(url), "train", progress=progress)
    assert first.stages == [("fetching", sum(sizes) / 1e6, "MB", 0.0)]
    assert first.done == pytest.approx(sum(sizes) / 1e6) and again.stages == again.said == []
    (said,) = first.said
    assert said.startswith(
        f"fetching {N_SHARDS} shards, all of split train, {sum(sizes) / 1e6:.0f} MB, into "
    )


def test_another_number_of_processes_goes_on_with_the_pairs_of_the_folder(url, folder):
    wanted = keys(opened(folder, 2), 8)
    began = opened(shards_at(url), 2)
    assert keys(began, 4) == wanted[:4]
    states = [state for each in began for state in each.states().values()]
    for count in (1, 4):
        again = opened(shards_at(url), count, began=2)
        for each in again:
            each.load_states(states)
        assert keys(again, 4) == wanted[4:]


def test_an_object_store_serves_the_same_pairs(folder, monkeypatch, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    fsspec.filesystem("memory").put(str(folder), "/talks/twenty", recursive=True)
    assert keys(opened(shards_at("memory://talks/twenty/"), 1), 3) == keys(opened(folder, 1), 3)
    assert shards_at(folder.as_uri()) == folder
    with pytest.raises(HubError, match=r"there is no memory://talks/nothing/manifest\.json; check the name"):
        shards_at("memory://talks/nothing")
    with pytest.raises(OptionError, match="lost a slash"):
        shards_at(Path("memory://talks/twenty"))


def test_pairs_of_a_step_come_from_many_shards(folder):
    steps = keys(opened(folder, 1), 8)
    of_speaker = [Counter(lips.rpartition("-")[0] for lips, _ in step) for step in steps]
    assert all(len(count) >= 3 for count in of_speaker)


@pytest.mark.slow
def test_the_command_goes_on_by_url_with_one_process_where_two_would_stand(url, tmp_path):
    """``train-encoder`` itself, under torchrun."""
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    for run, steps, count, more in (
        (straight, 4, 2, ()),
        (stopped, 2, 2, ()),
        (stopped, 4, 1, ("--resume",)),
    ):
        launcher = ("torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "-m")
        given = (url, "-o", run, "--encoder", "mel-cnn-wav2lip", "--device", "cpu", "--batch-size", 8)
        command = [sys.executable, "-m", *launcher, "speechlip", "train-encoder", *map(str, given)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run([*command, "--steps", str(steps), *more], check=True, env=environment, timeout=300)
    stands, wanted = (
        torch.load(run / "step-00000004" / "trainer.pt", weights_only=True)["positions"]
        for run in (stopped, straight)
    )
    assert stands == wanted and [place["rank"] for place in wanted] == [0, 1]
    assert not list((tmp_path / "home").rglob("*.tar"))
