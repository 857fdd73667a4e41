"""Loss and time since the last row of the history, and whether a run is stuck where it began."""

import time
from collections.abc import Mapping

from speechlip.training.options import TrainOptions
from speechlip.training.processes.ranks import ALONE, Ranks
from speechlip.training.run.history import HistoryRow
from speechlip.training.step.losses import stuck

STUCK_STEPS, STUCK_AUC = 500, 0.55
STUCK_ADVICE = (
    "the loss has not left {plateau:.2f}, where nothing is told apart. Wav2Lip's runs on real data stay "
    "there for 150 000 steps; what helped others, in this order: --loss nce with a batch of 64 or more, a "
    "larger batch, another --lr. Look at the lip crops too: the mouth must lie in rows {rows}, and sound "
    "that is late or early in the videos leaves nothing to learn"
)


class RowTotals:
    """Sums since the last row of the history; a row's loss is the mean over all ``ranks``."""

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self.ranks = ranks
        self.began = self.step_ended = time.perf_counter()
        self.row_losses: list[float] = []
        self.advised = False
        self._clear()

    def since_step_s(self) -> float:
        """Seconds since the last step was over."""
        return time.perf_counter() - self.step_ended

    def add_step(self, windows: int, waited_s: float) -> None:
        """Count a step of ``windows`` pairs, of all ranks together, before which a batch was waited for."""
        self.windows += windows
        self.waited_s += waited_s
        self.spent_s += self.since_step_s()

    def add_losses(self, losses: Mapping[str, float]) -> None:
        """Count ``loss`` and terms of a step, once they are known."""
        self.losses.append(losses)

    def resume(self) -> None:
        """Start the clock again after work that is not training: validation, saving."""
        self.step_ended = time.perf_counter()

    def row(self, step: int, lr: float, auc: float) -> HistoryRow:
        """The row, and begin the next."""
        means = {
            name: self.ranks.mean(sum(losses[name] for losses in self.losses) / len(self.losses))
            for name in self.losses[0]
        }
        loss = means.pop("loss")
        row = HistoryRow(
            step=step,
            loss=loss,
            lr=lr,
            auc=auc,
            windows_per_s=self.windows / self.spent_s,
            data_wait=self.waited_s / self.spent_s,
            elapsed_s=time.perf_counter() - self.began,
            terms=means,
        )
        self.row_losses.append(loss)
        self._clear()
        return row

    def looks_stuck(self, options: TrainOptions, row: HistoryRow) -> bool:
        """Once in a run: whether the losses of the last rows lie on the plateau and the AUC says the same."""
        losses = self.row_losses[-max(1, STUCK_STEPS // options.validate_every) :]
        if options.learns_from_phones or self.advised or row.step < STUCK_STEPS or row.auc > STUCK_AUC:
            return False
        self.advised = stuck(losses, options.loss, options.batch_size)
        return self.advised

    def _clear(self) -> None:
        self.losses: list[Mapping[str, float]] = []
        self.windows, self.waited_s, self.spent_s = 0, 0.0, 0.0
