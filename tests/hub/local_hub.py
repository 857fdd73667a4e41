"""The Hugging Face Hub's HTTP API as ``huggingface_hub`` 2.4 uses it, on localhost and in memory, with faults
to switch on.

Written from what the client asks for, not from our code: accounts by token, repositories with commits and
branches, LFS by basic or multipart upload to "storage" (the same server under another origin), commits as
NDJSON, trees in pages, files by redirect with Range. Xet is not offered.
"""

import hashlib
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer

from hub_api import Handler


@dataclass
class Repo:
    """refs: tags and pull requests, by their whole name (``refs/tags/v1``). parents: commit → the one before,
    empty for the first.
    """

    private: bool
    gated: object = False
    branches: dict[str, str] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def history(self, oid: str) -> list[str]:
        """A commit and those before it."""
        return [oid, *self.history(self.parents[oid])] if oid else []


@dataclass
class Fault:
    """matches: method and path. status 0: the connection is cut, after ``after`` bytes of the body. times:
    how often.
    """

    matches: str
    status: int
    times: int
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""


class LocalHub:
    """The state behind the server; ``seen`` lists what was asked (method path), ``arrived`` the LFS objects
    that were uploaded, in their order.
    """

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.lfs: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.faults: list[Fault] = []
        self.seen: list[str] = []
        self.arrived: list[str] = []
        self.committed: list[list[str]] = []
        self.storage_headers: list[dict[str, str]] = []
        self.part_bytes = 0
        self.lock = threading.RLock()
        self.url = self.storage = ""

    def fail(self, matches: str, status: int, times: int = 1, **more) -> None:
        self.faults.append(Fault(matches, status, times, **more))

    def fault_for(self, line: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.matches, line):
                    fault.times -= 1
                    return fault
        return None

    def commit(self, repo: Repo, branch: str, change: Callable[[dict[str, bytes]], None]) -> str:
        with self.lock:
            parent = repo.branches.get(branch, "")
            files = dict(repo.commits.get(parent, {}))
            change(files)
            oid = hashlib.sha1(f"{len(repo.log)}{sorted(files)}".encode()).hexdigest()
            repo.commits[oid], repo.parents[oid], repo.branches[branch] = files, parent, oid
            repo.log.append(oid)
            return oid

    def new_repo(self, kind: str, repo_id: str, private: bool) -> Repo:
        repo = self.repos[kind, repo_id] = Repo(private)
        self.commit(repo, "main", lambda files: files.update({".gitattributes": b"*.tar filter=lfs\n"}))
        return repo

    def files(self, repo_id: str, kind: str = "datasets", branch: str = "main") -> dict[str, bytes]:
        repo = self.repos[kind, repo_id]
        return repo.commits[repo.branches[branch]]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address) -> None:
        """A client that went away is no news."""


@contextmanager
def serving():
    """A running LocalHub."""
    hub = LocalHub()

    handler = type("HandlerOfThisHub", (Handler,), {"hub": hub})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        hub.url, hub.storage = (
            f"http://127.0.0.1:{server.server_port}",
            f"http://localhost:{server.server_port}",
        )
        yield hub
        server.shutdown()
