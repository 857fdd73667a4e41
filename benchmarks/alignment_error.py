"""Boundary error of ``speechlip align`` on synthetic speech with known phones, and texts that are wrong.

    python benchmarks/alignment_error.py [--identities 8] [--sentences 6]
    python benchmarks/alignment_error.py --long 150,600
    python benchmarks/alignment_error.py --likeness 70 [--identities 8]

Prints a Markdown table: error of phones' starts, median and 90th percentile, refusals of the right text and
of other clips' texts, by the least score that passes; CPU time for a second of speech. With ``--long``: one
recording of so many seconds with one text, in pieces and in one piece, each in a process of its own: error,
words aligned, CPU time, and by how much its memory is above that of the libraries and the audio. With
``--likeness``: how like what is heard the right text of a recording of each voice is, its words in another
order, and the text of another.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np
from scipy.signal import resample_poly

from speechlip.aligning import long, sphinx
from speechlip.aligning.anchors import match
from speechlip.aligning.words import words_of
from speechlip.errors import SourceRefused
from speechlip.metrics.phones.visemes import fold
from speechlip.phones import SILENCE
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
    for block in SequenceMatcher(None, *labels, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            yield abs(found[block.a + step].start_s - true[block.b + step].start_s)


def recording(seconds, voice):
    """(text, samples, true phones) of sentences one after another, with pauses of 0.1 to 0.8 s."""
    random, texts, parts, phones, n = np.random.default_rng(voice), [], [], [], 0
    who = identity(0, voice)
    while n < seconds * 16000:
        text = SENTENCES[len(texts) % len(SENTENCES)]
        said = speak(text, who.voice, who.rate, who.pitch)
        samples = resample_poly(said.samples.astype(float), 320, 441).clip(-32768, 32767).astype(np.int16)
        pause = np.zeros(int(random.uniform(0.1, 0.8) * 16000), np.int16)
        phones += [
            replace(phone, start_s=phone.start_s + n / 16000, end_s=phone.end_s + n / 16000)
            for phone in said.phones
        ]
        texts.append(text)
        parts += [samples, pause]
        n += len(samples) + len(pause)
    return " ".join(texts), np.concatenate(parts), phones


def align_long(seconds, voice, whole):
    """Align one long recording in this process, and print a row of the table."""
    text, samples, true = recording(seconds, voice)
    sphinx.recognise(samples[: 16000 * 15])
    sphinx.align_piece(samples, 0.0, 2.0, words_of("the quick"))
    long.WHOLE_S = np.inf if whole else long.WHOLE_S
    before, begun = peak_mb(), time.process_time()
    words = words_of(text)
    try:
        heard, _ = long.align_text(samples, words)
    except SourceRefused as refusal:
        print(f"| {seconds} s | {'one' if whole else 'pieces'} | {refusal.reason} | | | |")
        return
    cpu, peak = time.process_time() - begun, peak_mb() - before
    found = [phone for each in heard if each.word for phone in each.phones]
    errors = 1000 * np.array(list(start_errors(found, true)))
    aligned = sum(bool(each.word) for each in heard)
    print(
        f"| {seconds} s | {'one' if whole else 'pieces'} | {np.median(errors):.0f}, "
        f"{np.percentile(errors, 90):.0f} ms | {100 * aligned / len(words):.0f} % | {cpu / seconds:.3f} | "
        f"{peak:.0f} |"
    )


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def long_table(lengths, voice):
    print("| recording | in | starts off, median and 90th | words | CPU s a second | MB more |")
    print("|---|---|---|---|---|---|", flush=True)
    for seconds in lengths:
        for way in ("pieces", "one"):
            own = ["--long", str(seconds), "--voice", str(voice), "--in", way]
            subprocess.run([sys.executable, __file__, *own], check=True)


def likeness_table(seconds, identities):
    print("| voice | right text | its words shuffled | another text |\n|---|---|---|---|", flush=True)
    random = np.random.default_rng(0)
    for voice in range(identities):
        text, samples, _ = recording(seconds, voice)
        words = words_of(text)
        others = [word for text in SENTENCES[::-1] for word in words_of(text)][: len(words)]
        heard = [phone.phone for each in sphinx.recognise(samples) for phone in each.phones]
        heard = [phone for phone in heard if phone != SILENCE]
        likeness = []
        for said in (words, random.permutation(words).tolist(), others):
            sphinx.learn(tuple(said))
            likeness.append(match([p for word in said for p in sphinx.phones_of_word(word)], heard).likeness)
        print(f"| {voice} | " + " | ".join(f"{each:.2f}" for each in likeness) + " |", flush=True)


def main():
    """Align all, with their own texts and with others', and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identities", type=int, default=8)
    parser.add_argument("--sentences", type=int, default=6)
    parser.add_argument("--long", help="seconds of long recordings, such as 150,600")
    parser.add_argument("--voice", type=int, default=0, help="of the long recordings")
    parser.add_argument("--likeness", type=int, help="seconds of a recording of each voice")
    parser.add_argument("--in", dest="way", choices=("pieces", "one"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        align_long(int(given.long), given.voice, given.way == "one")
    elif given.likeness:
        likeness_table(given.likeness, given.identities)
    elif given.long:
        long_table([int(each) for each in given.long.split(",")], given.voice)
    else:
        short_table(given.identities, given.sentences)


def short_table(identities, sentences):
    """Error, and who is refused by which least score."""
    clips = list(spoken(identities, sentences))
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
