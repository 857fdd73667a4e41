"""How the local Hub answers: one method a call of the API, and the table of calls at the end."""

# ruff: noqa: RET503  (an answer is sent, not returned)
import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from hub_answers import Answers

if TYPE_CHECKING:
    pass

LFS_SUFFIXES = (".tar", ".parquet", ".safetensors", ".png")
PAGE = 3
"""Entries of a page of a tree: few, so that every listing has pages."""


class Handler(Answers):
    def create(self) -> None:
        if not self._known():
            return None
        wanted, user = json.loads(self.body), self._user()
        owner = wanted.get("organization") or (user or ("",))[0]
        if user is None or owner != user[0] or not user[1]:
            message = "You don't have the rights to create a repository under this namespace"
            return self._answer(403, {"error": message}, {"x-error-message": message})
        kind, repo_id = f"{wanted.get('type', 'model')}s", f"{owner}/{wanted['name']}"
        url = f"{self.hub.url}/{'datasets/' if kind == 'datasets' else ''}{repo_id}"
        if (kind, repo_id) in self.hub.repos:
            message = "You already created this repo"
            return self._answer(409, {"error": message, "url": url}, {"x-error-message": message})
        self.hub.new_repo(kind, repo_id, private=wanted.get("visibility") == "private")
        self._answer(200, {"url": url, "id": repo_id})

    def info(self, kind: str, repo_id: str, revision: str = "") -> None:
        if (repo := self._repo(kind, repo_id)) and (oid := self._commit_of(repo, revision or "main")):
            siblings = [{"rfilename": path} for path in sorted(repo.commits[oid])]
            about = {
                "id": repo_id,
                "sha": oid,
                "private": repo.private,
                "gated": repo.gated,
                "siblings": siblings,
                "tags": [],
                "downloads": 0,
            }
            self._answer(200, {**about, "likes": 0})

    def tree(self, kind: str, repo_id: str, revision: str, path: str = "") -> None:
        if not (repo := self._repo(kind, repo_id)) or not (oid := self._commit_of(repo, revision)):
            return None
        prefix = f"{path.strip('/')}/" if path else ""
        files = {name: data for name, data in repo.commits[oid].items() if name.startswith(prefix)}
        folders = {
            name[: position + len(prefix)] for name in files for position in _slashes(name[len(prefix) :])
        }
        if self.query.get("recursive", "").lower() not in ("true", "1"):
            files = {name: data for name, data in files.items() if "/" not in name[len(prefix) :]}
            folders = {name for name in folders if "/" not in name[len(prefix) :]}
        if prefix and not files and not folders:
            return self._answer(
                404, {"error": "no entry"}, {"x-error-code": "EntryNotFound", "x-error-message": "no entry"}
            )
        entries = [
            {"type": "directory", "path": name, "oid": "0" * 40, "size": 0} for name in sorted(folders)
        ]
        entries += [_entry(name, data) for name, data in sorted(files.items())]
        start = int(self.query.get("cursor", 0))
        headers = {}
        if start + PAGE < len(entries):
            recursive = f"&recursive={self.query['recursive']}" if "recursive" in self.query else ""
            headers["link"] = (
                f'<{self.hub.url}{self.parsed.path}?cursor={start + PAGE}{recursive}>; rel="next"'
            )
        self._answer(200, entries[start : start + PAGE], headers)

    def paths_info(self, kind: str, repo_id: str, revision: str) -> None:
        if not (repo := self._repo(kind, repo_id)) or not (oid := self._commit_of(repo, revision)):
            return
        is_json = "json" in self.headers.get("content-type", "")
        wanted = json.loads(self.body)["paths"] if is_json else parse_qs(self.body.decode()).get("paths", [])
        files, found = repo.commits[oid], []
        for path in map(str.rstrip, wanted, ["/"] * len(wanted)):
            if path in files:
                found.append(_entry(path, files[path]))
            elif any(name.startswith(f"{path}/") for name in files):
                found.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        self._answer(200, found)

    def refs(self, kind: str, repo_id: str) -> None:
        if repo := self._repo(kind, repo_id):
            branches = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": oid}
                for name, oid in repo.branches.items()
            ]
            tags, requests = (
                [_ref(name, oid) for name, oid in repo.refs.items() if name.startswith(f"refs/{sort}/")]
                for sort in ("tags", "pr")
            )
            asked = {"pullRequests": requests} if self.query.get("include_prs") else {}
            self._answer(200, {"branches": branches, "converts": [], "tags": tags, **asked})

    def commits(self, kind: str, repo_id: str, revision: str) -> None:
        if (repo := self._repo(kind, repo_id)) and (head := self._commit_of(repo, revision)):
            about = {
                "authors": [{"user": "ann"}],
                "date": "2026-01-01T00:00:00.000Z",
                "title": "t",
                "message": "",
            }
            self._answer(200, [{"id": oid, **about} for oid in repo.history(head)])

    def branch(self, kind: str, repo_id: str, branch: str) -> None:
        if repo := self._repo(kind, repo_id, write=True):
            repo.branches[branch] = (
                json.loads(self.body or b"{}").get("startingPoint") or repo.branches["main"]
            )
            self._answer(200, {})

    def settings(self, kind: str, repo_id: str) -> None:
        if repo := self._repo(kind, repo_id, write=True):
            wanted = json.loads(self.body)
            repo.gated = wanted.get("gated", repo.gated)
            if "visibility" in wanted:
                repo.private = wanted["visibility"] == "private"
            self._answer(200, {})

    def validate_yaml(self) -> None:
        self._answer(200, {"errors": [], "warnings": []})

    def whoami(self) -> None:
        if self._known():
            self._answer(200, {"name": (self._user() or ("",))[0], "type": "user", "orgs": []})

    def preupload(self, kind: str, repo_id: str, revision: str) -> None:
        if not (repo := self._repo(kind, repo_id, write=True)) or not (
            oid := self._commit_of(repo, revision)
        ):
            return
        files = repo.commits[oid]
        rows = []
        for wanted in json.loads(self.body)["files"]:
            path = wanted["path"]
            mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
            rows.append(
                {
                    "path": path,
                    "uploadMode": mode,
                    "shouldIgnore": False,
                    "oid": _oid(path, files[path]) if path in files else None,
                }
            )
        self._answer(200, {"files": rows})

    def lfs_batch(self, kind: str, repo_id: str) -> None:
        if self._repo(kind.strip("/"), repo_id, write=True):
            self._answer(
                200,
                {
                    "objects": [
                        self._lfs_action(each["oid"], each["size"])
                        for each in json.loads(self.body)["objects"]
                    ]
                },
            )

    def _lfs_action(self, oid: str, size: int) -> dict:
        answer = {"oid": oid, "size": size}
        if oid in self.hub.lfs:
            return answer
        verify = {"href": f"{self.hub.url}/lfs-verify"}
        if not self.hub.part_bytes:
            return {
                **answer,
                "actions": {"upload": {"href": f"{self.hub.storage}/storage/{oid}"}, "verify": verify},
            }
        n_parts = -(-size // self.hub.part_bytes)
        header = {"chunk_size": str(self.hub.part_bytes)} | {
            str(n): f"{self.hub.storage}/storage/{oid}/{n}" for n in range(1, n_parts + 1)
        }
        return {
            **answer,
            "actions": {
                "upload": {"href": f"{self.hub.url}/lfs-complete", "header": header},
                "verify": verify,
            },
        }

    def put_object(self, oid: str, part: str = "") -> None:
        self.hub.storage_headers.append(dict(self.headers))
        if part:
            self.hub.parts.setdefault(oid, {})[int(part)] = self.body
        elif hashlib.sha256(self.body).hexdigest() != oid:
            return self._answer(400, {"error": "other content"})
        else:
            self._store(oid, self.body)
        self._answer(200, None, {"etag": f'"{part or oid}"'})

    def complete(self) -> None:
        wanted = json.loads(self.body)
        parts = self.hub.parts.pop(wanted["oid"])
        self._store(wanted["oid"], b"".join(parts[each["partNumber"]] for each in wanted["parts"]))
        self._answer(200, {})

    def _store(self, oid: str, data: bytes) -> None:
        self.hub.lfs[oid] = data
        self.hub.arrived.append(oid)

    def verify(self) -> None:
        wanted = json.loads(self.body)
        there = self.hub.lfs.get(wanted["oid"])
        ok = (
            there is not None
            and len(there) == wanted["size"]
            and hashlib.sha256(there).hexdigest() == wanted["oid"]
        )
        self._answer(200 if ok else 404, {})

    def make_commit(self, kind: str, repo_id: str, revision: str) -> None:
        if not (repo := self._repo(kind, repo_id, write=True)):
            return
        lines = [json.loads(line) for line in self.body.splitlines()]
        changed = {}
        for line in lines[1:]:
            value = line["value"]
            changed[value["path"]] = (
                self.hub.lfs[value["oid"]] if line["key"] == "lfsFile" else base64.b64decode(value["content"])
            )
        self.hub.committed.append(list(changed))
        oid = self.hub.commit(repo, revision, lambda files: files.update(changed))
        self._answer(
            200, {"commitUrl": f"{self.hub.url}/{repo_id}/commit/{oid}", "commitOid": oid, "success": True}
        )

    def resolve(self, kind: str, repo_id: str, revision: str, path: str) -> None:
        if not (repo := self._repo(kind.strip("/"), repo_id)) or not (oid := self._commit_of(repo, revision)):
            return None
        if path not in repo.commits[oid]:
            message = "Entry not found"
            return self._answer(
                404,
                {"error": message},
                {"x-error-code": "EntryNotFound", "x-error-message": message, "x-repo-commit": oid},
            )
        data = repo.commits[oid][path]
        about = {"x-repo-commit": oid, "accept-ranges": "bytes"}
        if not path.endswith(LFS_SUFFIXES):
            return self._file(data, {**about, "etag": f'"{_oid(path, data)}"'})
        sha256 = hashlib.sha256(data).hexdigest()
        self.hub.lfs.setdefault(sha256, data)
        linked = {
            "x-linked-etag": f'"{sha256}"',
            "x-linked-size": str(len(data)),
            "location": f"{self.hub.storage}/storage/{sha256}",
        }
        self._answer(302, None, {**about, **linked})

    def get_object(self, oid: str) -> None:
        self.hub.storage_headers.append(dict(self.headers))
        self._file(self.hub.lfs[oid], {"etag": f'"{oid}"', "accept-ranges": "bytes"})

    def _file(self, data: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if asked is None:
            if self.command == "HEAD":
                self.send_response(200)
                for name, value in {**headers, "content-length": str(len(data))}.items():
                    self.send_header(name, value)
                return self.end_headers()
            return self._answer(200, data, {**headers, "content-type": "application/octet-stream"})
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        if first >= len(data):
            return self._answer(416, None, {"content-range": f"bytes */{len(data)}"})
        self._answer(
            206, data[first : last + 1], {**headers, "content-range": f"bytes {first}-{last}/{len(data)}"}
        )


def _oid(path: str, data: bytes) -> str:
    """The name git gives the blob: of LFS files, of their pointer."""
    if path.endswith(LFS_SUFFIXES):
        sha256 = hashlib.sha256(data).hexdigest()
        data = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _entry(path: str, data: bytes) -> dict:
    entry = {"type": "file", "path": path, "oid": _oid(path, data), "size": len(data)}
    if path.endswith(LFS_SUFFIXES):
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return entry


def _ref(name: str, oid: str) -> dict:
    return {"name": name.split("/", 2)[2], "ref": name, "targetCommit": oid}


def _slashes(text: str) -> list[int]:
    return [position for position, letter in enumerate(text) if letter == "/"]


_API = r"/api/(?P<kind>datasets|models)/(?P<repo_id>[^/]+/[^/]+)"
_REV = r"(?P<revision>[^/]+)"
ROUTES = [
    (r"POST /api/repos/create", Handler.create),
    (r"GET /api/whoami-v2", Handler.whoami),
    (r"POST /api/validate-yaml", Handler.validate_yaml),
    (rf"GET {_API}", Handler.info),
    (rf"GET {_API}/revision/{_REV}", Handler.info),
    (rf"GET {_API}/tree/{_REV}(?:/(?P<path>.*))?", Handler.tree),
    (rf"POST {_API}/paths-info/{_REV}", Handler.paths_info),
    (rf"GET {_API}/refs", Handler.refs),
    (rf"GET {_API}/commits/{_REV}", Handler.commits),
    (rf"POST {_API}/branch/(?P<branch>[^/]+)", Handler.branch),
    (rf"PUT {_API}/settings", Handler.settings),
    (rf"POST {_API}/preupload/{_REV}", Handler.preupload),
    (rf"POST {_API}/commit/{_REV}", Handler.make_commit),
    (r"POST /(?P<kind>datasets/|)(?P<repo_id>[^/]+/[^/]+)\.git/info/lfs/objects/batch", Handler.lfs_batch),
    (r"PUT /storage/(?P<oid>[0-9a-f]+)(?:/(?P<part>\d+))?", Handler.put_object),
    (r"(?:GET|HEAD) /storage/(?P<oid>[0-9a-f]+)", Handler.get_object),
    (r"POST /lfs-complete", Handler.complete),
    (r"POST /lfs-verify", Handler.verify),
    (
        r"(?:GET|HEAD) "
        r"/(?P<kind>datasets/|)(?P<repo_id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        Handler.resolve,
    ),
]

Handler.routes = ROUTES
