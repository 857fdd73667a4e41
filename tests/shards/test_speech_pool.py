"""The pool of speech, held against a plain list that is searched from end to end."""

import numpy as np
import pytest

from speechlip.shards.pairs.rules import PairClip, PairRules, far_apart
from speechlip.shards.pairs.speech_pool import BLIND_TRIES, Speech, SpeechPool

SIZE, RULES = 40, PairRules()


def clip(rng, number, n_speakers):
    speaker = f"speaker {rng.integers(n_speakers)}"
    return PairClip(str(number), speaker, f"film {rng.integers(2)} of {speaker}", int(rng.integers(60)), 30)


def searched(windows, clip, start, same_speaker, below):
    def fits(speech):
        return (speech.clip.speaker == clip.speaker) == same_speaker and far_apart(
            clip, start, speech.clip, speech.start, RULES
        )

    for _ in range(BLIND_TRIES if windows else 0):
        speech = windows[below(len(windows))]
        if fits(speech):
            return speech
    fitting = [speech for speech in windows if fits(speech)]
    return fitting[below(len(fitting))] if fitting else None


def below(seed):
    rng = np.random.default_rng(seed)
    return lambda n: int(rng.integers(n))


@pytest.mark.parametrize("n_speakers", [1, 3, 30])
def test_partners_are_those_of_a_plain_list(n_speakers):
    rng, windows, pool, n_found = np.random.default_rng(n_speakers), [], SpeechPool(SIZE, RULES), 0
    for number in range(300):
        given, seed = clip(rng, number, n_speakers), int(rng.integers(1 << 30))
        for same_speaker in (True, False):
            asked = given, number % 26, same_speaker
            found = pool.partner(*asked, below(seed))
            assert found is searched(windows, *asked, below(seed))
            n_found += found is not None
        speech = Speech(given, int(rng.integers(26)), np.zeros(1))
        pool.add(speech)
        windows = [*windows, speech][-SIZE:]
        assert list(pool.windows) == windows
        assert sum(map(len, pool.by_speaker.values())) == len(windows)
    assert n_found > 100
