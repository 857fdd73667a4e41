"""Evaluation pairs are frozen: chosen from a list of clips, so that neither shards, workers nor machines
matter.

Every choice is a SHA-256 of the seed and of what is chosen for, modulo the number of choices: no random
generator, whose stream a library may change. Each window of lips stands in one positive and one negative, so
lips alone say nothing about the label; speech of ``clip`` and ``speaker`` negatives is the speech of some
positive, and that of ``shift`` ones stands anywhere in its clip alike (``rules.Ring``), so neither does
speech alone.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from speechlip.shards.pairs.frozen import FrozenPair
from speechlip.shards.pairs.rules import KINDS, NEGATIVES, PairClip, PairRules, far_apart

Chance = Callable[..., int]
"""``hashed`` with its seed."""
PER_CLIP = 4
MAX_POSITIVES = 4096
"""Enough for a standard error below 0.005 on an AUC near 0.9."""


@dataclass(frozen=True)
class FrozenPairs:
    """The pairs of one split.

    rows: sorted by lips.
    counts: kind → pairs.
    off: kinds with no pair → why.
    unused: windows of lips that no negative was found for.
    """

    rows: tuple[FrozenPair, ...]
    counts: dict[str, int]
    off: dict[str, str]
    unused: int


@dataclass(frozen=True)
class _Anchor:
    """A window of a clip: the lips of one positive and one negative, and speech for negatives of others."""

    clip: PairClip
    start: int
    number: int

    def name(self) -> str:
        return f"{self.clip.key}/{self.number}"


def freeze_pairs(
    clips: Iterable[PairClip],
    seed: int,
    *,
    rules: PairRules | None = None,
    per_clip: int = PER_CLIP,
    max_positives: int = MAX_POSITIVES,
) -> FrozenPairs:
    """As many negatives as positives: up to ``per_clip`` windows a clip, at most ``max_positives``, taken
    from the speakers in turn.

    The kinds of negatives get equal shares as far as the clips allow; ``counts`` says what came out and
    ``off`` which kinds are impossible. The order of ``clips`` does not matter. The rows depend only on the
    facts, the seed and the options.
    """
    rules, clips = rules or PairRules(), list(clips)
    chance = partial(hashed, seed)
    anchors = _in_turn(_anchors(clips, rules, per_clip, chance), chance)[:max_positives]
    crowd = _Crowd(anchors, rules, chance)
    negatives = _assign(anchors, crowd, chance)
    rows = [
        row
        for anchor, kind in negatives.items()
        for row in (_positive(anchor, rules), crowd.negative(anchor, kind))
    ]
    rows.sort(key=lambda row: (row.lips_key, row.lips_start_frame, -row.label))
    counts = Counter(row.kind for row in rows)
    silent = not anchors and any(rules.starts(clip.n_frames) for clip in clips)
    by_kind = {kind: counts[kind] for kind in KINDS}
    return FrozenPairs(tuple(rows), by_kind, _why_off(silent, counts, rules), len(anchors) - len(negatives))


def hashed(seed: int, *labels: object) -> int:
    """A 64-bit integer that depends on the seed and the labels alone.

    The first 8 bytes, big-endian, of SHA-256 over them joined by newlines.

    >>> hashed(0, "clip/0", "start")
    16426319901025757601
    """
    return int.from_bytes(hashlib.sha256("\n".join(map(str, (seed, *labels))).encode()).digest()[:8], "big")


def _anchors(clips: Iterable[PairClip], rules: PairRules, per_clip: int, chance: Chance) -> list[_Anchor]:
    """Up to ``per_clip`` windows of each clip, one from each of as many equal stretches of its starts."""
    anchors = []
    for clip in clips:
        starts = rules.window_starts(clip.n_frames, clip.spoken)
        n = min(per_clip, len(starts))
        for number in range(n):
            low, high = number * len(starts) // n, (number + 1) * len(starts) // n
            anchors.append(
                _Anchor(clip, starts[low + chance("start", clip.key, number) % (high - low)], number)
            )
    return anchors


def _in_turn(anchors: Iterable[_Anchor], chance: Chance) -> list[_Anchor]:
    """One anchor of each speaker, then the second of each, …; of one speaker the first anchor of each clip
    comes before any second.
    """
    by_speaker = defaultdict(list)
    for anchor in sorted(
        anchors, key=lambda anchor: (anchor.number, chance("clip", anchor.clip.key), anchor.clip.key)
    ):
        by_speaker[anchor.clip.speaker].append(anchor)
    turns = [
        (turn, chance("speaker", speaker), anchor)
        for speaker, own in sorted(by_speaker.items())
        for turn, anchor in enumerate(own)
    ]
    return [anchor for _, _, anchor in sorted(turns, key=lambda entry: entry[:2])]


def _assign(anchors: Sequence[_Anchor], crowd: "_Crowd", chance: Chance) -> dict[_Anchor, str]:
    """A kind of negative for each anchor that can have one: those with the fewest choices first, each to the
    kind with the fewest so far.
    """
    options = {anchor: crowd.possible(anchor) for anchor in anchors}
    taken = dict.fromkeys(NEGATIVES, 0)
    assigned = {}
    for anchor in sorted(
        anchors, key=lambda anchor: (len(options[anchor]), chance("turn", anchor.name()), anchor.name())
    ):
        if options[anchor]:
            assigned[anchor] = min(options[anchor], key=lambda kind: taken[kind])
            taken[assigned[anchor]] += 1
    return assigned


class _Crowd:
    """All anchors, as those from which one anchor's negative may come."""

    def __init__(self, anchors: Sequence[_Anchor], rules: PairRules, chance: Chance) -> None:
        self.anchors, self.rules, self.chance = anchors, rules, chance
        self.of_speaker: dict[str, list[_Anchor]] = defaultdict(list)
        for anchor in anchors:
            self.of_speaker[anchor.clip.speaker].append(anchor)

    def possible(self, anchor: _Anchor) -> tuple[str, ...]:
        """The kinds of negative that there are for these lips."""
        shift = bool(self._shifted(anchor))
        others = {
            kind: any(self._fits(anchor, other, kind) for other in self._candidates(anchor, kind))
            for kind in ("clip", "speaker")
        }
        return tuple(kind for kind, there_is in {"shift": shift, **others}.items() if there_is)

    def negative(self, anchor: _Anchor, kind: str) -> FrozenPair:
        """A negative of a possible kind for these lips."""
        lips = (anchor.clip.key, anchor.start)
        if kind == "shift":
            starts = self._shifted(anchor)
            start = starts[self.chance(kind, anchor.name()) % len(starts)]
            return FrozenPair(*lips, anchor.clip.key, start, self.rules.window, kind, 0, start - anchor.start)
        candidates = self._candidates(anchor, kind)
        partners = (
            candidates[self.chance(kind, anchor.name(), attempt) % len(candidates)] for attempt in count()
        )
        partner = next(other for other in partners if self._fits(anchor, other, kind))
        return FrozenPair(*lips, partner.clip.key, partner.start, self.rules.window, kind, 0, None)

    def _shifted(self, anchor: _Anchor) -> list[int]:
        return self.rules.shifted_starts(anchor.clip.n_frames, anchor.start, anchor.clip.spoken)

    def _candidates(self, anchor: _Anchor, kind: str) -> Sequence[_Anchor]:
        if kind == "clip":
            return self.of_speaker[anchor.clip.speaker]
        return self.anchors if len(self.of_speaker) > 1 else ()

    def _fits(self, anchor: _Anchor, other: _Anchor, kind: str) -> bool:
        if other.clip.key == anchor.clip.key or (other.clip.speaker == anchor.clip.speaker) != (
            kind == "clip"
        ):
            return False
        return far_apart(anchor.clip, anchor.start, other.clip, other.start, self.rules)


def _positive(anchor: _Anchor, rules: PairRules) -> FrozenPair:
    return FrozenPair(
        anchor.clip.key, anchor.start, anchor.clip.key, anchor.start, rules.window, "positive", 1, 0
    )


def _why_off(silent: bool, counts: Counter[str], rules: PairRules) -> dict[str, str]:
    """silent: whether there are windows, and none with enough speech."""
    if silent:
        why = f"no window of any clip is speech for {rules.least_speech:.0%} of it; --pairs any takes all"
        return dict.fromkeys(KINDS, why)
    reasons = {
        "positive": "no clip is as long as a window, or no negative was found for any",
        "shift": f"no clip has a window {rules.min_offset} frames from another",
        "clip": "no speaker has a second clip",
        "speaker": "there are not two speakers",
    }
    return {kind: why for kind, why in reasons.items() if not counts[kind]}
