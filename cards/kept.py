"""What a person added to a card stays when the card is made anew: everything between two marked lines.

Goal: a generated card and the card that lies there → the new one with the person's parts. A card offers one
or more parts; the first part of the old card goes into the first part of the new one, and so on. Parts that
the new card has no place for follow its last line, marked as before.
"""

import re

from speechlip.errors import OptionError

BEGIN, END = "<!-- yours: begin -->", "<!-- yours: end -->"
MARKS = re.compile(rf"^[ \t]*({re.escape(BEGIN)}|{re.escape(END)})[ \t]*$", re.MULTILINE)
YOURS = f"{BEGIN}\n{END}\n"
"""An empty part, as a template offers it."""


def with_kept(new: str, old: str) -> str:
    """The text ``new`` with the marked parts of ``old``.

    Raises OptionError where the marks of one of the two do not come in pairs, so that nothing a person wrote
    is lost unseen.

    >>> with_kept(f"# Card, made anew\\n{YOURS}", f"# Card\\n{BEGIN}\\nOurs.\\n{END}\\n")
    '# Card, made anew\\n<!-- yours: begin -->\\nOurs.\\n<!-- yours: end -->\\n'
    """
    old = old.replace("\r\n", "\n")
    texts, places = [old[first:last] for first, last in parts(old)], parts(new)
    for (first, last), text in reversed(list(zip(places, texts, strict=False))):
        new = new[:first] + text + new[last:]
    return new + "".join(f"\n{BEGIN}{text}{END}\n" for text in texts[len(places) :])


def parts(text: str) -> list[tuple[int, int]]:
    """Where the marked parts of a card begin and end, without their marks.

    Raises OptionError for a mark without its fellow.

    >>> parts(f"a\\n{BEGIN}\\nb\\n{END}\\n")
    [(23, 26)]
    """
    marks = list(MARKS.finditer(text))
    if [mark[1] for mark in marks] != [BEGIN, END] * (len(marks) // 2):
        lines = ", ".join(f"line {text.count(chr(10), 0, mark.start()) + 1}: {mark[1]}" for mark in marks)
        raise OptionError(
            f"the card's marks do not come in pairs ({lines}); "
            f"put {BEGIN} before what is yours and {END} after it"
        )
    return [(begin.end(), end.start()) for begin, end in zip(marks[::2], marks[1::2], strict=True)]
