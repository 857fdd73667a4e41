"""The local engine: real processes, real deaths."""

import os
import signal
import socket
import sys
import time
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest

from preparing import prep
from speechlip.errors import OptionError, ShardError
from speechlip.preparing.plan.units import Unit
from speechlip.version import VERSION
from speechlip.workers.engines import get_engine
from speechlip.workers.events import NO_LIMITS, Advanced, Crashed, Finished
from speechlip.workers.pool import local
from speechlip.workers.processes import process_context
from speechlip.workers.ray_tasks import run_unit
from workmen import UNITS, die_at_two, refuse, square


def told_and_imported(unit, report):
    return os.environ.get("SPEECHLIP_TEST"), "torch" in sys.modules and "av" in sys.modules


def write_on(unit, report):
    while True:
        Path(unit.split).write_text(str(os.getpid()))
        time.sleep(0.02)


def run_write_on(file):
    list(local(write_on, deque([Unit(str(file), 0, ())]), 1))


@pytest.mark.parametrize("workers", [1, 3])
def test_every_unit_is_done_once_and_progress_is_told(workers):
    events = list(local(square, deque(UNITS), workers))
    assert sorted(event.result for event in events if isinstance(event, Finished)) == [0, 1, 4, 9, 16, 25]
    assert sum(event.seconds for event in events if isinstance(event, Advanced)) == 9.0


def test_a_dead_worker_is_told_with_its_source_and_the_others_go_on():
    units, done = deque(UNITS), []
    for event in local(die_at_two, units, 2):
        if isinstance(event, Crashed):
            assert (event.unit, event.source, event.exit_code) == (UNITS[2], "source 2", -signal.SIGSEGV)
            units.append(Unit("train", 2, (), crashed=((event.source, event.reason, event.detail),)))
        if isinstance(event, Finished):
            done.append(event.result)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]


def test_a_worker_has_its_environment_from_now_and_the_libraries_from_the_server(monkeypatch):
    list(local(square, deque(UNITS[:1]), 1))  # a server is there, and is older than the change
    monkeypatch.setenv("SPEECHLIP_TEST", "here")
    (done,) = [
        event for event in local(told_and_imported, deque(UNITS[:1]), 1) if isinstance(event, Finished)
    ]
    assert done.result == ("here", True)


def test_a_worker_whose_parent_is_killed_writes_no_more(tmp_path):
    """It would write into the folder of the next run, and take the broken pipe for an error of its source."""
    parent = process_context().Process(target=run_write_on, args=(tmp_path / "pid",))
    parent.start()
    while not (tmp_path / "pid").exists():
        time.sleep(0.02)
    parent.kill()
    parent.join()
    time.sleep(0.3)
    (tmp_path / "pid").unlink()
    time.sleep(0.3)
    assert not (tmp_path / "pid").exists()


def test_an_error_of_the_work_is_raised_here():
    with pytest.raises(ShardError, match="no space for train-00000"):
        list(local(refuse, deque(UNITS), 1))


def test_an_unknown_engine_lists_those_there_are():
    with pytest.raises(OptionError, match="no engine 'slurm'; there are: local, ray"):
        get_engine("slurm")


def test_without_ray_one_sentence_says_how_to_get_it(monkeypatch, talking, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    said = prep(talking, "-o", tmp_path / "out", "--engine", "ray")
    assert said.exit_code == 1 and not (tmp_path / "out").exists()
    assert "error: --engine ray needs Ray (" in said.stderr
    assert "): pip install -e '.[ray]' in the clone of speechlip" in said.stderr


def test_a_cluster_that_does_not_answer_is_told_before_the_plan_is_made(monkeypatch, talking, tmp_path):
    """A plan opens every video, which takes hours."""
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    said = prep(talking, "-o", tmp_path / "out", "--engine", "ray", "--ray-address", address)
    assert said.exit_code == 1 and f"no Ray cluster at '{address}' (" in said.stderr
    assert "ray start --head" in said.stderr and not (tmp_path / "out").exists()


def test_what_is_asked_of_a_cluster_goes_with_ray_alone(talking, tmp_path):
    said = prep(talking, "-o", tmp_path / "out", "--cpus-per-unit", 2, "--ray-address", "local")
    assert said.exit_code == 1
    assert "--cpus-per-unit goes with --engine ray, and the engine is local" in said.stderr
    said = prep(talking, "-o", tmp_path / "out", "--engine", "ray", "--gpus-per-unit", -1)
    assert said.exit_code == 1 and "gpus_per_unit is -1.0, wanted 0 or more" in said.stderr


def test_the_client_of_ray_is_refused_before_any_work(talking, tmp_path):
    """It knows no tasks that tell how they get on."""
    said = prep(talking, "-o", tmp_path / "out", "--engine", "ray", "--ray-address", "ray://head:10001")
    assert said.exit_code == 1 and not (tmp_path / "out").exists()
    assert "ray://head:10001 is for Ray's client" in said.stderr and "give HOST:PORT" in said.stderr


def test_a_node_without_a_folder_or_with_another_release_refuses_its_unit(tmp_path, monkeypatch):
    monkeypatch.setattr("speechlip.workers.ray_tasks.SEEN_WITHIN_S", 0.0)
    for version, places, words in (
        (VERSION, (tmp_path, Path("gone")), f"does not see {tmp_path / 'gone'}, which the driver has"),
        ("0.0", (tmp_path,), f"has speechlip {VERSION}, the driver has 0.0; install one"),
    ):
        ((kind, error),) = run_unit(version, str(tmp_path), places, refuse, UNITS[0], NO_LIMITS)
        assert kind == "error" and isinstance(error, OptionError) and words in str(error)
