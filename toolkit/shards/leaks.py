"""What is in several splits: copies of one recording, and people under several names."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from speechlip.manifest import LookAlike
from speechlip.shards.ledger import LedgerRow, splits_of
from speechlip.wording import listed, shown

MOST_NAMES = 6
"""Of one person, in a line."""


def shared_recordings(rows: Iterable[LedgerRow]) -> list[list[LedgerRow]]:
    """Copies of one recording (equal SHA-256) whose clips lie in more than one split, as groups of rows.

    Goes through the rows a second time where there are any.
    """
    split_of: dict[str, str] = {}
    copies: dict[str, list[LedgerRow]] = {}
    for row in rows:
        if row.clips and split_of.setdefault(row.sha256, row.split) != row.split:
            copies[row.sha256] = []
    for row in rows if copies else ():
        if row.clips and row.sha256 in copies:
            copies[row.sha256].append(row)
    return [copies[sha256] for sha256 in split_of if sha256 in copies]


class UnderNames(Protocol):
    """Somebody who is seen in videos of these speakers."""

    @property
    def speakers(self) -> tuple[str, ...]: ...


Somebody = TypeVar("Somebody", bound=UnderNames)
SplitsOf = Mapping[str, Collection[str]]
"""Speaker → the splits that their clips are in."""


def leaking_people(people: Iterable[Somebody], splits: SplitsOf) -> list[Somebody]:
    """Of people who are seen under several names, those whose names are in different splits."""
    return [
        each
        for each in people
        if len({split for name in each.speakers for split in splits.get(name, ())}) > 1
    ]


def splits_of_speakers(rows: Iterable[LedgerRow]) -> dict[str, list[str]]:
    """Speaker → the splits that their clips are in."""
    found: dict[str, list[str]] = {}
    for row in rows:
        own = found.setdefault(row.speaker, []) if row.clips else []
        own += [split for split in splits_of(row.split) if split not in own]
    return found


def people_in_words(alike: Sequence[LookAlike], splits: SplitsOf) -> str:
    """People who are seen under several names in different splits, in one line.

    >>> ann = LookAlike(speakers=("ann", "bob"), distance=0.2)
    >>> people_in_words([ann], {"ann": ["train"], "bob": ["test"]})
    'the same person is seen under several names in different splits: ann (train) and bob (test)'
    """
    groups = []
    for each in alike:
        names = [name for name in each.speakers if name in splits]
        one_of_each = {split: name for name in reversed(names) for split in splits[name]}
        ordered = dict.fromkeys([*sorted(one_of_each.values()), *names])
        shown_names = [f"{shown(name)} ({', '.join(splits[name])})" for name in ordered]
        groups.append(listed(shown_names, most=MOST_NAMES, between=" and "))
    return f"the same person is seen under several names in different splits: {listed(groups, between='; ')}"
