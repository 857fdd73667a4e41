"""What Ray's dashboard shows of units, and nodes that do not see what units need."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from preparing import prep_process
from speechlip.errors import OptionError
from speechlip.workers.cluster import RayCluster
from workmen import NODE

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("importable")]
GIVEN = ("--detector", "sidecar", "--shard-size", "200kB", "--quiet", "--engine", "ray", "--ray-address")
ENDED = {"FINISHED", "FAILED"}


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def on_dashboard(cluster):
    """Task → (name, state), as the dashboard's own requests have them."""
    with urlopen(f"http://{cluster.head_node.webui_url}/api/v0/tasks?limit=1000") as answer:
        rows = json.load(answer)["data"]["result"]["result"]
    return {row["task_id"]: (row["name"], row["state"]) for row in rows}


def test_the_dashboard_names_command_and_unit_and_calls_none_failed(cluster, talking, tmp_path):
    """One that its driver leaves before it ends is FAILED there."""
    pytest.importorskip("aiohttp_cors", reason="Ray's dashboard is not installed: make faults")
    of_others = on_dashboard(cluster).keys()
    done = prep_process(talking, "-o", tmp_path / "out", *GIVEN, cluster.address)
    assert done.returncode == 0, done.stderr
    shards = [path.name.partition("-of-")[0] for path in (tmp_path / "out" / "data").iterdir()]
    until_s, tasks = time.monotonic() + 30, {}
    while len(tasks) < len(shards) or {state for _, state in tasks.values()} - ENDED:
        assert time.monotonic() < until_s, tasks
        time.sleep(0.5)
        tasks = {task: told for task, told in on_dashboard(cluster).items() if task not in of_others}
    assert len(shards) == 4
    assert sorted(tasks.values()) == [(f"prep-shards {shard}", "FINISHED") for shard in sorted(shards)]


@contextmanager
def node_without(cluster, folder, cores):
    """A node that has another folder at this path, which is empty, as each machine has its own disk."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("a file system of its own for one process takes unshare and the rights for it")
    start = f"{sys.executable} -m ray.scripts.scripts start --block --disable-usage-stats"
    given = f"--address={cluster.address} --num-cpus={cores}"
    memory = f"--object-store-memory={NODE['object_store_memory']}"
    hidden = f"mount -t tmpfs tmpfs {folder} && exec {start} {given} {memory}"
    with (folder.parent / "node.log").open("w") as log:
        node = subprocess.Popen(["unshare", "-m", "sh", "-c", hidden], stdout=log, stderr=log)
    try:
        yield RayCluster(cluster.address, cpus_per_unit=cores)
    finally:
        node.terminate()
        node.wait(60)


def wait_for_cores(cluster, cores):
    """Until a node of so many cores is there."""
    import ray

    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    try:
        until_s = time.monotonic() + 60
        while not any(node["Alive"] and node["Resources"].get("CPU") == cores for node in ray.nodes()):
            assert time.monotonic() < until_s
            time.sleep(0.2)
    finally:
        ray.shutdown()


def test_a_node_that_does_not_see_the_shards_is_refused_and_nothing_is_lost(cluster, talking, tmp_path):
    """Not even with --accept-losses: its videos would all count as gone."""
    out = tmp_path / "out"
    out.mkdir()
    with node_without(cluster, out, 3):
        wait_for_cores(cluster, 3)
        given = (*GIVEN, cluster.address, "--accept-losses")
        done = prep_process(talking, "-o", out, *given, "--cpus-per-unit", 3)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"does not see {out / '.work' / 'plan.json'}, which the driver has: videos, shards" in done.stderr
    assert prep_process(talking, "-o", out, *given).returncode == 0
    whole = tmp_path / "whole"
    assert prep_process(talking, "-o", whole, *GIVEN[:-3]).returncode == 0
    assert contents(out) == contents(whole)


def test_a_mirror_of_the_hub_is_read_where_a_node_sees_it_and_refused_where_not(
    cluster, tmp_path, monkeypatch
):
    """Nodes stream the shards themselves, by the HF_TOKEN of their own environment."""
    import tiny_benchmark
    import tiny_dataset
    from hub_answers import TOKEN
    from huggingface_hub import constants
    from local_hub import serving

    from speechlip.benchmarking import tasks
    from speechlip.hub.push_shards import push_shards
    from speechlip.remote.mirror import shards_at

    splits = {"train": {"anna": (20, 20), "ben": (20, 20)}, "test": {"dora": (45, 16), "emil": (16,)}}
    shards = tiny_dataset.write_dataset(tmp_path / "shards", splits, lips_format="jpg")
    monkeypatch.setattr(tasks, "CONTROLS", {})
    monkeypatch.setattr("speechlip.benchmarking.benchmark.make_row", tiny_benchmark.tiny_row)

    def rows(name, shards, **given):
        made, _ = tiny_benchmark.benchmark(
            shards, tmp_path / name, "log-mel", options=tiny_benchmark.FEW, **given
        )
        return tiny_benchmark.without_times(made.dump())["rows"]

    here = rows("here", shards)
    with serving() as hub:
        own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        for name, value in {**own, "SPEECHLIP_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        (shards / "README.md").write_text("---\n---\n# Talks\n")
        push_shards(shards, "ann/talks", token=TOKEN)
        mirror = shards_at("hf://ann/talks")
        with node_without(cluster, mirror.parents[1], 3) as cluster_of_three:
            wait_for_cores(cluster, 3)
            with pytest.raises(OptionError, match=rf"node \S+ does not see {mirror}, .* SPEECHLIP_HOME have"):
                rows("refused", "hf://ann/talks", engine=cluster_of_three)
        node = cluster.add_node(**NODE | {"num_cpus": 2}, env_vars=own)
        try:
            there = rows("there", "hf://ann/talks", engine=RayCluster(cluster.address, cpus_per_unit=2))
        finally:
            cluster.remove_node(node)
    assert [row["status"] for row in here] == ["scored"] and there == here
    assert not list(mirror.rglob("*.tar"))
