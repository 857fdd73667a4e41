"""Names of files, whatever bytes they are made of."""

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is such a file; also for names that are longer than any can be."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def plain_name(name: str) -> str:
    r"""A file name as text that UTF-8 can hold: bytes that are none are shown as ``\udcXX``."""
    plain = name.encode("utf-8", "backslashreplace").decode()
    return name if plain == name else plain  # a million names are held once
