"""Which samples go into which new shard."""

from collections import Counter
from collections.abc import Iterable, Sequence

from speechlip.editing.copying import NewShard
from speechlip.editing.given import GivenFolder, GivenShard
from speechlip.editing.sample import Sample
from speechlip.preparing.choices import SHARD_BYTES
from speechlip.preparing.plan.units import UNITS_PER_SPLIT, Unit


def packed(samples: Iterable[Sample], split_of: dict[str, str], given: GivenFolder) -> list[NewShard]:
    """The samples of each split, in their order, in shards of about equal size.

    None is larger than ``shard_bytes`` of the folder by more than a sample. There are at least 8 where there
    are so many clips: a loader deals whole shards to its workers.

    split_of: key → split, for the samples that change theirs.
    """
    by_split: dict[str, list[Sample]] = {}
    for sample in samples:
        by_split.setdefault(split_of.get(sample.key, sample.split), []).append(sample)
    shard_bytes = int(given.manifest.options.get("shard_bytes", SHARD_BYTES))
    return [
        NewShard(Unit(split, index, ()), tuple(group))
        for split in in_order(by_split, given)
        for index, group in enumerate(groups(by_split[split], shard_bytes))
    ]


def in_order(splits: Iterable[str], given: GivenFolder) -> list[str]:
    """Splits as the folder has them, new ones last."""
    splits = list(splits)
    known = [
        name for name in dict.fromkeys([*given.manifest.split, *given.manifest.splits]) if name in splits
    ]
    return known + sorted(set(splits) - set(known))


def groups(samples: Sequence[Sample], shard_bytes: int) -> list[list[Sample]]:
    """Neighbours in groups of about equal size, near ``shard_bytes``."""
    total = sum(sample.length for sample in samples)
    target = total / max(-(-total // shard_bytes), min(UNITS_PER_SPLIT, len(samples)))
    found: list[list[Sample]] = [[]]
    filled = 0
    for sample in samples:
        if found[-1] and filled + sample.length / 2 > target * len(found):
            found.append([])
        found[-1].append(sample)
        filled += sample.length
    return found


def as_they_are(shards: Iterable[GivenShard]) -> list[NewShard]:
    """Whole shards, numbered anew by split in the order given."""
    number = Counter[str]()
    kept = []
    for shard in shards:
        unit = Unit(shard.row.split, number[shard.row.split], ())
        number[shard.row.split] += 1
        kept.append(NewShard(unit, shard.samples, whole=shard.row))
    return kept
