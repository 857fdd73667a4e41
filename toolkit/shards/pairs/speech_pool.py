"""Windows of speech that clips leave behind, for the lips of later clips."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.shards.pairs.rules import Below, PairClip, PairRules, far_apart

BLIND_TRIES = 4


@dataclass(frozen=True)
class Speech:
    """A window of speech.

    clip: that it is of.
    start: its first frame there.
    values: what ``SpeechWindows`` cut.
    """

    clip: PairClip
    start: int
    values: np.ndarray


class SpeechPool:
    """The last ``size`` windows, with those of each speaker at hand."""

    def __init__(self, size: int, rules: PairRules) -> None:
        self.size, self.rules = size, rules
        self.windows: deque[Speech] = deque()
        self.by_speaker: dict[str, deque[Speech]] = {}

    def add(self, speech: Speech) -> None:
        """Keep a window; the oldest one goes where there are too many."""
        self.windows.append(speech)
        self.by_speaker.setdefault(speech.clip.speaker, deque()).append(speech)
        if len(self.windows) > self.size:
            speaker = self.windows.popleft().clip.speaker
            self.by_speaker[speaker].popleft()
            if not self.by_speaker[speaker]:
                del self.by_speaker[speaker]

    def partner(self, clip: PairClip, lips_start: int, same_speaker: bool, below: Below) -> Speech | None:
        """A random window that may be paired with lips of ``clip``; None where none may.

        By a few blind tries, and where they fail among all that fit.
        """

        def fits(speech: Speech) -> bool:
            same = speech.clip.speaker == clip.speaker
            return same == same_speaker and far_apart(clip, lips_start, speech.clip, speech.start, self.rules)

        for _ in range(BLIND_TRIES if self.windows else 0):
            speech = self.windows[below(len(self.windows))]
            if fits(speech):
                return speech
        among: Sequence[Speech] = self.by_speaker.get(clip.speaker, deque()) if same_speaker else self.windows
        partners = [speech for speech in among if fits(speech)]
        return partners[below(len(partners))] if partners else None
