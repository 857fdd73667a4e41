"""Units as tasks of a Ray cluster of several nodes on this machine: nodes die and come, drivers die.

In the end the bytes are those of the local engine.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from speechlip.errors import OptionError, ShardError
from speechlip.preparing.plan.units import Unit
from speechlip.workers.cluster import RayCluster
from speechlip.workers.engines import get_engine
from speechlip.workers.events import NO_LIMITS, Advanced, Crashed, Finished, Limits, Lost
from workmen import NODE, UNITS, die_at_two, refuse, square

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("importable")]

PREP = Path(sys.executable).with_name("prep-shards")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def prep(videos, out, *given):
    return subprocess.Popen(
        [PREP, str(videos), "-o", str(out), "--detector", "sidecar", "--shard-size", "200kB", *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )


def on(address, videos, out, *given):
    return prep(videos, out, "--engine", "ray", "--ray-address", address, *given)


def done(process):
    said = process.communicate(timeout=400)[1]
    assert "Traceback" not in said, said
    return process.returncode, said


def wait_for(found, process):
    while not found() and process.poll() is None:
        time.sleep(0.05)
    assert found() or process.returncode == 0


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    from speechlip.recipes.synthetic import SyntheticOptions, generate

    folder = tmp_path_factory.mktemp("talking")
    generate(folder, SyntheticOptions(identities=8, clips=1, seed=3))
    return folder


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    assert done(prep(videos, out, "--workers", "2"))[0] == 0
    return contents(out)


def results(out):
    return list((out / ".work").glob("t*.json"))


def hang_at_one(unit, report):
    report(f"source {unit.index}", 0.0)
    while unit.index == 1:
        time.sleep(1)
    return unit.index


def take_the_node_along(unit, report):
    """Kills the Ray worker above this process, as the kernel does where a node has no memory left."""
    report(f"source {unit.index}", 0.0)
    if unit.index == 3 and not unit.crashed:
        while not heard(f"source {unit.index}").exists():
            time.sleep(0.05)
        os.kill(ray_worker(), signal.SIGKILL)
        time.sleep(60)
    return unit.index


def heard(source):
    """A file that is there while the driver knows that this source has begun."""
    return Path(os.environ["HEARD"]) / source


def ray_worker():
    """The process that stands for this one in Ray: the parent of the server that this one is forked from."""
    return int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])


def events(cluster, work, units=UNITS, limits=NO_LIMITS):
    """All events; a unit that crashed is begun again, without its source the second time."""
    for of_earlier_work in Path(os.environ["HEARD"]).iterdir():
        of_earlier_work.unlink()
    pending, crashes, told = deque(units), [], []
    for event in get_engine(RayCluster(cluster.address), limits)(work, pending, 10):
        told.append(event)
        if isinstance(event, Advanced):
            heard(event.source).touch()
        elif isinstance(event, Lost | Crashed) and event.source:
            heard(event.source).unlink(missing_ok=True)
        if isinstance(event, Crashed):
            crashes.append(event.source)
            if event.limit or crashes.count(event.source) > 1:
                given_up = ((event.source, event.reason, event.detail),)
                pending.append(Unit(event.unit.split, event.unit.index, (), given_up))
            else:
                pending.append(event.unit)
    return told


def finished(told):
    return sorted(event.result for event in told if isinstance(event, Finished))


def test_every_unit_is_done_once_and_progress_is_told(cluster):
    told = events(cluster, square)
    assert finished(told) == [0, 1, 4, 9, 16, 25]
    assert sum(event.seconds for event in told if isinstance(event, Advanced)) == 9.0


def test_a_source_that_kills_its_process_twice_is_told_with_its_signal(cluster):
    told = events(cluster, die_at_two)
    assert [(event.source, event.exit_code) for event in told if isinstance(event, Crashed)] == [
        ("source 2", -signal.SIGSEGV)
    ] * 2
    assert finished(told) == [0, 1, 2, 3, 4, 5]


def test_the_limits_hold_on_every_node():
    cluster_of_its_own = RayCluster("local")
    pending, told = deque(UNITS[:2]), []
    for event in get_engine(cluster_of_its_own, Limits(2.0, 0))(hang_at_one, pending, 10):
        told.append(event)
    (crash,) = [event for event in told if isinstance(event, Crashed)]
    assert (crash.source, crash.limit) == ("source 1", "no step forward in 2 s (--max-wait)")
    assert finished(told) == [0]


def test_a_lost_ray_worker_is_replaced_and_a_unit_that_always_loses_it_has_crashed(cluster):
    told = events(cluster, take_the_node_along)
    lost = [event for event in told if isinstance(event, Lost)]
    crashes = [event for event in told if isinstance(event, Crashed)]
    assert {event.source for event in (*lost, *crashes)} == {"source 3"}
    assert (len(lost), len(crashes)) == (4, 2)
    assert finished(told) == [0, 1, 2, 3, 4, 5]


def test_an_error_of_the_work_is_raised_here(cluster):
    with pytest.raises(ShardError, match=r"no space for train-0000[0-5] \(on node \S+\)$"):
        events(cluster, refuse)


def test_no_cluster_and_no_room_are_sentences(cluster, talking, tmp_path):
    code, said = done(on("127.0.0.1:1", talking, tmp_path / "out"))
    assert code == 1 and "no Ray cluster at '127.0.0.1:1'" in said and "ray start --head" in said
    with pytest.raises(OptionError, match="no node of the Ray cluster has 64 cores and 0 GPUs for one unit"):
        list(get_engine(RayCluster(cluster.address, cpus_per_unit=64))(square, deque(UNITS), 1))


def test_the_address_of_a_dead_cluster_is_a_sentence_at_once(monkeypatch, tmp_path):
    """``ray start`` left it; Ray itself asks there for minutes."""
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray._private.services.find_gcs_addresses", set)
    began_s = time.monotonic()
    with pytest.raises(OptionError, match=r"no Ray cluster at '127.0.0.1:1'.*ray start --head"):
        list(get_engine(RayCluster())(square, deque(UNITS), 1))
    assert time.monotonic() - began_s < 30


def test_an_address_of_the_client_is_refused_where_the_environment_says_it(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(OptionError, match="ray://head:10001 is for Ray's client"):
        list(get_engine(RayCluster())(square, deque(UNITS), 1))


def ended(program, *given):
    """Run a program; its exit code has to be 0."""
    command = [PREP.with_name(program), *map(str, given), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr


def test_scores_and_appended_clips_are_those_of_the_local_engine(cluster, videos, tmp_path):
    speakers = sorted(path for path in videos.iterdir() if path.is_dir())
    for folder, own in (("old", speakers[:1]), ("new", speakers[1:2])):
        for speaker in own:
            shutil.copytree(speaker, tmp_path / folder / speaker.name)
    ended("prep-shards", tmp_path / "old", "-o", tmp_path / "shards", "--detector", "sidecar")
    ray = ("--engine", "ray", "--ray-address", cluster.address)
    for name, engine in (("here", ()), ("there", ray)):
        scores = ("-o", tmp_path / name / "scores", "--metrics", "psnr", "--reference", tmp_path / "old")
        ended("score-sync", tmp_path / "old", *scores, "--detector", "sidecar", *engine)
        grown = ("edit", "append", tmp_path / "shards", tmp_path / "new", "-o", tmp_path / name / "grown")
        ended("speechlip", *grown, *engine)
    here, there = (
        {**contents(tmp_path / name / "grown"), "": (tmp_path / name / "scores" / "scores.csv").read_bytes()}
        for name in ("here", "there")
    )
    assert here == there and any(name.endswith(".tar") for name in here)


def test_a_node_killed_and_a_node_added_give_the_bytes_of_the_local_engine(cluster, videos, whole, tmp_path):
    out = tmp_path / "out"
    third = cluster.add_node(**NODE)
    process = on(cluster.address, videos, out)
    wait_for(lambda: results(out), process)
    cluster.remove_node(third, allow_graceful=False)
    cluster.add_node(**NODE)
    code, said = done(process)
    assert code == 0, said
    assert contents(out) == whole


def test_a_driver_killed_and_started_again_gives_the_same_bytes(cluster, videos, whole, tmp_path):
    out = tmp_path / "out"
    process = on(cluster.address, videos, out)
    wait_for(lambda: len(results(out)) > 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made = {path.name: path.stat().st_mtime_ns for path in results(out)}
    assert made and not (out / "manifest.json").exists()
    process = on(cluster.address, videos, out)
    assert done(process)[0] == 0
    assert contents(out) == whole


def test_ctrl_c_stops_the_tasks_and_says_how_to_go_on(cluster, videos, whole, tmp_path):
    out = tmp_path / "out"
    process = on(cluster.address, videos, out)
    wait_for(lambda: results(out), process)
    process.send_signal(signal.SIGINT)
    code, said = done(process)
    assert code == 130 and "the same command goes on where it stopped" in said
    time.sleep(1)
    before = sorted(path.name for path in (out / ".work").iterdir())
    time.sleep(2)
    assert sorted(path.name for path in (out / ".work").iterdir()) == before
    assert done(on(cluster.address, videos, out))[0] == 0
    assert contents(out) == whole


def test_a_cluster_without_tokens_is_a_sentence_where_this_process_asks_for_them(cluster, monkeypatch):
    """It would hear nothing of its units, for ever; so it must not go on asking when it is told not to."""
    run = get_engine(RayCluster(cluster.address))
    with monkeypatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        with pytest.raises(OptionError, match=r"was started without tokens.*set RAY_AUTH_MODE=disabled"):
            list(run(square, deque(UNITS), 1))
    assert len([event for event in run(square, deque(UNITS), 2) if isinstance(event, Finished)]) == len(UNITS)
