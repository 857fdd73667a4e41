"""A prepared folder to a dataset repository: verified, sent (shards first, card last), streamed back and compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from speechlip.errors import HubError, ShardError
from speechlip.format import (
    CARD,
    CROISSANT,
    LEDGER,
    MANIFEST,
    PAIRS_FOLDER,
    PICTURES_FOLDER,
    SHARDS_FOLDER,
    pairs_file,
    shard_file,
)
from speechlip.hub.publication import NAME as PUBLICATION
from speechlip.hub.publication import publication
from speechlip.hub.read_back import differences
from speechlip.hub.refusals import said_plainly
from speechlip.hub.repository import Plan, Repository, Upload, upload_of
from speechlip.shards.checks.verify import OnClip, verify
from speechlip.shards.read.shardset import read_manifest

OWN_FOLDERS = (SHARDS_FOLDER, PAIRS_FOLDER)


@dataclass(frozen=True)
class PushOptions:
    """public: else private, because faces and voices are biometric data. gated: people ask, and the owner lets them in by hand. right_stated: whoever
    pushes says that they may publish data whose licence is unknown or forbids derivatives. revision: branch, made where it is not there.
    """

    public: bool = False
    gated: bool = False
    revision: str = "main"
    dry_run: bool = False
    right_stated: bool = False


class Watcher(Protocol):
    """Whom a push tells what it does."""

    def on_clip(self, done: int, total: int) -> None: ...
    def planned(self, plan: Plan) -> None: ...
    def sent(self, upload: Upload) -> None: ...
    def read_back(self, path: str, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Told:
    """What is called while files travel: with the plan, after each file that was sent, and with (path, files done, files in all) of the read-back."""

    planned: Callable[[Plan], object]
    sent: Callable[[Upload], object]
    read_back: Callable[[str, int, int], object]


def push_shards(folder: Path, repo_id: str, token: str, options: PushOptions, watcher: Watcher) -> str:
    """Push a finished folder; returns the commit that holds it, empty for a dry run. Safe to repeat: only what is missing travels.

    A dry run checks all that is local without token or network, and asks the Hub where it can.
    A repository that was not public is private until everything is there and read back; a public push makes it public last.
    Raises ShardError for a folder that is not sound, OptionError for what cannot be asked, HubError for what the Hub or the network refuses.
    """
    with said_plainly(repo_id, token):
        repository = Repository(repo_id, "dataset", options.revision, token)
    uploads = uploads_of(folder, options, watcher.on_clip)
    clips = {shard_file(row.name): row.clips for row in read_manifest(folder).shards}
    told = Told(watcher.planned, watcher.sent, watcher.read_back)
    with said_plainly(repo_id, token):
        return travel(repository, uploads, options, told, OWN_FOLDERS, clips)


def travel(
    repository: Repository,
    uploads: Sequence[Upload],
    options: PushOptions,
    told: Told,
    own_folders: Sequence[str],
    clips: Mapping[str, int],
) -> str:
    """Send what is missing, the card last, read everything back, and publish last where that was asked; returns the commit, empty for a dry run.

    own_folders: where nothing but uploads may lie. clips: of each shard, by its path. Raises HubError for what is refused; then a repository
    that was private is still.
    """
    if options.dry_run and (unasked := repository.unasked()):
        told.planned(Plan(tuple(uploads), (), unasked))
        return ""
    is_to_open = becomes_public(repository, options.public)
    if is_to_open:
        refuse_strangers(repository, uploads)
    if not options.dry_run:
        repository.create(options.gated)
    plan = repository.plan(uploads, own_folders)
    told.planned(plan)
    if options.dry_run:
        return ""
    repository.send([each for each in plan.missing if each.path != CARD], told.sent)
    repository.send([each for each in plan.missing if each.path == CARD], told.sent)
    commit = repository.head()
    compare(repository, commit, uploads, clips, told.read_back)
    if is_to_open:
        refuse_strangers(repository, uploads)
        repository.publish()
    return commit


def uploads_of(folder: Path, options: PushOptions, on_clip: OnClip) -> list[Upload]:
    """The files that travel, in their order; nothing else that lies in the folder does. Raises ShardError where verify-shards finds a problem."""
    verification = verify(folder, on_clip)
    if not verification.ok:
        more = len(verification.problems) + verification.more - 1
        raise ShardError(
            f"not pushed: {verification.problems[0]}{f' (and {more} more)' if more else ''}; "
            f"the shards changed since the manifest, or are damaged: verify-shards {folder} says all"
        )
    if not (folder / CARD).is_file():
        raise ShardError(
            f"{folder} has no {CARD}, so nobody would know what it is; run the same prep-shards command again"
        )
    manifest = read_manifest(folder)
    licences = sorted({*manifest.stated_licences, *verification.licences})
    record = publication(licences, options.public, options.gated, options.right_stated)
    shards = [
        upload_of(shard_file(row.name), folder / shard_file(row.name), row.sha256, fixed=True)
        for row in manifest.shards
    ]
    pairs = [
        upload_of(pairs_file(split), folder / pairs_file(split), file.sha256, fixed=True)
        for split, file in manifest.pairs.items()
    ]
    facts = [upload_of(name, folder / name, fixed=True) for name in (LEDGER, MANIFEST)]
    beside = [
        path
        for path in (*sorted((folder / PICTURES_FOLDER).glob("*.png")), folder / CROISSANT)
        if path.is_file()
    ]
    dressing = [upload_of(path.relative_to(folder).as_posix(), path) for path in beside]
    return [
        *shards,
        *pairs,
        *facts,
        *dressing,
        upload_of(PUBLICATION, record),
        upload_of(CARD, folder / CARD),
    ]


def becomes_public(repository: Repository, public: bool) -> bool:
    """Whether the push is to make the repository public, which it was not. Raises HubError where it is public and nobody said ``--public``."""
    is_public = repository.is_private() is False
    if is_public and not public:
        raise HubError(
            f"{repository.repo_id} is public, and --public was not given; make it private in its settings, or give --public"
        )
    return public and not is_public


def refuse_strangers(repository: Repository, uploads: Sequence[Upload]) -> None:
    """Raises HubError where more than what was checked would become public, for the Hub shows the whole of a repository or nothing."""
    found = list(islice(repository.strangers(uploads), 4))
    if found:
        raise HubError(
            f"{repository.repo_id} holds more than was checked, and all of it would become public: {', '.join(found[:3])}"
            f"{' and more' if len(found) > 3 else ''}; push to a repository of its own, or leave --public out"
        )


def compare(
    repository: Repository,
    commit: str,
    uploads: Sequence[Upload],
    clips: Mapping[str, int],
    told: Callable[[str, int, int], object],
) -> None:
    """Raises HubError where what the repository gives back is not what was sent."""
    found = list(differences(repository, commit, uploads, clips, told))
    if found:
        raise HubError(
            f"{repository.repo_id} does not give back what was sent: {found[0]}; look at the repository, then push to another name"
        )
