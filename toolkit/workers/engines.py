"""Engines run units of work; which one is a name.

An engine is one function, ``engine(work, units, workers)``, that yields the events of
``speechlip.workers.events``. ``work(unit, report)`` is a module-level function; it calls
``report(source_name, seconds)`` when it begins a source (0 s) and as it goes. ``units`` is a queue that the
caller may extend while the engine runs. A cluster engine plugs in by the entry-point group
``speechlip.engines`` and yields the same events.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from speechlip.plugins import Registry
from speechlip.workers.events import NO_LIMITS, Event, Limits, Work

Engine = Callable[[Work, deque[Any], int], Iterator[Event]]
ENGINES = Registry("engine", "speechlip.engines", {"local": "speechlip.workers.pool:local"})


def get_engine(name: str, limits: Limits = NO_LIMITS) -> Engine:
    """The engine of that name: built in, under these limits, or of another package, which keeps its own.

    Raises OptionError for an unknown name or a plug-in that cannot be imported.
    """
    engine = ENGINES.get(name)
    return partial(engine, limits=limits) if name in ENGINES.built_in else partial(_of_another, name, engine)


def _of_another(name: str, engine: Engine, work: Work, units: deque[Any], workers: int) -> Iterator[Event]:
    with ENGINES.guard(name):
        yield from engine(work, units, workers)
