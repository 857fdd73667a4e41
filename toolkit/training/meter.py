"""How a run goes: time and loss between two rows of the history, and whether the loss still lies where it began."""

import time

from speechlip.training.config import TrainOptions
from speechlip.training.history import HistoryRow
from speechlip.training.losses import stuck
from speechlip.training.ranks import ALONE, Ranks

STUCK_STEPS, STUCK_AUC = 500, 0.55
STUCK_ADVICE = (
    "the loss has not left {plateau:.2f}, where nothing is told apart. Wav2Lip's runs on real data stay there for 150 000 steps; what helped others, "
    "in this order: --loss nce with a batch of 64 or more, a larger batch, another --lr. Look at the lip crops too: the mouth must lie in rows "
    "24–71, and sound that is late or early in the videos leaves nothing to learn"
)


class Meter:
    """Time and loss since the last row of the history; a row's loss is the mean over all ``ranks``."""

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self.ranks = ranks
        self.began = self.mark = time.perf_counter()
        self.earlier: list[float] = []
        self.told = False
        self._clear()

    def waited(self) -> float:
        """Seconds since the last step was over."""
        return time.perf_counter() - self.mark

    def stepped(self, windows: int, waited_s: float) -> None:
        """Count in a step of ``windows`` pairs, of all ranks together."""
        self.windows += windows
        self.waited_s += waited_s
        self.spent_s += self.waited()

    def lost(self, loss: float) -> None:
        """Count in the loss of a step, once it is known."""
        self.losses.append(loss)

    def resume(self) -> None:
        """Take up the clock again after work that is no training: validation, saving."""
        self.mark = time.perf_counter()

    def row(self, step: int, lr: float, auc: float) -> HistoryRow:
        loss, elapsed_s = (
            self.ranks.mean(sum(self.losses) / len(self.losses)),
            time.perf_counter() - self.began,
        )
        row = HistoryRow(
            step, loss, lr, auc, self.windows / self.spent_s, self.waited_s / self.spent_s, elapsed_s
        )
        self.earlier.append(loss)
        self._clear()
        return row

    def looks_stuck(self, options: TrainOptions, row: HistoryRow) -> bool:
        """Once, when the losses of the last rows lie on the plateau and the AUC says the same."""
        rows = self.earlier[-max(1, STUCK_STEPS // options.validate_every) :]
        if (
            self.told
            or row.step < STUCK_STEPS
            or row.auc > STUCK_AUC
            or not stuck(rows, options.loss, options.batch_size)
        ):
            return False
        self.told = True
        return True

    def _clear(self) -> None:
        self.losses: list[float] = []
        self.windows, self.waited_s, self.spent_s = 0, 0.0, 0.0
