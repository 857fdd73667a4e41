"""What lies ahead of a judgement, and how long it takes."""

from dataclasses import dataclass

from speechlip.wording import counted, rough_time


@dataclass(frozen=True)
class JudgeCost:
    """What lies ahead.

    clips: videos.
    copies: of all clips.
    pending: those that are still to be made and scored.
    workers: processes.
    one_s: seconds that one copy takes in the mean, by those that were tried; None where none was.
    """

    clips: int
    copies: int
    pending: int
    workers: int
    one_s: float | None

    @property
    def seconds(self) -> float | None:
        """About how long it takes from now on; None where that is unknown."""
        return None if self.one_s is None else self.one_s * self.pending / self.workers

    @property
    def words(self) -> str:
        """One line for a person.

        >>> JudgeCost(clips=2, copies=106, pending=105, workers=2, one_s=2.0).words
        '105 of 106 renders of 2 clips to make and score, about 1:45 min with 2 workers (2.0 s each)'
        """
        ahead = f"{self.pending} of {self.copies} renders of {counted(self.clips, 'clip')} to make and score"
        if self.seconds is None or self.one_s is None:
            return ahead
        return (
            f"{ahead}, about {rough_time(self.seconds)} with {self.workers} "
            f"{'worker' if self.workers == 1 else 'workers'} ({self.one_s:.1f} s each)"
        )
