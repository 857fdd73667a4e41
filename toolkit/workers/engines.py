"""Engines run units of work; which one is a name.

An engine is one function, ``engine(work, units, workers)``, that yields the events of
``speechlip.workers.events``. ``work(unit, report)`` is a module-level function; it calls
``report(source_name, seconds)`` when it begins a source (0 s) and as it goes. ``units`` is a queue that the
caller may extend while the engine runs. Another engine plugs in by the entry-point group
``speechlip.engines`` and yields the same events.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from speechlip.checks import AUTO, Workers
from speechlip.plugins import Registry
from speechlip.workers.cluster import RayCluster, library
from speechlip.workers.events import NO_LIMITS, Event, Limits, Work

Engine = Callable[[Work, deque[Any], int], Iterator[Event]]
LOCAL, RAY = "local", "ray"
ENGINES = Registry(
    "engine",
    "speechlip.engines",
    {LOCAL: "speechlip.workers.pool:local", RAY: "speechlip.workers.ray_tasks:on_ray"},
)
AS_MANY_AS_FIT = 10**6
"""Units at a time on a cluster for ``auto`` workers: as many as its nodes have room for."""


EngineChoice = str | RayCluster
"""The name of an engine, or the cluster on which ``ray`` runs."""


def engine_name(engine: EngineChoice) -> str:
    return RAY if isinstance(engine, RayCluster) else engine


def get_engine(engine: EngineChoice, limits: Limits = NO_LIMITS) -> Engine:
    """The engine of that name: built in, under these limits, or of another package, which keeps its own.

    Raises OptionError for an unknown name, a plug-in that cannot be imported, or ``ray`` without Ray.
    """
    name = engine_name(engine)
    function = ENGINES.get(name)
    if name == RAY:
        library()
        cluster = engine if isinstance(engine, RayCluster) else RayCluster()
        return partial(function, limits=limits, cluster=cluster)
    if name in ENGINES.built_in:
        return partial(function, limits=limits)
    return partial(_of_another, name, function)


def workers_of(engine: EngineChoice, asked: Workers, here: int) -> int:
    """Units at a time: of a cluster as asked, or as many as fit; of this machine ``here``."""
    return AS_MANY_AS_FIT if engine_name(engine) == RAY and asked == AUTO else here


def _of_another(name: str, engine: Engine, work: Work, units: deque[Any], workers: int) -> Iterator[Event]:
    with ENGINES.guard(name):
        yield from engine(work, units, workers)
