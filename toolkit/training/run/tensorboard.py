"""Rows of ``history.csv`` as scalars in ``RUN/tensorboard``, where TensorBoard is installed."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from speechlip.errors import install
from speechlip.progress import Progress
from speechlip.training.run.history import HistoryRow

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
TAGS = {
    "loss": "train/loss",
    "lr": "train/lr",
    "auc": "validation/pair_auc",
    "windows_per_s": "speed/windows_per_s",
    "data_wait": "speed/data_wait",
}
MISSING = (
    f"no TensorBoard scalars: TensorBoard is not installed; {install('train')}, or leave --tensorboard out"
)


def installed() -> bool:
    return find_spec("tensorboard") is not None


class Scalars:
    """Writes rows of the history as they come, and nothing before the first.

    after_step: the checkpoint from which a run goes on; what an earlier process wrote beyond it is hidden. 0:
    a new run.
    """

    def __init__(self, run: Path, after_step: int = 0) -> None:
        self.folder, self.after_step = run / FOLDER, after_step
        self.writer: SummaryWriter | None = None

    def row(self, row: HistoryRow) -> None:
        """Add the values of a row that are numbers."""
        self.writer = self.writer or self._open()
        tagged = {tag: getattr(row, name) for name, tag in TAGS.items()}
        tagged |= {f"terms/{name}": value for name, value in row.terms.items()}
        for tag, value in tagged.items():
            if math.isfinite(value):
                self.writer.add_scalar(tag, value, row.step)
        self.writer.flush()

    def close(self) -> None:
        if self.writer:
            self.writer.close()

    def _open(self) -> "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder), purge_step=self.after_step + 1 if self.after_step else None)


def open_scalars(run: Path, after_step: int, wanted: bool | None, progress: Progress) -> Scalars | None:
    """Scalars of a run; None where they are not wanted, or TensorBoard is not installed.

    The latter is said to whoever wants them. after_step: as of ``Scalars``. wanted: None for where
    TensorBoard is installed.
    """
    if wanted is False or not installed():
        if wanted:
            progress.say(MISSING)
        return None
    return Scalars(run, after_step)
