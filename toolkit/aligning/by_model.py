"""Texts of any language that espeak-ng reads, aligned by a CTC phone model that the user gives."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.aligning.ctc import forced, heard_words, refuse_unordered
from speechlip.aligning.ipa import spoken_words
from speechlip.aligning.phone_model import PhoneModel, open_phone_model
from speechlip.aligning.source import moved
from speechlip.aligning.sphinx import UNKNOWN, Heard
from speechlip.aligning.words import quoted
from speechlip.errors import SourceRefused, SpeechLipError
from speechlip.metrics.phones.visemes import fold
from speechlip.phones import CTC, CTC_IPA
from speechlip.recipes._synthetic.visemes import arpabet
from speechlip.timing import SAMPLE_RATE

LONGEST_S = 300.0
"""Of one text: memory and time of the search grow with the square."""


@dataclass(frozen=True)
class ModelAligner:
    """Aligns texts of one language: an ``Aligner`` of ``aligning.source``.

    language: a voice of espeak-ng. English phones become ARPAbet, those of others stay IPA.
    """

    language: str
    model: PhoneModel

    def __call__(self, samples: np.ndarray, text: str) -> tuple[tuple[Heard, ...], str]:
        """Words and pauses with their phones, edges each 20 ms; nothing is left out.

        samples: (N,) int16, 16 kHz mono, up to ``LONGEST_S``.

        Raises SourceRefused for a text without a phone, with phones that the model lacks, too long, or that
        does not fit.
        """
        length_s = len(samples) / SAMPLE_RATE
        if length_s > LONGEST_S:
            raise SourceRefused(
                "phones",
                "too long to align",
                f"{length_s:.0f} s with one text; give texts with times (WhisperX), or cut it to "
                f"{LONGEST_S:g} s",
            )
        words = spoken_words(text, self.language)
        if not words:
            raise SourceRefused("phones", "no transcript", "espeak-ng says nothing for it")
        known = self.model.tokens
        if lacking := [phone for word in words for phone in word.phones if phone not in known]:
            raise SourceRefused(
                "phones",
                "phones the model lacks",
                f"{quoted(lacking)} of espeak-ng's {self.language} not among its {len(known)} tokens: give a "
                "model of that language",
            )
        numbers = [[known[phone] for phone in word.phones] for word in words]
        log_probs = self.model.log_probs(samples)
        blank = self.model.blank
        spans = forced(log_probs, [number for word in numbers for number in word], blank)
        refuse_unordered(log_probs, numbers, blank)
        english = is_english(self.language)
        labels = in_arpabet if english else as_it_is
        source = CTC if english else f"{CTC_IPA}:{self.language}"
        heard = heard_words(log_probs, words, spans, blank, labels, source)
        return tuple(moved(each, 0.0, round(length_s, 6)) for each in heard), ""


def in_arpabet(ipa: str) -> tuple[str, ...]:
    """The phones of CMU's dictionary for one of espeak-ng's English; ``SPN`` for one that none stands for.

    >>> in_arpabet("ɚ"), in_arpabet("ə"), in_arpabet("ɔːɹ"), in_arpabet("ʔ"), in_arpabet("ɬ")
    (('ER',), ('AH',), ('AO', 'R'), (), ('SPN',))
    """
    try:
        return tuple(fold(phone) or UNKNOWN for phone in arpabet(ipa))
    except SpeechLipError:
        return (UNKNOWN,)


def as_it_is(ipa: str) -> tuple[str, ...]:
    return (ipa,)


def is_english(language: str) -> bool:
    """Whether it is English, of whatever country.

    >>> is_english("en-gb"), is_english("fr")
    (True, False)
    """
    return language == "en" or language.startswith("en-")


def open_aligner(language: str, model: str | Path) -> ModelAligner:
    """An aligner of texts of a language. Raises ModelError, OptionError for what it cannot be made of."""
    spoken_words("a", language)
    return ModelAligner(language, open_phone_model(Path(model)))
