"""Words that the dictionary lacks, pronounced by espeak-ng where it is installed."""

from speechlip.aligning.words import is_latin
from speechlip.errors import SpeechLipError
from speechlip.libraries import there
from speechlip.metrics.phones.visemes import fold
from speechlip.recipes._synthetic.voice import speak

VOICE, WORDS_A_MINUTE, PITCH = "en-us", 150, 50


def pronounced(word: str) -> tuple[str, ...]:
    """ARPAbet phones of an English word or number; none where espeak-ng is not there or cannot say it, or for
    other letters than Latin ones: those it would name.
    """
    if not there("espeakng_loader") or not is_latin(word):
        return ()
    try:
        said = speak(word, VOICE, WORDS_A_MINUTE, PITCH).phones
    except SpeechLipError:
        return ()
    return tuple(phone for each in said if (phone := fold(each.phone)))
