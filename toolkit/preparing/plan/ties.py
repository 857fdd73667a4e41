"""Speakers or files that fall into one split because one has a double of the other, or is seen there too."""

from collections.abc import Callable, Sequence
from itertools import chain

from speechlip.preparing.plan.planned_source import PlannedSource

Who = Callable[[PlannedSource], str]
"""What is not divided between splits: the speaker of a source, or its name."""


def by_speaker(entry: PlannedSource) -> str:
    return entry.source.speaker


def by_file(entry: PlannedSource) -> str:
    return entry.source.name


WHO: dict[str, Who] = {"speaker": by_speaker, "file": by_file}
"""``split_by`` → what is not divided between splits."""


class Ties:
    """Names that hang together, each group with at most one declared split.

    names: all of them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._above = {name: name for name in names}
        self._declared: dict[str, str] = {}

    def first(self, name: str) -> str:
        """The first by name of those that ``name`` hangs together with."""
        while self._above[name] != name:
            self._above[name] = name = self._above[self._above[name]]
        return name

    def declare(self, name: str, split: str) -> None:
        """Note the official split of a name; the first that is noted holds."""
        self._declared.setdefault(self.first(name), split)

    def tie(self, one: str, other: str) -> bool:
        """Tie two names together; False, and nothing done, where they are declared in different splits."""
        first, second = sorted((self.first(one), self.first(other)))
        splits = {self._declared[name] for name in (first, second) if name in self._declared}
        if len(splits) > 1:
            return False
        self._above[second] = first
        if splits:
            self._declared[first] = splits.pop()
        return True


def tied(planned: Sequence[PlannedSource], who: Who) -> tuple[Ties, frozenset[str]]:
    """What doubles tie together, and speakers who are seen in one video; and the names of the doubles that
    are declared in another split than the source which they double.
    """
    who_of = {entry.source.name: who(entry) for entry in planned}
    beside = {entry.source.name: entry.also if who is by_speaker else () for entry in planned}
    ties = Ties(sorted({*who_of.values(), *chain(*beside.values())}))
    for entry in planned:
        if entry.source.split is not None:
            ties.declare(who(entry), entry.source.split)
    doubles = sorted((entry for entry in planned if entry.double_of in who_of), key=lambda e: e.source.name)
    apart = [entry.source.name for entry in doubles if not ties.tie(who(entry), who_of[entry.double_of])]
    for entry in planned:
        for other in beside[entry.source.name]:
            ties.tie(who(entry), other)
    return ties, frozenset(apart)
