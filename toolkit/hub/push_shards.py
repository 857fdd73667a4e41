"""A prepared folder to a dataset repository: verified, sent (shards first, card last), streamed back and compared."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from speechlip.errors import HubError, ShardError
from speechlip.shards.shardset import read_manifest
from speechlip.shards.verify import OnClip, verify

from .publication import NAME as PUBLICATION
from .publication import publication
from .read_back import differences
from .refusals import said_plainly
from .repository import Plan, Repository, Upload, upload_of

OWN_FOLDERS = ("data", "pairs")
CARD = "README.md"


@dataclass(frozen=True)
class PushOptions:
    """public: else private, because faces and voices are biometric data. gated: people ask, and the owner lets them in by hand. right_stated: whoever
    pushes says that they may publish data of unknown licence. revision: branch, made where it is not there.
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


def push_shards(folder: Path, repo_id: str, token: str, options: PushOptions, watcher: Watcher) -> str:
    """Push a finished folder; returns the commit that holds it, empty for a dry run. Safe to repeat: only what is missing travels.

    The repository is private until everything is there and read back; a public push makes it public last.
    Raises ShardError for a folder that is not sound, OptionError for what cannot be asked, HubError for what the Hub or the network refuses.
    """
    uploads = uploads_of(folder, options, watcher.on_clip)
    with said_plainly(repo_id, token):
        repository = Repository(repo_id, "dataset", options.revision, token)
        refuse_public(repository, options.public)
        if not options.dry_run:
            repository.create(options.gated)
        plan = repository.plan(uploads, OWN_FOLDERS)
        watcher.planned(plan)
        if options.dry_run:
            return ""
        repository.send([each for each in plan.missing if each.path != CARD], watcher.sent)
        repository.send([each for each in plan.missing if each.path == CARD], watcher.sent)
        commit = repository.head()
        compare(repository, commit, folder, uploads, watcher.read_back)
        if options.public:
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
        raise ShardError(f"{folder} has no {CARD}, so nobody would know what it is; run the same prep-shards command again")
    manifest = read_manifest(folder)
    licences = list(manifest.get("licences", {})) or [manifest.get("about", {}).get("licence", "")]
    record = publication(licences, options.public, options.gated, options.right_stated)
    shards = [upload_of(f"data/{row['name']}", folder / "data" / row["name"], row["sha256"], fixed=True) for row in manifest["shards"]]
    pairs = [
        upload_of(f"pairs/{split}.parquet", folder / "pairs" / f"{split}.parquet", row["sha256"], fixed=True)
        for split, row in manifest["pairs"].items()
    ]
    facts = [upload_of(name, folder / name, fixed=True) for name in ("ledger.jsonl", "manifest.json")]
    beside = [path for path in (*sorted((folder / "card").glob("*.png")), folder / "croissant.json") if path.is_file()]
    dressing = [upload_of(path.relative_to(folder).as_posix(), path) for path in beside]
    return [*shards, *pairs, *facts, *dressing, upload_of(PUBLICATION, record), upload_of(CARD, folder / CARD)]


def refuse_public(repository: Repository, public: bool) -> None:
    """Raises HubError where the repository is public and nobody said ``--public``."""
    if repository.is_private() is False and not public:
        raise HubError(f"{repository.repo_id} is public, and --public was not given; make it private in its settings, or give --public")


def compare(repository: Repository, commit: str, folder: Path, uploads: list[Upload], told: Callable[[str, int, int], object]) -> None:
    """Raises HubError where what the repository gives back is not what was sent."""
    found = list(differences(repository.repo_id, commit, read_manifest(folder), uploads, repository.token, told))
    if found:
        raise HubError(
            f"{repository.repo_id} does not give back what was sent: {found[0]}; look at the repository, then push to another name"
        )
