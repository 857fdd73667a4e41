"""How many workers ``auto`` is: cores, quotas and memory of this machine and its cgroups, by hand."""

import os

import pytest

from speechlip.errors import OptionError
from speechlip.progress import Silent
from speechlip.workers import auto
from speechlip.workers.auto import Machine, choose, free_bytes, settle_workers, usable_cores
from speechlip.workers.processes import started, use_one_thread

GB = 10**9
MEMINFO = "MemTotal:       16000000 kB\nMemFree:         100000 kB\nMemAvailable:    8000000 kB\n"


def machine(folder, cgroup, **files):
    """A /proc and a /sys/fs/cgroup of text files; ``files``: path with __ for / → content."""
    proc, cgroups = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(cgroup)
    (proc / "meminfo").write_text(MEMINFO)
    for name, content in files.items():
        path = cgroups / name.replace("__", "/").replace("-", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return proc, cgroups


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 16), ("200000 100000", 2), ("250000 100000", 3), ("50000 100000", 1), ("broken", 16)],
)
def test_a_quota_of_version_2_counts_and_is_rounded_up(tmp_path, quota, cores):
    assert usable_cores(*machine(tmp_path, "0::/job\n", **{"job__cpu-max": quota})) == cores


def test_the_least_quota_of_a_cgroup_and_those_above_it_counts(tmp_path):
    files = {"a__b__cpu-max": "800000 100000", "a__cpu-max": "400000 100000", "cpu-max": "max 100000"}
    assert usable_cores(*machine(tmp_path, "0::/a/b\n", **files)) == 4


def test_in_a_container_whose_path_is_the_hosts_the_files_at_the_top_count(tmp_path):
    assert usable_cores(*machine(tmp_path, "0::/docker/0123\n", **{"cpu-max": "300000 100000"})) == 3


@pytest.mark.parametrize(("quota", "cores"), [("-1", 16), ("600000", 6)])
def test_a_quota_of_version_1(tmp_path, quota, cores):
    files = {"cpu__job__cpu-cfs_quota_us": quota, "cpu__job__cpu-cfs_period_us": "100000"}
    assert usable_cores(*machine(tmp_path, "5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n", **files)) == cores


def test_fewer_cores_by_affinity_than_by_quota(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3}, raising=False)
    assert usable_cores(*machine(tmp_path, "0::/\n", **{"cpu-max": "200000 100000"})) == 1


def test_memory_is_what_the_machine_has_available(tmp_path):
    assert free_bytes(*machine(tmp_path, "0::/\n", **{"memory-max": "max"})) == 8_000_000 * 1024


def test_memory_that_a_cgroup_leaves_with_its_cache_given_back(tmp_path):
    """3 GB of limit − 2 GB used + 0.5 GB of inactive files = 1.5 GB."""
    files = {"job__memory-max": "3000000000", "job__memory-current": "2000000000"}
    files["job__memory-stat"] = "anon 1500000000\ninactive_file 500000000\n"
    assert free_bytes(*machine(tmp_path, "0::/job\n", **files)) == 1_500_000_000


@pytest.mark.parametrize(("limit", "free"), [("4000000000", 2 * GB), ("9223372036854771712", 8_192_000_000)])
def test_memory_of_version_1_whose_largest_number_is_no_limit(tmp_path, limit, free):
    files = {"memory__job__memory-limit_in_bytes": limit, "memory__job__memory-usage_in_bytes": "3000000000"}
    files["memory__job__memory-stat"] = "total_inactive_file 1000000000\n"
    assert free_bytes(*machine(tmp_path, "4:memory:/job\n", **files)) == free


def test_nothing_known_of_memory_where_there_is_no_proc(tmp_path):
    assert free_bytes(tmp_path / "proc", tmp_path / "cgroup") is None
    assert usable_cores(tmp_path / "proc", tmp_path / "cgroup") == 16


@pytest.mark.parametrize(
    ("units", "cores", "free", "workers", "reason"),
    [
        (14, 4, 32 * GB, 4, "4 workers: 4 cores (14 videos)"),
        (3, 16, 32 * GB, 3, "3 workers: 3 videos (16 cores)"),
        (14, 16, 5 * GB, 3, "3 workers: memory of 5.0 GB, 1.5 GB each (16 cores, 14 videos)"),
        (14, 16, GB, 1, "1 worker: memory of 1.0 GB, 1.5 GB each (16 cores, 14 videos)"),
        (14, 2, None, 2, "2 workers: 2 cores (14 videos)"),
    ],
)
def test_the_rule_is_the_least_of_cores_memory_and_units(units, cores, free, workers, reason):
    choice = choose(units, "video", 1_500_000_000, Machine(cores, free))
    assert (choice.workers, choice.reason) == (workers, reason)


def test_on_a_gpu_one():
    choice = choose(5, "row", GB, Machine(8, 32 * GB), gpu=True)
    assert (choice.workers, choice.reason) == (1, "1 worker: one GPU (8 cores, 5 rows)")


class Said(Silent):
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


def test_a_choice_is_said_in_one_line_and_a_number_is_not(monkeypatch):
    monkeypatch.setattr(auto, "this_machine", lambda: Machine(4, None))
    said = Said()
    assert settle_workers("auto", 9, "clip", GB, said) == 4
    assert settle_workers(7, 9, "clip", GB, said) == 7
    assert settle_workers("auto", 0, "clip", GB, said) == 1
    assert said.lines == ["4 workers: 4 cores (9 clips)"]


def test_the_command_says_its_choice_and_refuses_what_is_no_number(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from speechlip.commands.cli import speechlip

    monkeypatch.setattr(auto, "this_machine", lambda: Machine(1, None))
    (tmp_path / "a.mp4").write_text("no video")
    shown = CliRunner().invoke(speechlip, ["score-sync", str(tmp_path), "--metrics", "cpbd", "--audit"])
    assert "1 worker: 1 core (1 clip)" in shown.output
    for given in ("0", "-1", "1.5", "all"):
        shown = CliRunner().invoke(speechlip, ["score-sync", str(tmp_path), "--workers", given])
        assert shown.exit_code == 1
        assert f"'--workers': '{given}' is no whole number from 1 on, nor 'auto'" in shown.output


def test_from_python_another_word_is_refused(tmp_path):
    from speechlip import audit

    with pytest.raises(OptionError, match="workers is 'all', wanted a whole number from 1 on, or 'auto'"):
        audit(tmp_path, workers="all")


def thread_counts(pipe):
    import cv2
    import numpy as np
    import scipy.linalg  # noqa: F401
    import torch
    from threadpoolctl import threadpool_info

    use_one_thread()
    np.ones((256, 256)) @ np.ones((256, 256))
    pools = {pool["num_threads"] for pool in threadpool_info()}
    pipe.send(pools | {torch.get_num_threads(), cv2.getNumThreads()})


def test_a_worker_computes_on_one_thread_whatever_library_it_calls():
    process, pipe = started(thread_counts)
    assert pipe.recv() == {1}
    process.join()
