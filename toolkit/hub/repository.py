"""One repository on the Hub: what lies in it, what is missing, and files sent there in commits.

All can be repeated.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from speechlip.errors import HubError, OptionError, ShardError
from speechlip.files.stamps import BLOCK_BYTES, sha256_of
from speechlip.hub.refusals import patiently
from speechlip.progress import Progress

MB = 1e6
RepoType = Literal["dataset", "model"]
ATTRIBUTES = ".gitattributes"
"""The Hub's own file, in every repository."""
COMMIT_FILES, COMMIT_BYTES = 50, 20_000_000_000
"""Files and bytes of one commit: few enough commits for the Hub's limits, and little to send again."""


@dataclass(frozen=True)
class Upload:
    """One file to send.

    path: in the repository.
    source: its content, or where it lies on this disk.
    sha256: that it must have, hexadecimal.
    bytes: its size.
    fixed: whether other content at ``path`` is a refusal.
    """

    path: str
    source: Path | bytes
    sha256: str
    bytes: int
    fixed: bool = False


@dataclass(frozen=True)
class Plan:
    """What travels.

    missing: files to send.
    there: files that lie in the repository already.
    unasked: why the Hub could not be asked what is there, or empty.
    """

    missing: tuple[Upload, ...]
    there: tuple[Upload, ...]
    unasked: str = ""

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.missing)


def upload_of(path: str, source: Path | bytes, sha256: str = "", fixed: bool = False) -> Upload:
    """``source`` as it will lie at ``path``; sha256: where it is known already."""
    if isinstance(source, bytes):
        return Upload(path, source, sha256 or hashlib.sha256(source).hexdigest(), len(source), fixed)
    return Upload(path, source, sha256 or sha256_of(source), source.stat().st_size, fixed)


class Repository:
    """A repository, perhaps not there yet. ``api``: the client, which holds the token."""

    def __init__(self, repo_id: str, kind: RepoType, revision: str, token: str) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.utils import validate_repo_id

        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise OptionError(f"{repo_id!r} is not a whole name; write user/name or organisation/name")
        self.repo_id, self.kind, self.revision, self.token = repo_id, kind, revision, token
        self.api = HfApi(token=token or False, library_name="speechlip")

    def unasked(self) -> str:
        """Why the Hub cannot be asked anything, or ``""``; tried once."""
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        if not self.token:
            return "there is no token"
        try:
            self.api.repo_info(self.repo_id, repo_type=self.kind)
        except HfHubHTTPError:
            return ""
        except OfflineModeIsEnabled:
            return "HF_HUB_OFFLINE is set"
        except (httpx2.TransportError, ConnectionError) as error:
            return f"the network is away ({' '.join(str(error).split()) or type(error).__name__})"
        return ""

    def is_private(self) -> bool | None:
        """None where the repository is not there."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            return bool(patiently(lambda: self.api.repo_info(self.repo_id, repo_type=self.kind)).private)
        except RepositoryNotFoundError:
            return None

    def create(self, gated: bool) -> None:
        """Make it, private, where it is not there; and its branch, which begins empty."""
        patiently(
            lambda: self.api.create_repo(self.repo_id, repo_type=self.kind, private=True, exist_ok=True)
        )
        if self.revision != "main" and f"refs/heads/{self.revision}" not in {ref.ref for ref in self._refs()}:
            first = self._commits("main")[-1]
            patiently(
                lambda: self.api.create_branch(
                    self.repo_id, repo_type=self.kind, branch=self.revision, revision=first, exist_ok=True
                )
            )
        if gated:
            patiently(
                lambda: self.api.update_repo_settings(self.repo_id, repo_type=self.kind, gated="manual")
            )

    def publish(self) -> None:
        patiently(lambda: self.api.update_repo_settings(self.repo_id, repo_type=self.kind, private=False))

    def files(self) -> dict[str, Any]:
        """path → the client's ``RepoFile``; empty where repository or revision is not there."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        try:
            return self._tree(self.revision)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return {}

    def plan(self, uploads: Sequence[Upload], own_folders: Sequence[str] = ()) -> Plan:
        """What must travel.

        Raises HubError where other content is there: a fixed file that differs, or a file in ``own_folders``
        that is not ours.
        """
        there = self.files()
        ours = {each.path for each in uploads}
        other = [
            each.path
            for each in uploads
            if each.fixed and each.path in there and not _same(each, there[each.path])
        ]
        other += [path for path in there if path.partition("/")[0] in own_folders and path not in ours]
        if other:
            raise HubError(
                f"{self.repo_id} holds other content "
                f"({', '.join(sorted(other)[:3])}{f' and {len(other) - 3} more' if len(other) > 3 else ''}); "
                "push to another name, or to a --revision of its own"
            )
        same = {each.path for each in uploads if each.path in there and _same(each, there[each.path])}
        return Plan(
            tuple(each for each in uploads if each.path not in same),
            tuple(each for each in uploads if each.path in same),
        )

    def send(self, uploads: Sequence[Upload], progress: Progress) -> None:
        """Send files in their order, one after the other, and commit a group at a time.

        Raises ShardError where a file is not what it was when the plan was made; then nothing of its group is
        committed.
        """
        from huggingface_hub import CommitOperationAdd

        group: list[Any] = []
        group_bytes = 0
        for upload in uploads:
            source = upload.source if isinstance(upload.source, bytes) else str(upload.source)
            operation = CommitOperationAdd(path_in_repo=upload.path, path_or_fileobj=source)
            self.api.preupload_lfs_files(
                self.repo_id, [operation], repo_type=self.kind, revision=self.revision, free_memory=False
            )
            if operation.upload_info.sha256.hex() != upload.sha256:
                raise ShardError(
                    f"{upload.path} changed since the manifest was written; run verify-shards, "
                    f"then prep-shards or copy it again"
                )
            group.append(operation)
            group_bytes += upload.bytes
            progress.advance(upload.bytes / MB, upload.path)
            if len(group) == COMMIT_FILES or group_bytes >= COMMIT_BYTES:
                self._commit(group)
                group, group_bytes = [], 0
        if group:
            self._commit(group)

    def head(self) -> str:
        """The commit that the revision is at."""
        return str(
            patiently(
                lambda: self.api.repo_info(self.repo_id, repo_type=self.kind, revision=self.revision)
            ).sha
        )

    def strangers(self, uploads: Sequence[Upload]) -> Iterator[str]:
        """``path (where)`` of what would become public together with ``uploads`` and is none of them.

        Looks at this revision, other branches, tags and pull requests, each with its earlier commits, which
        anyone can read too; not at what the Hub converts by itself. What may change, as the card may, is no
        stranger in its earlier states. Nothing where the repository is not there.
        """
        ours = {each.path: each for each in uploads}
        seen: set[str] = set()
        for ref in self._refs():
            is_own = ref.ref == f"refs/heads/{self.revision}"
            for commit in self._commits(ref.target_commit):
                if commit not in seen:
                    where = _called(ref.ref) + (
                        f", commit {commit[:12]}" if commit != ref.target_commit else ""
                    )
                    yield from (f"{path} ({where})" for path in _others(self._tree(commit), ours, is_own))
                seen.add(commit)

    def _refs(self) -> list[Any]:
        """The client's ``GitRefInfo`` of branches, tags and pull requests, this revision's first; none where
        the repository is not there.
        """
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            refs = patiently(
                lambda: self.api.list_repo_refs(self.repo_id, repo_type=self.kind, include_pull_requests=True)
            )
        except RepositoryNotFoundError:
            return []
        return sorted(
            [*refs.branches, *refs.tags, *(refs.pull_requests or ())],
            key=lambda ref: ref.ref != f"refs/heads/{self.revision}",
        )

    def _tree(self, revision: str) -> dict[str, Any]:
        listed = patiently(
            lambda: list(
                self.api.list_repo_tree(self.repo_id, recursive=True, revision=revision, repo_type=self.kind)
            )
        )
        return {entry.path: entry for entry in listed if hasattr(entry, "blob_id")}

    def _commits(self, revision: str) -> list[str]:
        """The names of a revision's commits, the newest first."""
        listed = patiently(
            lambda: self.api.list_repo_commits(self.repo_id, repo_type=self.kind, revision=revision)
        )
        return [each.commit_id for each in listed]

    def _commit(self, operations: list[Any]) -> None:
        first = operations[0].path_in_repo
        message = f"{first} and {len(operations) - 1} more" if len(operations) > 1 else first
        patiently(
            lambda: self.api.create_commit(
                self.repo_id, operations, commit_message=message, repo_type=self.kind, revision=self.revision
            )
        )


def _others(files: Mapping[str, Any], ours: Mapping[str, Upload], is_own: bool) -> list[str]:
    """Paths that are not as uploaded, the Hub's own left out.

    is_own: whether these are files of the branch that is pushed to.
    """

    def is_ours(path: str) -> bool:
        return path in ours and (_same(ours[path], files[path]) or (is_own and not ours[path].fixed))

    return sorted(path for path in files if path != ATTRIBUTES and not is_ours(path))


def _called(ref: str) -> str:
    """
    >>> _called("refs/heads/main"), _called("refs/tags/v1"), _called("refs/pr/3")
    ('branch main', 'tag v1', 'pull request 3')
    """
    kind, _, name = ref.removeprefix("refs/").partition("/")
    return f"{({'heads': 'branch', 'tags': 'tag', 'pr': 'pull request'}).get(kind, kind)} {name}"


def _same(upload: Upload, entry: Any) -> bool:
    return entry.lfs.sha256 == upload.sha256 if entry.lfs else entry.blob_id == git_sha1(upload.source)


def git_sha1(source: Path | bytes) -> str:
    """The name that git gives a file's content.

    >>> git_sha1(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    if isinstance(source, bytes):
        digest.update(source)
        return digest.hexdigest()
    with source.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
