"""How things are said on a terminal: counts and names."""


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "clip"), counted(2, "clip"), counted(0, "clip")
    ('1 clip', '2 clips', '0 clips')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
