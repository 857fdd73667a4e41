"""Processes that die, hang or swallow memory: another does their work, or their source has its reason."""

import errno
import multiprocessing.forkserver
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from speechlip.errors import OptionError, ReadError, SourceRefused, SpeechLipError, WorkerError, WriteError
from speechlip.workers import pool
from speechlip.workers.events import Advanced, Crashed, Finished, Limits, Replaced
from speechlip.workers.outcomes import outcomes
from speechlip.workers.pool import local
from speechlip.workers.processes import PULSE, Server, process_context, started
from speechlip.workers.unexpected import may_pass, unexpected_refused

pytestmark = pytest.mark.early


def pid_of(unit, report):
    report(f"unit {unit}", 0.0)
    time.sleep(0.05)
    return os.getpid()


def die_while_starting(unit, report):
    """The process ends before its unit's first report, as often as there are files to take away."""
    folder, number = unit
    for token in folder.glob("token*"):
        token.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
    report("begun", 0.0)
    return number


def hang_at_one(unit, report):
    report(f"unit {unit}", 0.0)
    while unit == 1:
        time.sleep(1)
    return unit


def swallow_at_one(unit, report):
    report(f"unit {unit}", 0.0)
    held = bytearray(400 << 20 if unit == 1 else 1)
    held[:: 1 << 12] = bytes(len(held[:: 1 << 12]))  # every page, so that it is resident
    time.sleep(60 if unit == 1 else 0)
    return unit


def always_dies(unit, report):
    report(f"unit {unit}", 0.0)
    os.kill(os.getpid(), signal.SIGKILL)


def pulse_before_it_begins(unit, report):
    PULSE.told()
    report(unit, 0.0)


def step_by_step(unit, report):
    for source in ("a.mp4", "b.mp4"):
        report(source, 0.0)
        for _ in range(500):
            report(source, 0.04)


def large_libraries(unit, report):
    report("a.mp4", 0.0)
    return sorted({"torch", "webdataset"} & set(sys.modules))


class Unsendable(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def fail_unsendably(unit, report):
    raise Unsendable("this", "that")


def tell_and_wait(pipe):
    pipe.send("here")
    pipe.recv()


def test_a_worker_killed_while_it_has_nothing_to_do_is_replaced():
    """One unit waits for the consumer: the worker that did the first is killed while it is idle."""
    units, events = deque(["a"]), []
    for event in local(pid_of, units, 1):
        events.append(event)
        if isinstance(event, Finished) and event.unit == "a":
            os.kill(event.result, signal.SIGKILL)
            time.sleep(0.05)
            units.append("b")
    assert [event.unit for event in events if isinstance(event, Finished)] == ["a", "b"]
    assert [event.exit_code for event in events if isinstance(event, Replaced)] == [-signal.SIGKILL]
    assert not any(isinstance(event, Crashed) for event in events), "no source is blamed for it"


def test_a_sign_of_life_before_a_unit_begins_names_no_source_of_the_unit_before():
    events = local(pulse_before_it_begins, deque(["a", "b"]), 1)
    told = [(event.unit, event.source) for event in events if isinstance(event, Advanced)]
    assert told == [("a", "a"), ("b", "b")]


def test_the_steps_of_a_source_are_added_up_and_its_process_is_not_looked_at_for_each(monkeypatch):
    looks = []
    monkeypatch.setattr(pool, "resident_bytes", lambda pid: looks.append(pid) or 0)
    began = time.monotonic()
    events = list(local(step_by_step, deque([0]), 1, Limits()))
    passed = [(event.source, event.seconds) for event in events if isinstance(event, Advanced)]
    for source in ("a.mp4", "b.mp4"):
        assert sum(seconds for name, seconds in passed if name == source) == pytest.approx(500 * 0.04)
    most = 4 + (time.monotonic() - began) / pool.TELL_EVERY_S
    assert len(passed) < most, "one message a source at its begin, one at its end, and one every so often"
    assert len(looks) <= (time.monotonic() - began) / pool.LOOK_EVERY_S


@pytest.mark.parametrize(
    ("ready", "light", "wanted"), [(False, True, []), (True, True, ["torch", "webdataset"])]
)
def test_light_work_waits_for_no_server_and_takes_one_that_is_ready(monkeypatch, ready, light, wanted):
    if process_context().get_start_method() != "forkserver":
        pytest.skip("processes are forked from a server on Linux only")
    monkeypatch.setattr(Server, "ready", ready)
    events = list(local(large_libraries, deque([0]), 1, light=light))
    assert [event.result for event in events if isinstance(event, Finished)] == [wanted]
    assert Server.ready == ready


@pytest.mark.parametrize("workers", [0, 1.5, "auto"])
def test_no_number_of_workers(workers):
    with pytest.raises(OptionError, match=f"workers is {workers!r}, wanted a whole number from 1 on$"):
        next(local(pid_of, deque(["a"]), workers))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("10min",), "wait_s is '10min', wanted a number"),
        ((-1,), "wait_s is -1, wanted 0 .no limit. or more"),
        ((float("nan"),), "wait_s is nan, wanted 0"),
        ((1.0, 0.5), "memory_bytes is 0.5, wanted a whole number"),
    ],
)
def test_limits_that_cannot_hold(given, message):
    with pytest.raises(OptionError, match=message):
        Limits(*given)


@pytest.mark.parametrize("deaths", [1, 4])
def test_workers_killed_while_they_start_are_replaced_and_no_unit_is_lost(tmp_path, deaths):
    for number in range(deaths):
        (tmp_path / f"token{number}").touch()
    events = list(local(die_while_starting, deque((tmp_path, number) for number in range(3)), 1))
    assert sorted(event.result for event in events if isinstance(event, Finished)) == [0, 1, 2]
    assert sum(isinstance(event, Replaced) for event in events) == deaths


def test_workers_that_never_begin_end_the_run_in_one_sentence(tmp_path):
    for number in range(9):
        (tmp_path / f"token{number}").touch()
    with pytest.raises(
        WorkerError,
        match=r"5 worker processes in a row ended before they began \(exit code -9\).*the same command goes",
    ):
        list(local(die_while_starting, deque([(tmp_path, 0)]), 1))


def test_a_killed_server_of_processes_is_started_anew():
    process, pipe = started(tell_and_wait)
    assert pipe.recv() == "here"
    server = multiprocessing.forkserver._forkserver
    if process_context().get_start_method() != "forkserver":
        pytest.skip("processes are forked from a server on Linux only")
    os.kill(server._forkserver_pid, signal.SIGKILL)
    events = list(local(pid_of, deque(["a", "b"]), 2))
    assert sum(isinstance(event, Finished) for event in events) == 2
    pipe.send("go")
    process.join()


@pytest.mark.parametrize(
    ("work", "limits", "words"),
    [
        (hang_at_one, Limits(wait_s=2, memory_bytes=0), "no step forward in 2 s (--max-wait)"),
        (swallow_at_one, Limits(wait_s=0, memory_bytes=700 << 20), "0.7 GB are allowed (--max-memory)"),
    ],
)
def test_a_source_over_a_limit_is_ended_with_the_reason_and_the_others_go_on(work, limits, words):
    began, done = time.monotonic(), {}
    for unit, result in outcomes(
        work, [0, 1, 2], 2, lambda *_: None, lambda unit, crash: crash, limits=limits
    ):
        done[unit] = result
    assert (done[0], done[2]) == (0, 2)
    assert (done[1].source, done[1].reason) == ("unit 1", "over the limit") and done[1].detail.endswith(words)
    assert time.monotonic() - began < 15, "it is not tried a second time"


def test_a_task_whose_process_dies_is_tried_twice():
    events = []
    found = list(
        outcomes(
            always_dies, ["a"], 1, lambda source, seconds: events.append(source), lambda unit, crash: crash
        )
    )
    assert events == ["unit a"] * 2
    assert [(unit, crash.reason, crash.detail) for unit, crash in found] == [
        ("a", "crashed the worker", "exit code -9")
    ]


def test_time_that_the_consumer_takes_is_not_the_sources():
    events = []
    for event in local(pid_of, deque([0, 1]), 1, Limits(wait_s=1.0)):
        events.append(event)
        time.sleep(1.5 * isinstance(event, Advanced))
    assert [event.unit for event in events if isinstance(event, Finished)] == [0, 1]


def test_an_error_that_no_pipe_carries_arrives_in_words():
    with pytest.raises(SpeechLipError, match="Unsendable: this and that"):
        list(local(fail_unsendably, deque([0]), 1))


def reads_for(unit, report):
    """Signs of life every 50 ms, and no step forward, for so many seconds."""
    report("large.mp4", 0.0)
    until = time.monotonic() + unit
    while time.monotonic() < until:
        PULSE.told()
        time.sleep(0.05)
    return unit


def test_reading_is_a_sign_of_life_for_a_while_but_not_forever():
    found = dict(
        outcomes(
            reads_for, [3, 60], 2, lambda *_: None, lambda unit, crash: crash.detail, limits=Limits(1.0, 0)
        )
    )
    assert found == {3: 3, 60: "no step forward in 6 s of reading (6 × --max-wait)"}


def test_an_unexpected_error_is_the_reason_of_one_item_and_says_its_line():
    with pytest.raises(SourceRefused) as refusal, unexpected_refused("faces", OSError):
        {}["boxes"]
    file, line = Path(__file__).name, refusal.value.__cause__.__traceback__.tb_next.tb_lineno
    assert (refusal.value.stage, refusal.value.reason) == ("faces", "unexpected error")
    assert refusal.value.detail == f"KeyError: 'boxes' [{file}:{line}]"


def test_a_disk_that_does_not_give_a_file_is_a_reason_that_another_run_may_not_meet():
    error = ReadError(errno.ESTALE, os.strerror(errno.ESTALE), "/videos/may.mp4")
    with pytest.raises(SourceRefused) as refusal, unexpected_refused("faces"):
        raise error
    why = refusal.value
    assert (why.stage, why.reason) == ("read", "unreadable file: stale file handle")
    assert why.detail == "may.mp4: check its disk or network, or copy it again"
    assert may_pass(why.reason) and may_pass("unexpected error")
    assert not may_pass("unreadable file") and not may_pass("not a video file")


def test_a_full_disk_is_no_matter_of_one_item():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "scratch/copy.avi")
    with (
        pytest.raises(WriteError, match=r"^cannot write scratch/copy\.avi: No space left .*command again"),
        unexpected_refused("clip"),
    ):
        raise full


@pytest.mark.parametrize("error", [SourceRefused("probe", "no video"), OSError("full"), KeyboardInterrupt()])
def test_an_expected_error_passes_as_it_is(error):
    with pytest.raises(type(error)) as passed, unexpected_refused("faces", OSError):
        raise error
    assert passed.value is error
