"""A text as IPA, word by word, by espeak-ng: what its phones are in any language that it speaks."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from speechlip.aligning import espeak_ipa
from speechlip.aligning.words import NOTES, words_of
from speechlip.errors import ModelError, OptionError, SpeechLipError, install
from speechlip.recipes._synthetic.voice import TIMEOUT_S, espeak_files

MARKS = re.compile(r"\([a-z-]+\)|[ˈˌ'-]")
"""Stress, links between words, and where espeak-ng changes its language: phone models leave them out, as
transformers' Wav2Vec2PhonemeCTCTokenizer does."""


@dataclass(frozen=True)
class SpokenWord:
    """A word and its phones.

    word: as in the text; its IPA where espeak-ng reads several words as one, or one as several.
    phones: IPA as espeak-ng writes it, length and tone with it, stress without.
    """

    word: str
    phones: tuple[str, ...]


def spoken_words(text: str, language: str) -> tuple[SpokenWord, ...]:
    """The words of a text as espeak-ng says them.

    language: a voice of espeak-ng, such as ``fr``.

    Raises ModelError where espeak-ng is not installed, OptionError for a language that it does not have.
    """
    said = [word for clause in clauses(NOTES.sub(" ", text), language) for word in words_in(clause)]
    written = words_of(text)
    names = written if len(written) == len(said) else ["".join(phones) for phones in said]
    return tuple(SpokenWord(name, phones) for name, phones in zip(names, said, strict=True))


def clauses(text: str, language: str) -> list[str]:
    """What espeak-ng gives for each clause of a text."""
    try:
        library, data = espeak_files()
    except OptionError as error:
        raise ModelError(
            f"texts become phones by espeak-ng, which is not installed: {install('synthetic')}"
        ) from error
    request = {"library": library, "data": data, "voice": language, "text": text}
    command = [sys.executable, "-I", "-S", str(Path(espeak_ipa.__file__))]
    done = subprocess.run(
        command, input=json.dumps(request).encode(), capture_output=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1].removeprefix("RuntimeError: ") if lines else f"exit code {done.returncode}"
        if "no voice" in why:
            raise OptionError(f"{why}; --language takes one of its languages, such as fr, de, es, cmn")
        raise SpeechLipError(f"espeak-ng cannot read {text!r:.60}: {why}")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def words_in(clause: str) -> list[tuple[str, ...]]:
    """The phones of each word of a clause as espeak-ng writes it.

    >>> words_in("l_e-_z a_m_ˈi s_ˈɔ̃ _")
    [('l', 'e', 'z'), ('a', 'm', 'i'), ('s', 'ɔ̃')]
    """
    words = (tuple(filter(None, MARKS.sub("", word).split("_"))) for word in clause.split())
    return [word for word in words if word]
