"""One shard, in its order: the members of a tar → the samples that they make, as bytes.

Members are grouped as webdataset groups them, without webdataset, which imports torch.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from tarfile import TarFile
from typing import Any

from speechlip.errors import ShardError
from speechlip.shards.read.tar_members import opened_tar, plain_members, said_of
from speechlip.urls import without_secrets

RawClip = dict[str, Any]
"""Members of a sample by the ending of their names, and ``__key__``, ``__url__``."""
KEY_AND_MEMBER = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")
"""The key of a sample ends at the first dot of a file's name."""


def read_shard(
    url: str, members: frozenset[str] | None = None, wanted_clips: int | None = None
) -> Iterator[RawClip]:
    """The samples of one tar in their order, with only ``members`` (None: all), grouped as webdataset does.

    Raises ShardError where the tar cannot be read or holds another number of clips than ``wanted_clips``,
    HubError where it is lost on its way.
    """
    n_clips = 0
    with closing(_grouped(url, members)) as samples:
        for raw in samples:
            n_clips += 1
            if wanted_clips is not None and n_clips > wanted_clips:
                break  # a shard elsewhere may have no end
            yield raw
    if wanted_clips is not None and n_clips != wanted_clips:
        held = f"more than {wanted_clips}" if n_clips > wanted_clips else n_clips
        raise ShardError(
            f"shard {without_secrets(url)} holds {held} clips, manifest.json says {wanted_clips}; "
            "copy it again, then run verify-shards"
        )


def _grouped(url: str, members: frozenset[str] | None) -> Generator[RawClip, None, None]:
    with said_of(url), opened_tar(url) as tar:
        sample: RawClip = {}
        for key, member, data in _members(tar, members):
            if sample and sample["__key__"] != key:
                yield sample
                sample = {}
            sample = sample or {"__key__": key, "__url__": url}
            if member in sample:
                raise ValueError(f"sample {key} has {member} twice")
            sample[member] = data
        if sample:
            yield sample


def _members(tar: TarFile, wanted: frozenset[str] | None) -> Iterator[tuple[str, str, bytes]]:
    """Key, member and content of every file in a tar that belongs to a sample and is wanted."""
    for member in plain_members(tar):
        named = KEY_AND_MEMBER.fullmatch(member.name)
        if not named or not member.isreg() or (wanted is not None and named[2] not in wanted):
            continue
        if file := tar.extractfile(member):
            yield named[1], named[2].lower(), file.read()
