"""Work and engines that tests give to each other: units that die, and an engine that stands in for others.

Ray's nodes import this file too, so it imports nothing of pytest.
"""

import os
import pickle
import signal
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path

from speechlip.errors import ShardError
from speechlip.plugins import imported
from speechlip.preparing.plan.units import Unit
from speechlip.workers.engines import ENGINES
from speechlip.workers.events import NO_LIMITS, Advanced, Crashed, Finished
from speechlip.workers.ray_tasks import task_name

UNITS = tuple(Unit("train", index, ()) for index in range(6))
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
"""Of a Ray cluster on this machine; next to nothing goes through the object store."""
STAND_IN = "stand-in"
REAL = {}
"""``module:function`` → the function that ``dying`` stands in for, in this process."""


def square(unit, report):
    report(f"source {unit.index}", 1.5)
    return unit.index**2


def die_at_two(unit, report):
    report(f"source {unit.index}", 0.0)
    if unit.index == 2 and not unit.crashed:
        os.kill(os.getpid(), signal.SIGSEGV)
    return unit.index


def refuse(unit, report):
    raise ShardError(f"no space for {unit.name}")


class Died(BaseException):
    """The worker of a unit died, where it has no process of its own."""


@dataclass(frozen=True)
class Dying:
    """Work that stands in for ``where`` and dies at a unit.

    where: ``module:function``.
    times: name of a unit, as Ray's dashboard has it → how often it dies there; deaths are files of
        ``folder``.
    """

    where: str
    times: dict[str, int]
    folder: Path

    def __call__(self, unit, report, **given):
        name = task_name(unit)
        death = f"{name.replace('/', '_')}-"
        number = len(list(self.folder.glob(f"{death}*")))
        if number < self.times.get(name, 0):
            (self.folder / f"{death}{number}").touch()
            report(name, 0.0)
            if parent_process() is None:
                raise Died
            os.kill(os.getpid(), signal.SIGKILL)
        return (REAL.get(self.where) or imported(self.where))(unit, report, **given)


def dying(patch, where, times, folder, place=""):
    """Let the work at ``where`` die at units as often as ``times`` says, also on other nodes; returns what
    counts the deaths.

    place: ``module:name`` that the work is called by; empty: ``where``.
    """
    folder.mkdir()
    if not isinstance(real := imported(where), Dying):
        REAL[where] = real
    patch.setattr((place or where).replace(":", "."), Dying(where, times, folder))
    return lambda: len(list(folder.iterdir()))


def add_stand_in(patch):
    """An engine of the name ``STAND_IN``, until the patch ends."""
    patch.setitem(ENGINES.built_in, STAND_IN, "workmen:stand_in")


def stand_in(work, units, workers, limits=NO_LIMITS):
    """An engine in this process: work, units and results travel as between machines."""
    while units:
        unit, told = units.popleft(), []
        there, its_work = pickle.loads(pickle.dumps((unit, work)))
        try:
            result = its_work(there, lambda source, seconds, told=told: told.append((source, seconds)))
        except Died:
            yield Crashed(unit, told[-1][0], -signal.SIGKILL)
            continue
        yield from (Advanced(unit, *each) for each in told)
        yield Finished(unit, pickle.loads(pickle.dumps(result)))
