"""Units: which sources go into which shard, fixed before any work starts.

A unit is one shard. Units depend on the sources and the options alone, never on the number of workers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from speechlip.manifest import LookAlike
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.planned_source import PlannedSource

LIPS_BYTES = {"jpg": 76_000, "png": 276_000}
"""Per second of video, as the next two: benchmarks/member_sizes.py."""
SPECTROGRAM_BYTES = {"stft": 64_000, "mel": 20_000}
OTHER_BYTES = 22_000
UNITS_PER_SPLIT = 8
"""At least, where there are enough sources: a loader deals whole shards to its workers."""


@dataclass(frozen=True)
class Unit:
    """One shard to be made.

    split, index: the shard's, ``index`` from 0 on in each split.
    sources: in order; none for a shard of own clips.
    crashed: (name, reason, detail) of sources that ended a worker process or were over a limit.
    """

    split: str
    index: int
    sources: tuple[PlannedSource, ...]
    crashed: tuple[tuple[str, str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.split}-{self.index:05d}"


@dataclass(frozen=True)
class Plan:
    """Which source goes into which shard.

    units: all shards.
    with_phones: whether phones are made, or any source brings them; then every sample carries
    ``phones.json``.
    refused: (split, source) of those in no unit; the split is the declared one, that of the speaker, or
    empty.
    alike: speakers in whose videos the same person is seen; None where nobody compared them.
    """

    units: tuple[Unit, ...]
    with_phones: bool
    refused: tuple[tuple[str, PlannedSource], ...] = ()
    alike: tuple[LookAlike, ...] | None = None

    @property
    def sources(self) -> tuple[PlannedSource, ...]:
        """All sources, or their parts, the refused ones last."""
        prepared = (planned for unit in self.units for planned in unit.sources)
        return (*prepared, *(planned for _, planned in self.refused))


def bytes_per_second(options: PrepOptions) -> int:
    """What a second of video comes to in a shard, all members together."""
    return LIPS_BYTES[options.lips_format] + SPECTROGRAM_BYTES[options.spectrogram] + OTHER_BYTES


def make_units(split: str, planned: Sequence[PlannedSource], options: PrepOptions) -> list[Unit]:
    """Cut the sources of one split, in their order, into units of about equal length near ``shard_bytes``.

    What is planned of a source is never divided here: one longer than a shard gets a shard of its own.
    """
    costs = [max(entry.part_s, 1.0) * bytes_per_second(options) for entry in planned]
    wanted = max(-(-sum(costs) // options.shard_bytes), min(UNITS_PER_SPLIT, len(planned)))
    target = sum(costs) / wanted
    groups: list[list[PlannedSource]] = [[]]
    filled = 0.0
    for entry, cost in zip(planned, costs, strict=True):
        if groups[-1] and filled + cost / 2 > target * len(groups):
            groups.append([])
        groups[-1].append(entry)
        filled += cost
    return [Unit(split, index, tuple(group)) for index, group in enumerate(groups)]
