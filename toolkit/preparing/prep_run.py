"""How a preparation is run, apart from what its shards depend on."""

from dataclasses import dataclass
from pathlib import Path

from speechlip.checks import Workers, check_kind, check_workers
from speechlip.format import WORK_FOLDER
from speechlip.preparing.ends.local import DEFAULT_WORK, Ends, WorkPlace, ends_of
from speechlip.preparing.plan.written import PLAN
from speechlip.progress import SILENT, Progress
from speechlip.wording import counted
from speechlip.workers.auto import settle_workers
from speechlip.workers.cluster import Doing
from speechlip.workers.engines import LOCAL, Engine, EngineChoice, get_engine, workers_of
from speechlip.workers.events import DEFAULT_LIMITS, Limits

PEAK_BYTES = 1_100_000_000
"""Of memory that one worker takes: a little above what benchmarks/memory.py measured of long videos."""


@dataclass(frozen=True)
class PrepRun:
    """How a preparation is run; the bytes of its shards do not depend on it.

    workers: processes, or ``auto`` for as many as the machine holds.
    engine: what runs the workers: ``local``, ``ray`` or a ``RayCluster``, or one of another package.
    accept_losses: finish without videos that went away, crashed a worker, or met an unexpected error.
    limits: how long a video may stand still, and how much memory it may take.
    progress: told how far it is.
    work: where on this disk it works where videos or shards lie elsewhere.

    Raises OptionError for a field of another kind.
    """

    workers: Workers = 1
    engine: EngineChoice = LOCAL
    accept_losses: bool = False
    limits: Limits = DEFAULT_LIMITS
    progress: Progress = SILENT
    work: WorkPlace = DEFAULT_WORK

    def __post_init__(self) -> None:
        check_workers(self.workers)
        check_kind("limits", self.limits, Limits)
        check_kind("work", self.work, WorkPlace)

    def open_engine(self, videos: Path, out: Path, command: str = "prep-shards") -> Engine:
        """What runs the units that make ``out``, under these limits. Raises OptionError where there is no
        such engine.
        """
        return get_engine(self.engine, self.limits, Doing(command, (videos, out / WORK_FOLDER / PLAN)))

    def ends(self, videos: str | Path, out: str | Path) -> Ends:
        """Where it reads and writes on this disk. Raises OptionError, HubError."""
        return ends_of(videos, out, self.work, self.progress)

    def workers_here(self, ends: Ends, count: int, what: str) -> int:
        """Processes on this machine for ``count`` things, such as videos, named by ``what``.

        Raises OptionError where the spool has no room for one video.
        """
        return ends.workers(
            settle_workers(self.workers, count, what, PEAK_BYTES, self.progress), self.progress
        )

    def units_at_once(self, ends: Ends, here: int) -> int:
        """Units that the engine runs at a time: ``here`` on this machine, more on a cluster that has room,
        as far as the spool holds their videos.
        """
        at_once = workers_of(self.engine, self.workers, here)
        if at_once == here or not ends.largest:
            return at_once
        held = ends.workers(at_once, SILENT)
        self.progress.say(
            f"at most {counted(held, 'unit')} at a time: --spool holds so many of the largest video"
        )
        return held


DEFAULT_RUN = PrepRun()
