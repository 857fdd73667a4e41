"""Boundary error of ``speechlip align`` on synthetic speech with known phones, and texts that are wrong.

    python benchmarks/alignment_error.py [--identities 8] [--sentences 6]

Prints a Markdown table: error of phones' starts, median and 90th percentile, refusals of the right text and
of other clips' texts, by the least score that passes; CPU time for a second of speech.
"""

import argparse
import time
from difflib import SequenceMatcher

import numpy as np
from scipy.signal import resample_poly

from speechlip.aligning import sphinx
from speechlip.aligning.words import words_of
from speechlip.errors import SourceRefused
from speechlip.metrics.phones.visemes import fold
from speechlip.recipes._synthetic.identity import identity
from speechlip.recipes._synthetic.sentences import SENTENCES
from speechlip.recipes._synthetic.voice import speak

THRESHOLDS = (-7.5, -7.0, -6.5, -6.0, -5.5)
OTHERS = (1, 2, 5)


def spoken(identities, sentences):
    """(text, samples at 16 kHz, true phones) of each."""
    for number in range(identities):
        who = identity(0, number)
        for place in range(sentences):
            text = SENTENCES[(number * sentences + place) % len(SENTENCES)]
            said = speak(text, who.voice, who.rate, who.pitch)
            samples = resample_poly(said.samples.astype(float), 320, 441)
            yield text, np.clip(samples, -32768, 32767).astype(np.int16), said.phones


def score_of(samples, text):
    """Score of a text and its phones; (−inf, ()) where it is refused whatever the score."""
    try:
        heard = sphinx.align_words(samples, words_of(text))
    except SourceRefused:
        return -np.inf, ()
    return sphinx.mean_score(heard), [phone for each in heard if each.word for phone in each.phones]


def start_errors(found, true):
    """Of the phones that both have in the same order."""
    true = [phone for phone in true if fold(phone.phone)]
    labels = [[fold(phone.phone) for phone in side] for side in (found, true)]
    for match in SequenceMatcher(None, *labels, autojunk=False).get_matching_blocks():
        for step in range(match.size):
            yield abs(found[match.a + step].start_s - true[match.b + step].start_s)


def main():
    """Align all, with their own texts and with others', and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identities", type=int, default=8)
    parser.add_argument("--sentences", type=int, default=6)
    clips = list(spoken(**vars(parser.parse_args())))
    sphinx.FITS, least = -np.inf, sphinx.FITS
    right, errors, seconds = [], [], sum(len(samples) for _, samples, _ in clips) / 16000
    begun, wall = time.process_time(), time.perf_counter()
    for text, samples, true in clips:
        score, found = score_of(samples, text)
        right.append(score)
        errors += start_errors(found, true) if score >= least else ()
    cpu, wall = time.process_time() - begun, time.perf_counter() - wall
    wrong = [
        score_of(samples, clips[(place + step) % len(clips)][0])[0]
        for place, (text, samples, _) in enumerate(clips)
        for step in OTHERS
        if clips[(place + step) % len(clips)][0] != text
    ]
    print(
        f"{len(clips)} utterances, {seconds:.0f} s; a second takes {cpu / seconds:.3f} s of CPU, "
        f"{wall / seconds:.3f} s of wall time"
    )
    milliseconds = 1000 * np.array(errors)
    print(
        f"starts of {len(errors)} phones off by {np.median(milliseconds):.0f} ms (median), "
        f"{np.percentile(milliseconds, 90):.0f} ms (90th percentile)\n"
    )
    print(f"| least score, nats | {len(right)} right texts refused | {len(wrong)} wrong texts refused |")
    print("|---|---|---|")
    for threshold in THRESHOLDS:
        shares = (100 * np.mean(np.array(scores) < threshold) for scores in (right, wrong))
        print(f"| {threshold:g} | " + " | ".join(f"{share:.0f} %" for share in shares) + " |")


if __name__ == "__main__":
    main()
