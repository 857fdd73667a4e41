"""A generator that runs ahead in a thread: the same items, the same errors, and nothing left behind."""

import threading
import time

import pytest

from speechlip.workers.ahead import ITEMS, Ahead


def counted(stop, made, closed):
    try:
        for number in range(stop):
            made.append(number)
            yield number
    finally:
        closed.append(threading.current_thread())


def test_the_same_items_come_from_another_thread():
    made, closed = [], []
    assert list(Ahead(counted(50, made, closed))) == [*range(50)]
    assert closed and closed[0] is not threading.current_thread()


def test_it_runs_a_few_items_ahead_and_no_further():
    made, closed = [], []
    running = Ahead(counted(50, made, closed))
    assert next(running) == 0
    waited_until(lambda: len(made) == ITEMS + 2)  # one taken, some made, one waits for room
    time.sleep(0.05)
    assert len(made) == ITEMS + 2
    running.close()
    assert closed and not closed[0].is_alive() and list(running) == []


def test_closed_before_it_is_read_it_leaves_no_thread():
    before = threading.active_count()
    closed = []
    Ahead(counted(50, [], closed)).close()
    assert closed and threading.active_count() == before


def test_an_error_comes_in_its_place():
    def broken():
        yield 1
        raise KeyError("a")

    running = Ahead(broken())
    assert next(running) == 1
    with pytest.raises(KeyError, match="a"):
        next(running)
    assert list(running) == []


def waited_until(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("nothing came of it in 2 s")
