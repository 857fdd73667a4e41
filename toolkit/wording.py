"""Counts, names and lengths of time in words."""

from collections.abc import Sequence

NAME_WIDTH = 36


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "clip"), counted(2, "clip"), counted(0, "clip")
    ('1 clip', '2 clips', '0 clips')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def rough_time(length_s: float) -> str:
    """A length of time in words; ``clock`` is for lengths of video.

    >>> rough_time(9), rough_time(75), rough_time(7300)
    ('9 s', '1:15 min', '2:01 h')
    """
    minutes, rest = divmod(round(length_s), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"


def shown(name: str, width: int = NAME_WIDTH) -> str:
    r"""A name for a terminal: what cannot be printed as an escape, a long one by its end.

    >>> shown("a\nb.mp4"), shown("ü 日本.mp4"), shown("x" * 50, 6)
    ('a\\nb.mp4', 'ü 日本.mp4', '…xxxxx')
    """
    plain = visible(name)
    return plain if len(plain) <= width else "…" + plain[-width + 1 :]


def listed(names: Sequence[str], most: int = 3, between: str = ", ") -> str:
    """The first names of a list.

    >>> listed(["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    'a.mp4, b.mp4, c.mp4, …'
    """
    return between.join([*names[:most], *(["…"] if len(names) > most else [])])


def harmless(text: str) -> str:
    r"""Lines of text as they are but for what a terminal would act on.

    >>> harmless("two\nlines\x1b[2J")
    'two\nlines\\x1b[2J'
    """
    return "\n".join(map(visible, text.split("\n")))


def visible(text: str) -> str:
    r"""One line that shows ``text`` and does nothing else.

    Line feeds, escape sequences, bytes that are no UTF-8 and whatever else cannot be printed become escapes.

    >>> visible("a\x1b[2Jb\n"), visible("ü 日本.mp4")
    ('a\\x1b[2Jb\\n', 'ü 日本.mp4')
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def clock(length_s: float) -> str:
    """Hours, minutes and seconds.

    >>> clock(3723.5), clock(9.04)
    ('1:02:03.5', '0:09.0')
    """
    minutes, rest_s = divmod(round(length_s, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest_s:04.1f}" if hours else f"{minutes}:{rest_s:04.1f}"
