"""Engines run units of work. An engine is one function, ``engine(work, units, workers)``, that yields the events of ``speechlip.workers.pool``.

``work(unit, report)`` is a module-level function; it calls ``report(source_name, seconds)`` when it begins a source (0 s) and as it goes.
``units`` is a queue that the caller may extend while the engine runs. A cluster engine plugs in by the entry-point group
``speechlip.engines`` and yields the same events.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from speechlip.errors import OptionError
from speechlip.plugins import loaded, offered, plugged_in
from speechlip.preparing.plan import Unit
from speechlip.workers.pool import (
    NO_LIMITS,
    Advanced,
    Crashed,
    Event,
    Finished,
    Limits,
    Replaced,
    Work,
    local,
)

__all__ = ["ENGINES", "Advanced", "Crashed", "Engine", "Event", "Finished", "Replaced", "get_engine", "local"]
Engine = Callable[[Work, "deque[Unit]", int], Iterator[Event]]
ENGINES: dict[str, Engine] = {"local": local}


def get_engine(name: str, limits: Limits = NO_LIMITS) -> Engine:
    """The engine of that name: built in, under these limits, or from the entry-point group ``speechlip.engines``, which keeps its own.

    Raises OptionError listing those there are.
    """
    plugins = offered("speechlip.engines")
    if name in ENGINES:
        return partial(ENGINES[name], limits=limits)  # type: ignore[call-arg]
    if name in plugins:
        return partial(_of_another, name, loaded("engine", plugins[name]))
    raise OptionError(f"no engine {name!r}; there are: {', '.join(sorted([*ENGINES, *plugins]))}")


def _of_another(name: str, engine: Engine, work: Work, units: "deque[Unit]", workers: int) -> Iterator[Event]:
    with plugged_in("engine", name):
        yield from engine(work, units, workers)
