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
from speechlip.device import check_device, device_name
from speechlip.errors import OptionError
from speechlip.plugins import Registry
from speechlip.progress import Progress
from speechlip.workers.auto import settle_workers
from speechlip.workers.cluster import UNNAMED, Doing, RayCluster, library
from speechlip.workers.connection import refuse_no_cluster
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


def get_engine(engine: EngineChoice, limits: Limits = NO_LIMITS, doing: Doing = UNNAMED) -> Engine:
    """The engine of that name: built in, under these limits, or of another package, which keeps its own.

    doing: told to a cluster.

    Raises OptionError for an unknown name, a plug-in that cannot be imported, or ``ray`` without Ray.
    """
    name = engine_name(engine)
    function = ENGINES.get(name)
    if name == RAY:
        library()
        cluster = engine if isinstance(engine, RayCluster) else RayCluster()
        return partial(function, limits=limits, cluster=cluster, doing=doing)
    if name in ENGINES.built_in:
        return partial(function, limits=limits)
    return partial(_of_another, name, function)


def refuse_no_answer(engine: EngineChoice) -> None:
    """Raise OptionError for a Ray cluster that does not answer, before work that would be for nothing."""
    if engine_name(engine) == RAY and not library().is_initialized():
        refuse_no_cluster(engine if isinstance(engine, RayCluster) else RayCluster())


def workers_of(engine: EngineChoice, asked: Workers, here: int) -> int:
    """Units at a time: of a cluster as asked, or as many as fit; of this machine ``here``."""
    return AS_MANY_AS_FIT if engine_name(engine) == RAY and asked == AUTO else here


def settle_at_once(
    engine: EngineChoice,
    asked: Workers,
    units: int,
    kind: str,
    peak_bytes: int,
    progress: Progress,
    gpu: bool = False,
) -> int:
    """Units at a time: of a cluster as ``workers_of`` says, of this machine as ``settle_workers`` does."""
    here = engine_name(engine) != RAY or asked != AUTO
    settled = settle_workers(asked, units, kind, peak_bytes, progress, gpu) if here else 1
    return workers_of(engine, asked, settled)


def device_of(engine: EngineChoice, asked: str) -> str:
    """Where the networks of units compute: on this machine as ``device_name`` says; on a Ray cluster
    ``auto`` is a GPU where units get one.

    Raises OptionError as ``device_name`` does, and for a GPU that no unit of a Ray cluster gets.

    >>> device_of(RayCluster(gpus_per_unit=1), "auto"), device_of("ray", "auto")
    ('cuda', 'cpu')
    """
    if engine_name(engine) != RAY:
        return device_name(asked)
    check_device(asked)
    gpus = engine.gpus_per_unit if isinstance(engine, RayCluster) else 0.0
    if asked == "auto":
        return "cuda" if gpus else "cpu"
    if asked.startswith("cuda") and not gpus:
        raise OptionError(f"device {asked!r} on a Ray cluster wants a GPU for each unit: --gpus-per-unit 1")
    return asked


def here_of(device: str) -> str:
    """A device of units as this machine has it: a CPU where a GPU of the cluster's is not here."""
    if not device.startswith("cuda"):
        return device
    import torch

    return device if torch.cuda.is_available() else "cpu"


def _of_another(name: str, engine: Engine, work: Work, units: deque[Any], workers: int) -> Iterator[Event]:
    with ENGINES.guard(name):
        yield from engine(work, units, workers)
