"""Texts of pages and cards without the folders of this machine.

Readers need a file's name, not where it lay.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

ABSOLUTE = re.compile(
    r"""(?<![\w./\\<>~-])(?:file://|~)?/(?!/)(?:[^\s'"`/\\<>:;,()]+/)+([^\s'"`/\\<>:;,()]+)/?"""
)
"""A path of at least two parts from the root of the file system, or from a home.

Addresses on a network have two slashes behind a colon; /t/ is a phone.
"""


def without_folders(text: str, known: Mapping[str, str] | None = None) -> str:
    """The text with every path from the root cut down to its last part.

    known: texts → texts to put in their place first, such as paths with blanks.

    >>> without_folders("/home/ann/gt/a.mp4: no face; see https://host/a/b and gt/b.mp4")
    'a.mp4: no face; see https://host/a/b and gt/b.mp4'
    """
    for found in sorted(known or {}, key=len, reverse=True):
        text = text.replace(found, known[found])  # type: ignore[index]
    return ABSOLUTE.sub(lambda match: match[1], text)


def without_folders_anywhere(
    data: Any, known: Mapping[str, str] | None = None, leave: Iterable[str] = ()
) -> Any:
    """``without_folders`` of every text in lists and dicts, keys too.

    leave: keys whose values stay as they are, such as base64. Texts of a type of their own stay, too.
    """
    if type(data) is str:
        return without_folders(data, known)
    if isinstance(data, dict):
        return {
            without_folders_anywhere(key, known): value
            if key in leave
            else without_folders_anywhere(value, known, leave)
            for key, value in data.items()
        }
    if type(data) in (list, tuple):
        return type(data)(without_folders_anywhere(value, known, leave) for value in data)
    return data


def command_without_folders(command: str) -> str:
    """A command line with the last part of every path that lies outside the folder where it was typed.

    >>> command_without_folders("score-sync '/home/ann lee/renders' --reference=../gt/ -o out/scores")
    'score-sync renders --reference=gt -o out/scores'
    >>> command_without_folders("score-sync a.mp4 --sync-model hf://ann/mel")
    'score-sync a.mp4 --sync-model hf://ann/mel'
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return without_folders(command)
    return shlex.join(_word(word) for word in words)


def _word(word: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    kind, colon, place = value.partition(":")
    if colon and place.startswith(("/", "~", "..")) and not place.startswith("//"):
        return f"{option}{equals}{kind}:{_last(place)}"
    return f"{option}{equals}{_last(value)}" if value.startswith(("/", "~", "..", "file://")) else word


def _last(path: str) -> str:
    return PurePosixPath(path).name or "…"


def short_paths(texts: Iterable[str]) -> dict[str, str]:
    """Each path from the root in these texts → as few of its last parts as tell it from the others.

    >>> short_paths(["/home/ann/runs/a", "features:/data/x/runs/a", "hubert"])
    {'/home/ann/runs/a': 'ann/runs/a', '/data/x/runs/a': 'x/runs/a'}
    """
    paths = list(dict.fromkeys(match[0] for text in texts for match in ABSOLUTE.finditer(text)))
    return {path: _tail(path, [other for other in paths if other != path]) for path in paths}


def _tail(path: str, others: list[str]) -> str:
    parts = PurePosixPath(path).parts[1:]
    for count in range(1, len(parts) + 1):
        tail = "/".join(parts[-count:])
        if not any(f"/{other.rstrip('/')}".endswith(f"/{tail}") for other in others):
            return tail
    return "/".join(parts)


def folders_of(paths: Iterable[str | Path | None]) -> dict[str, str]:
    """Folder of each path, with its slash → nothing: for ``known``, which also cuts names with blanks."""
    return {
        f"{Path(path).parent}/": ""
        for path in paths
        if path and Path(path).is_absolute() and len(Path(path).parts) > 2
    }
