"""Paths on this disk and URLs of what lies elsewhere, told apart; URLs in texts, without what is secret.

Every path that a command or a function takes goes through here, so that no URL becomes a folder called
``s3:``.
"""

import os
import re
from pathlib import Path

from speechlip.errors import OptionError

FILE = "file://"
URL = re.compile(r"([a-z][a-z0-9+.:-]*?[a-z0-9]):/(/?)", re.IGNORECASE)
"""Two letters at least: ``C:/videos`` is a path."""
COPY_HERE = "copy it here first"
COPY_THERE = "write here, and copy it there when it is done"
CONTAINERS = ("abfs", "abfss")
"""Schemes that name a container before an ``@``."""
USUAL_PLACES = (
    "credentials come from where its library looks (for s3: AWS_PROFILE, ~/.aws, AWS_ACCESS_KEY_ID)"
)
HUB_PLACES = "HF_TOKEN or `hf auth login` says who asks"
NO_PLACES = "what wants credentials is read from s3://, gs:// or hf://"


def is_elsewhere(name: str | os.PathLike[str]) -> bool:
    """Whether this is a URL of any scheme, ``file://`` apart. Raises OptionError for one that lost a slash.

    >>> is_elsewhere("s3://bucket/videos"), is_elsewhere("file:///data/videos"), is_elsewhere("C:/videos")
    (True, False, False)
    """
    text = str(name).lstrip()  # a blank before it would make a folder called " s3:"
    match = URL.match(text)
    if match and not match[2] and not Path(text).exists():
        raise OptionError(f"{text} lost a slash, as pathlib does to URLs; hand over the text itself")
    return bool(match and match[2]) and not text.startswith(FILE)


def local_path(name: str | os.PathLike[str]) -> Path:
    """The path that a name on this disk means, which may be a ``file://`` URL.

    >>> local_path("file:///data/videos")
    PosixPath('/data/videos')
    """
    text = str(name)
    return Path(text.removeprefix(FILE)) if text.startswith(FILE) else Path(name)


def path_here(name: str | os.PathLike[str], argument: str, else_do: str = COPY_HERE) -> Path:
    """The path of what has to lie on this disk.

    argument: what it was given as, such as ``--reference``.
    else_do: what to do about a URL, for the sentence.

    Raises OptionError for a URL.

    >>> path_here("s3://bucket/gt", "--reference")
    Traceback (most recent call last):
    speechlip.errors.OptionError: --reference takes a path on this disk, and s3://bucket/gt is elsewhere; \
copy it here first
    """
    if is_elsewhere(name):
        raise OptionError(
            f"{argument} takes a path on this disk, and {without_secrets(str(name))} is elsewhere; {else_do}"
        )
    return local_path(name)


def refuse_secrets(url: str) -> str:
    """The URL itself. Raises OptionError for one with a user, a password or a query in it, which would end up
    in texts; the error does not repeat it.
    """
    scheme, _, _ = url.partition("://")
    if has_secrets(url):
        places = {"hf": HUB_PLACES, "http": NO_PLACES, "https": NO_PLACES}.get(scheme.lower(), USUAL_PLACES)
        raise OptionError(
            f"this {scheme}:// URL has a user, a password or a signature in it, which would be written into "
            f"logs: give it without; {places}"
        )
    return url


def has_secrets(url: str) -> bool:
    """Whether a URL has a user, a password or a query in it.

    >>> has_secrets("https://ann:pw@example.org/talks"), has_secrets("hf://ann/talks@v2")
    (True, False)
    """
    match = URL.match(url)
    if not (match and match[2]):
        return False
    user, at, _ = _host(url).rpartition("@")
    return "?" in url or (bool(at) and not (match[1] in CONTAINERS and ":" not in user))


def without_secrets(url: str) -> str:
    """A URL as texts have it.

    >>> without_secrets("https://ann:pw@example.org/a.tar?X-Amz-Signature=0f")
    'https://…@example.org/a.tar?…'
    """
    if not has_secrets(url):
        return url
    scheme, _, rest = url.partition("://")
    place, query, _ = rest.partition("?")
    host, slash, path = place.partition("/")
    user, _, host = host.rpartition("@")
    return f"{scheme}://{'…@' if user else ''}{host}{slash}{path}{'?…' if query else ''}"


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition("?")[0]
