"""Names of what lies elsewhere: ``hf://user/name[@revision]`` on the Hugging Face Hub, a folder behind
``https://``, or one of an object store (``s3://bucket/folder``).

``hf://user/name`` is a dataset where shards are wanted and a model where an encoder is wanted;
``hf://datasets/…`` and ``hf://models/…`` say it aloud. A revision is a branch, tag or commit; a ``/`` in it
is written ``%2F``, except in ``refs/pr/3``.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

from speechlip.errors import OptionError
from speechlip.urls import FILE, is_elsewhere, local_path, refuse_secrets, without_secrets

Kind = Literal["datasets", "models"]
REMOTE_SCHEMES = ("http", "https", "hf")
STORE_SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
"""Object stores, by fsspec (``stores``)."""
READ_FROM = ("s3", "gs", "hf", "https")
"""As sentences name them."""
HF = re.compile(
    r"hf://(?:(?P<kind>datasets|models)/)?(?P<repo>[\w.-]+/[\w.-]+)"
    r"(?:@(?P<revision>refs/\w+/[\w-]+|[^/@]+))?(?:/(?P<path>.*))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Place:
    """A folder elsewhere.

    url: ``hf://datasets/user/name@revision`` or ``https://…``, without a slash at its end.
    label: a name for a folder on this disk.
    """

    url: str
    label: str

    def file(self, path: str) -> str:
        """The URL of a file in it."""
        return f"{self.url}/{path}"

    def at(self, commit: str) -> "Place":
        """The same folder as it was at ``commit``, so that what comes later does not mix in.

        Unchanged where there are no commits.
        """
        return (
            Place(f"{self.url.partition('@')[0]}@{commit}", self.label)
            if commit and self.url.startswith("hf://")
            else self
        )


def is_remote(name: str | Path) -> bool:
    """Whether this is a URL to fetch rather than a local path.

    >>> is_remote("https://example.org/train-00000-of-00001.tar"), is_remote("train-00000-of-00001.tar")
    (True, False)
    """
    return str(name).startswith(tuple(f"{scheme}://" for scheme in (*REMOTE_SCHEMES, *STORE_SCHEMES)))


def path_or_url(name: str | Path) -> str | Path:
    """What is read here or elsewhere: the path that a name on this disk means, else the URL.

    Raises OptionError for a URL that lost a slash, of a scheme that nothing here reads, or with credentials
    in it.

    >>> path_or_url("file:///data/shards"), path_or_url("s3://bucket/shards")
    (PosixPath('/data/shards'), 's3://bucket/shards')
    """
    if not is_elsewhere(name):
        return local_path(name)
    if not is_remote(name):
        raise OptionError(
            f"{without_secrets(str(name))} is of a scheme that nothing is read from; give a folder here, or "
            f"{', '.join(f'{scheme}://' for scheme in READ_FROM)}"
        )
    return refuse_secrets(str(name))


def name_or_url(name: str) -> str:
    """The name of a model as it is, the path of ``file://``, or the URL of a run.

    Raises OptionError for a URL with credentials in it.

    >>> name_or_url("hubert@9"), name_or_url("file:///runs/se4lip"), name_or_url("hf://ann/se4lip")
    ('hubert@9', '/runs/se4lip', 'hf://ann/se4lip')
    """
    return str(local_path(name)) if name.startswith(FILE) else refuse_secrets(name)


def in_store(url: str) -> bool:
    """Whether this is a URL of an object store."""
    return url.partition("://")[0] in STORE_SCHEMES


def place_of(name: str, kind: Kind) -> Place:
    """The folder that ``name`` means. Raises OptionError for a name that cannot be one.

    >>> place_of("hf://ann/talks@v2", "datasets")
    Place(url='hf://datasets/ann/talks@v2', label='ann--talks')
    >>> place_of("https://example.org/talks/", "datasets")
    Place(url='https://example.org/talks', label='example.org--talks')
    """
    if not refuse_secrets(name).startswith("hf://"):
        url = whole_url(name).rstrip("/")
        return Place(url, re.sub(r"[^\w.-]+", "--", url.partition("://")[2])[-100:].lstrip("."))
    match = HF.fullmatch(name.rstrip("/"))
    if match is None or match["path"]:
        raise OptionError(
            f"{name} is not the name of a repository; write hf://user/name, or hf://user/name@revision"
        )
    if match["kind"] not in (None, kind):
        raise OptionError(
            f"{name} is of the {match['kind']}, one of the {kind} is wanted; write hf://user/name"
        )
    return Place(
        f"hf://{kind}/{match['repo']}@{match['revision'] or 'main'}", match["repo"].replace("/", "--")
    )


def address(url: str) -> str:
    """Where a file's URL is asked for: on the Hub's endpoint (``HF_ENDPOINT``) for ``hf://``, else the URL
    itself.

    Raises OptionError for what is no file.
    """
    if not url.startswith("hf://"):
        return whole_url(url)
    from huggingface_hub import constants

    match = HF.fullmatch(url)
    if match is None or not match["path"]:
        raise OptionError(
            f"{url} is not a file of the Hub; write hf://datasets/user/name/data/train-00000-of-00001.tar"
        )
    prefix = "" if match["kind"] == "models" else "datasets/"
    revision = quote(unquote(match["revision"] or "main"), safe="")
    return f"{constants.ENDPOINT}/{prefix}{match['repo']}/resolve/{revision}/{quote(match['path'])}"


def whole_url(url: str) -> str:
    """The URL itself. Raises OptionError where it names no server, or has a part that no server sees."""
    scheme = url.partition("://")[0]
    form = f"{scheme}://BUCKET/FOLDER" if in_store(url) else f"{scheme}://HOST/FOLDER"
    try:
        parts = urlsplit(url)
        named = bool(parts.netloc) and (in_store(url) or (parts.port or 1) > 0)
    except ValueError:
        named = False
    if not named:
        raise OptionError(f"{without_secrets(url)} names no server; write {form}")
    if parts.fragment and not in_store(url):
        raise OptionError(f"{without_secrets(url)} has a # in it, which no server sees; write %23")
    return url


def headers(url: str, token: str | None = None) -> dict[str, Any]:
    """Headers to ask with: the person's token (``HF_TOKEN``, ``hf auth login``) goes to the Hub and to nobody
    else.
    """
    from huggingface_hub.utils import build_hf_headers

    plain = {"accept-encoding": "identity"}
    return (
        {**build_hf_headers(token=token, library_name="speechlip"), **plain}
        if url.startswith("hf://")
        else plain
    )
