"""One preparation: what it makes shards of, and where its files lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.format import MANIFEST, SHARDS_FOLDER, WORK_FOLDER
from speechlip.manifest import About
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.inspecting import Inspect, inspect_in_turn
from speechlip.preparing.plan.teaching import Teach, teach_in_turn
from speechlip.records import Source
from speechlip.scoring.sync.sync_filter import SyncFilter


@dataclass(frozen=True)
class Job:
    """What to prepare, and into which folder.

    out: the folder of the shards.
    sources: in the order of the ledger.
    options: with the detector settled.
    about: the recipe's declarations (licence, citation, access), for manifest and card.
    sync_filter: keeps faces whose lips fit the audio; None: all are kept.
    accept_losses: end without sources that went away or that another run may keep.
    inspect: how the sources are opened for the plan.
    teach: how they are looked at for sync model ``self``.
    lessons: what they taught it, once it is there; None: another model, or none.
    videos: the folder of the videos as it was given; None: unknown.
    """

    out: Path
    sources: Sequence[Source]
    options: PrepOptions
    about: About
    sync_filter: SyncFilter | None = None
    accept_losses: bool = False
    inspect: Inspect = inspect_in_turn
    teach: Teach = teach_in_turn
    lessons: Path | None = None
    videos: Path | None = None

    @property
    def data(self) -> Path:
        """The finished shards."""
        return self.out / SHARDS_FOLDER

    @property
    def work(self) -> Path:
        """Everything under way."""
        return self.out / WORK_FOLDER

    @property
    def manifest_path(self) -> Path:
        """Written last: a folder without it is unfinished."""
        return self.out / MANIFEST
