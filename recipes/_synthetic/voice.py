"""Text → samples with phones, words and stressed times, by espeak-ng."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.errors import OptionError, SpeechLipError, install
from speechlip.phones import SILENCE
from speechlip.recipes._synthetic import espeak
from speechlip.recipes._synthetic.visemes import arpabet
from speechlip.records import Phone

INSTALL = f"the synthetic corpus needs espeak-ng: {install('synthetic')}"
TIMEOUT_S = 60  # an utterance takes 25 ms


@dataclass(frozen=True)
class Utterance:
    """What was said.

    samples: (N,) int16 at ``sample_rate``.
    phones: they fill all of it, silence as ``SIL``.
    words: they leave gaps.

    stresses_s: the starts of the vowels with primary stress, in seconds.
    """

    sample_rate: int
    samples: np.ndarray
    phones: tuple[Phone, ...]
    words: tuple[Phone, ...]
    stresses_s: tuple[float, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate


def speak(text: str, voice: str, rate: int, pitch: int) -> Utterance:
    """Say ``text``; the same arguments give the same samples.

    voice: an espeak-ng voice, perhaps with a variant (``en-gb+f4``); rate in words per minute; pitch 0–99.
    Raises OptionError where espeak-ng is not installed, SpeechLipError where it fails.
    """
    library, data = espeak_files()
    request = {"library": library, "data": data, "voice": voice, "rate": rate, "pitch": pitch, "text": text}
    command = [sys.executable, "-I", "-S", str(Path(espeak.__file__))]
    done = subprocess.run(
        command, input=json.dumps(request).encode(), capture_output=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [
            f"exit code {done.returncode}"
        ]
        raise SpeechLipError(f"espeak-ng cannot say {text!r} as {voice}: {reason[0]}")
    header, pcm = done.stdout.split(b"\n", 1)
    answer = json.loads(header)
    return utterance(text, answer["sample_rate"], answer["events"], np.frombuffer(pcm, dtype=np.int16))


def espeak_files() -> tuple[str, str]:
    """Paths of espeak-ng's library and data, as the ``espeakng-loader`` package carries them."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise OptionError(INSTALL) from error
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


def utterance(text: str, sample_rate: int, events: list[list], samples: np.ndarray) -> Utterance:
    """Turn espeak-ng's events into phones, words and stresses.

    An event that stands for several phones (``ɔːɹ`` → AO R) is shared among them in equal parts; espeak-ng
    says no more than its start.
    """
    spoken = [(sample / sample_rate, ipa) for kind, sample, _, _, ipa in events if kind == espeak.PHONEME]
    end_s = len(samples) / sample_rate
    phones: list[Phone] = []
    starts = [start for start, _ in spoken]
    for (start_s, ipa), stop_s in zip([(0.0, ""), *spoken], [*starts, end_s], strict=True):
        _extend(phones, arpabet(ipa), start_s, stop_s, silent=not ipa)
    stresses = tuple(start_s for start_s, ipa in spoken if "ˈ" in ipa)
    return Utterance(sample_rate, samples, tuple(phones), _words(text, sample_rate, events, phones), stresses)


def _extend(
    phones: list[Phone], labels: tuple[str, ...], start_s: float, stop_s: float, silent: bool
) -> None:
    if stop_s <= start_s:
        return
    labels = (SILENCE,) if silent else labels
    if phones and (
        not labels or labels == (phones[-1].phone,) == (SILENCE,)
    ):  # a glottal stop, or more silence
        phones[-1] = Phone(phones[-1].start_s, stop_s, phones[-1].phone)
        return
    labels = labels or (SILENCE,)
    edges = np.linspace(start_s, stop_s, len(labels) + 1)
    phones.extend(
        Phone(float(a), float(b), label) for a, b, label in zip(edges, edges[1:], labels, strict=False)
    )


def _words(text: str, sample_rate: int, events: list[list], phones: list[Phone]) -> tuple[Phone, ...]:
    starts = [
        (sample / sample_rate, text[at - 1 : at - 1 + n])
        for kind, sample, at, n, _ in events
        if kind == espeak.WORD
    ]
    stops = [start_s for start_s, _ in starts[1:]] + [phones[-1].end_s]
    words = []
    for (start_s, word), stop_s in zip(starts, stops, strict=True):
        heard = [p.end_s for p in phones if start_s <= p.start_s < stop_s and p.phone != SILENCE]
        if heard and word:
            words.append(Phone(start_s, min(max(heard), stop_s), word))
    return tuple(words)
