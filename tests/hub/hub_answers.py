"""What every call of the local Hub shares: who asks, what they may see, how an answer is sent, cut or
refused.
"""

# ruff: noqa: RET503  (an answer is sent, not returned)
import json
import re
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from local_hub import LocalHub, Repo

TOKEN, READER, STRANGER = "hf_localWriterToken", "hf_localReaderToken", "hf_localStrangerToken"
USERS = {TOKEN: ("ann", True), READER: ("ann", False), STRANGER: ("zoe", True)}
"""token → (user, whether it may write)."""


class Answers(BaseHTTPRequestHandler):
    hub: "LocalHub"
    routes: ClassVar[list] = []
    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = (
        -1,
        True,
    )  # an answer is one packet; else each waits 40 ms for the client's acknowledgement

    def log_message(self, *args) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_GET

    def _serve(self) -> None:
        self.parsed = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(self.parsed.query).items()}
        line = f"{self.command} {self.parsed.path}"
        self.hub.seen.append(line)
        fault = self.hub.fault_for(line)
        length = int(self.headers.get("content-length") or 0)
        if fault and fault.status == 0 and self.command in ("PUT", "POST"):
            self.rfile.read(min(fault.after, length))
            return self._cut()
        self.body = (
            self._chunked() if self.headers.get("transfer-encoding") == "chunked" else self.rfile.read(length)
        )
        if fault and fault.status:
            return self._answer(
                fault.status,
                {"error": fault.message or "fault"},
                {**fault.headers, "x-error-message": fault.message or "fault"},
            )
        self.cut_after = fault.after if fault else None
        for pattern, action in self.routes:
            if found := re.fullmatch(pattern, line):
                return action(
                    self, **{name: unquote(value) for name, value in found.groupdict(default="").items()}
                )
        self._answer(404, {"error": f"the local hub does not know {line}"})

    def _chunked(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, content=None, headers: dict[str, str] | None = None) -> None:
        data = (
            b""
            if content is None
            else content
            if isinstance(content, bytes)
            else json.dumps(content).encode()
        )
        self.send_response(status)
        for name, value in {
            "content-type": "application/json",
            **(headers or {}),
            "content-length": str(len(data)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return None
        if getattr(self, "cut_after", None) is not None and len(data) > self.cut_after:
            self.wfile.write(data[: self.cut_after])
            self.wfile.flush()
            return self._cut()
        self.wfile.write(data)

    def _user(self) -> tuple[str, bool] | None:
        return USERS.get(self.headers.get("authorization", "").removeprefix("Bearer "))

    def _known(self) -> bool:
        """Whether the token, if there is one, is good; else 401 is sent."""
        if self.headers.get("authorization") and self._user() is None:
            self._answer(
                401,
                {"error": "Invalid credentials"},
                {"x-error-message": "Invalid credentials in Authorization header"},
            )
            return False
        return True

    def _repo(self, kind: str, repo_id: str, write: bool = False) -> "Repo | None":
        """The repository where this person may see it (and write to it); else the refusal is sent."""
        if not self._known():
            return None
        repo, user = self.hub.repos.get((kind or "models", repo_id)), self._user()
        owner = user is not None and user[0] == repo_id.partition("/")[0]
        if repo is None or (repo.private and not owner):
            status = 404 if user else 401
            self._answer(
                status,
                {"error": "Repository not found"},
                {"x-error-code": "RepoNotFound", "x-error-message": "Repository not found"},
            )
            return None
        if write and not (owner and user and user[1]):
            message = "You don't have the rights to write to this repository"
            self._answer(403, {"error": message}, {"x-error-message": message})
            return None
        return repo

    def _commit_of(self, repo: "Repo", revision: str) -> str | None:
        oid = repo.branches.get(revision) or (revision if revision in repo.commits else None)
        if oid is None:
            self._answer(
                404,
                {"error": "Invalid rev id"},
                {"x-error-code": "RevisionNotFound", "x-error-message": "Invalid rev id"},
            )
        return oid
