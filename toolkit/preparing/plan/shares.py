"""Which units of a plan one job of an array does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from speechlip.errors import OptionError
from speechlip.preparing.plan.written import UnitPlace


@dataclass(frozen=True)
class Share:
    """Every ``jobs``-th unit, from the ``job``-th on.

    Raises OptionError where there is no such job.
    """

    job: int
    jobs: int

    def __post_init__(self) -> None:
        if not self.jobs:
            raise OptionError(f"--units {self.job}::0 is a share of no jobs; write 0::1 for all units")
        if not 0 <= self.job < self.jobs:
            raise OptionError(
                f"--units {self.job}::{self.jobs} is no share: jobs are counted from 0, "
                f"so the last of {self.jobs} is {self.jobs - 1}::{self.jobs}"
            )

    def of(self, units: Sequence[UnitPlace]) -> list[UnitPlace]:
        """Its units. They are dealt longest first, so that jobs have about equally much to do.

        >>> units = [UnitPlace("train", index, length_s, 0, 0) for index, length_s in enumerate((5, 9, 7))]
        >>> [unit.index for unit in Share(0, 2).of(units)], [unit.index for unit in Share(1, 2).of(units)]
        ([1, 0], [2])
        """
        return sorted(units, key=lambda unit: unit.seconds, reverse=True)[self.job :: self.jobs]


def parse_share(text: str) -> Share:
    """``i::n`` as a share. Raises OptionError.

    >>> parse_share("3::64")
    Share(job=3, jobs=64)
    """
    match = re.fullmatch(r"(\d{1,9})::(\d{1,9})", text)
    if not match:
        raise OptionError(
            f"cannot read --units {text!r:.60}; write it as 0::8, the first of eight jobs, to 7::8, the last"
        )
    return Share(int(match[1]), int(match[2]))
