"""Which recording of a group of doubles is kept."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from speechlip.doubles.pairs import Double

MOSTLY = 0.5
"""A recording of which so much lies in another one is its double."""
AS_LONG = 0.9
"""Of the longest: re-timed and trimmed copies count as equally long."""


def doubles_of_kept(seconds_of: Mapping[str, float], pairs: Iterable[Double]) -> dict[str, Double]:
    """Name of each recording that is left out → the pair with the one that is kept instead.

    seconds_of: length of each recording, in the order of the set.

    The longest of a group is kept; of several that are about as long, the first in the order of the set. What
    lies in it by half or more is left out. The rest of the group is looked at again in the same way.
    """
    order = {name: place for place, name in enumerate(seconds_of)}
    near: dict[str, dict[str, Double]] = defaultdict(dict)
    for pair in pairs:
        near[pair.first][pair.second] = near[pair.second][pair.first] = pair
    left_out: dict[str, Double] = {}
    undecided = set(near)
    for group in groups(near, sorted(undecided, key=order.__getitem__)):
        waiting = [*group]
        while waiting:
            longest_s = max(seconds_of[name] for name in waiting)
            kept = next(name for name in waiting if seconds_of[name] >= AS_LONG * longest_s)
            inside = {name for name in waiting if name in near[kept] and share_in(near[kept][name], name)}
            left_out |= {name: near[kept][name] for name in waiting if name in inside}
            waiting = [name for name in waiting if name != kept and name not in inside]
    return left_out


def share_in(pair: Double, name: str) -> bool:
    """Whether most of ``name`` lies in the other one."""
    return (pair.first_share if name == pair.first else pair.second_share) >= MOSTLY


def groups(near: Mapping[str, Mapping[str, Double]], names: Sequence[str]) -> list[list[str]]:
    """Names that hang together, each group in the order of ``names``."""
    group_of: dict[str, int] = {}
    for number, name in enumerate(names):
        reached = [] if name in group_of else [name]
        while reached:
            one = reached.pop()
            group_of[one] = number
            reached += [other for other in near[one] if other not in group_of]
    together: dict[int, list[str]] = defaultdict(list)
    for name in names:
        together[group_of[name]].append(name)
    return list(together.values())


def other_than(pair: Double, name: str) -> str:
    """The other one of a pair."""
    return pair.second if name == pair.first else pair.first
