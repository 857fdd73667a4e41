"""A transcript → the words that are spoken, in US English; and whether it is English at all."""

import re
import unicodedata
from collections.abc import Callable, Sequence

from speechlip.errors import SourceRefused
from speechlip.wording import listed

SOUNDS = "laugh|applau|music|sigh|cough|cheer|crosstalk|inaudible|unintelligible|silence"
NOTES = re.compile(rf"\[[^\]]*\]|<[^>]*>|\{{[^}}]*\}}|\((?:\w+ )?(?:{SOUNDS})\w*(?: \w+)?\)", re.IGNORECASE)
"""In brackets, such as ``[laughter]``: no words. In parentheses sounds are none; other words are spoken."""
BETWEEN = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w'.]+|_")
"""A full stop within a number is part of it."""
SPOKEN = (
    (r"\b(1[1-9]|20)([1-9]\d)\b(?![.,]\d)", r"\1 \2"),  # a year: nineteen eighty-four
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"\$\s?(\d[\d.]*)( (?:thousand|million|billion|trillion)\b)?", r"\1\2 dollars "),
    (r"(?<=\d)\s?%", " percent "),
    (r"&", " and "),
    (r"\bDr\.? (?=[A-Z])", "Doctor "),
    (r"\bSt\.? (?=[A-Z])", "Saint "),
    (r"\b[Pp]rof\.", "professor"),
    (r"\b[Aa]pprox\.", "approximately"),
    (r"\bvs\b", "versus"),
)
"""What is written otherwise than said, beyond what the dictionary and espeak-ng know."""
COMMON_WORDS = """
    the of and to that it for are with his they have this from had by but not what were when your can there
    which she how their if you he my at as be or
"""
COMMON = frozenset(COMMON_WORDS.split())
"""Words of every English text, without those that German, Dutch or Romance languages share."""
LEAST_COMMON, MOST_UNKNOWN, LEAST_WORDS = 0.1, 0.3, 8
"""A text of so many words is not English where fewer are common and more unknown to the dictionary."""
LETTERS_OF = 0.5
"""Share of words in other letters than Latin ones from which on a text is of another language."""
INSTEAD = (
    "US English alone is aligned here without a phone model; give one (speechlip align --language "
    "--phone-model), or align it elsewhere (MFA has models) and put its TextGrid beside"
)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a transcript, in lower case, without punctuation and notes in brackets.

    >>> words_of("It's OK [laughter] -- 'Twas well-known, DON’T you think?")
    ("it's", 'ok', 'twas', 'well', 'known', "don't", 'you', 'think')
    >>> words_of("(Applause) Thank you (she laughs) all (both of you)")
    ('thank', 'you', 'all', 'both', 'of', 'you')
    >>> words_of("In 1984 Dr. Wu's 3,000 cats cost $5.50, 45% more.")
    ('in', '19', '84', 'doctor', "wu's", '3000', 'cats', 'cost', '5.50', 'dollars', '45', 'percent', 'more')
    """
    plain = unicodedata.normalize("NFKC", NOTES.sub(" ", text)).replace("’", "'")
    for written, spoken in SPOKEN:
        plain = re.sub(written, spoken, plain)
    words = (word.strip("'") for word in BETWEEN.split(plain.lower()))
    return tuple(word for word in words if word)


def is_latin(word: str) -> bool:
    """Whether all letters of a word are Latin ones.

    >>> is_latin("reykjavík"), is_latin("3d"), is_latin("погода"), is_latin("你好")
    (True, True, False, False)
    """
    return all(unicodedata.name(sign, "").startswith("LATIN") for sign in word if sign.isalpha())


def refuse_other_language(words: Sequence[str], is_known: Callable[[str], bool]) -> None:
    """Raise SourceRefused for a text that is not English.

    is_known: whether the dictionary has a word.
    """
    foreign = [word for word in dict.fromkeys(words) if not is_latin(word)]
    if sum(map(is_latin, words)) < LETTERS_OF * len(words):
        raise SourceRefused(
            "phones", "another language", f"its letters are not Latin ones ({quoted(foreign)}): {INSTEAD}"
        )
    spelled = [word for word in words if any(sign.isalpha() for sign in word)]
    if len(spelled) < LEAST_WORDS:
        return
    unknown = [word for word in spelled if not is_known(word)]
    common = sum(word in COMMON for word in spelled)
    if common < LEAST_COMMON * len(spelled) and len(unknown) > MOST_UNKNOWN * len(spelled):
        raise SourceRefused(
            "phones",
            "another language",
            f"{len(unknown)} of {len(spelled)} words are not English ({quoted(unknown)}), "
            f"{common} are among its commonest: {INSTEAD}",
        )


def quoted(words: Sequence[str]) -> str:
    """The first of them.

    >>> quoted(["ein", "zwei", "drei", "vier"])
    "'ein', 'zwei', 'drei', …"
    """
    return listed([repr(word) for word in dict.fromkeys(words)])
