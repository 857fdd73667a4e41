"""A transcript → the words that are spoken."""

import re
import unicodedata

NOTES = re.compile(r"\[[^\]]*\]|<[^>]*>|\{[^}]*\}")
"""In brackets, such as ``[laughter]``: no words."""
BETWEEN = re.compile(r"[^\w']+|_")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a transcript, in lower case, without punctuation and notes in brackets.

    >>> words_of("It's OK [laughter] -- 'Twas well-known, DON’T you think?")
    ("it's", 'ok', 'twas', 'well', 'known', "don't", 'you', 'think')
    """
    plain = unicodedata.normalize("NFKC", NOTES.sub(" ", text)).lower().replace("’", "'")
    words = (word.strip("'") for word in BETWEEN.split(plain))
    return tuple(word for word in words if word)
