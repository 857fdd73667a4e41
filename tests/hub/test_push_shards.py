"""push-shards against a server that speaks the Hub's API: what arrives, in which order, what is said when it
does not, and that running again goes on.
"""

import hashlib

import httpx2
import pytest
from hub_answers import READER, STRANGER, TOKEN, USERS
from pushing import REPO, push, refused
from tiny_dataset import edit_manifest

from speechlip.errors import ShardError
from speechlip.hub.repository import Repository, git_sha1, upload_of
from speechlip.progress import SILENT

TRAVELS = ("data/*.tar", "pairs/*.parquet", "ledger.jsonl", "manifest.json", "README.md")


def local_files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for pattern in TRAVELS
        for path in folder.glob(pattern)
    }


# what arrives


def test_everything_arrives_byte_for_byte_private_and_the_card_last(hub, folder):
    (folder / "secret.txt").write_text("not for others")
    code, output = push(folder)
    assert code == 0 and "private" in output
    there = hub.files(REPO)
    assert {path: there[path] for path in local_files(folder)} == local_files(folder)
    assert there.keys() - local_files(folder).keys() == {".gitattributes", "publication.json"}
    assert hub.repos["datasets", REPO].private
    sent = [path for commit in hub.committed for path in commit]
    assert hub.committed[-1] == ["README.md"] and sent.index("manifest.json") > max(
        sent.index(path) for path in sent if path.endswith(".tar")
    )


def test_pushed_again_nothing_travels(hub, folder):
    push(folder)
    arrived, commits = list(hub.arrived), len(hub.committed)
    assert "0 files to send" in push(folder)[1]
    assert (hub.arrived, len(hub.committed)) == (arrived, commits)


def test_a_card_made_anew_is_the_only_thing_that_travels(hub, folder):
    push(folder)
    (folder / "README.md").write_text((folder / "README.md").read_text() + "\nMore words.\n")
    assert push(folder)[0] == 0
    assert hub.committed[2:] == [["README.md"]] and b"More words" in hub.files(REPO)["README.md"]


def test_large_files_go_in_parts_where_the_hub_asks_for_parts(hub, folder):
    hub.part_bytes = 100_000
    assert push(folder)[0] == 0
    assert {path: hub.files(REPO)[path] for path in local_files(folder)} == local_files(folder)
    assert any(line.endswith("/3") for line in hub.seen if line.startswith("PUT /storage"))


def test_a_dry_run_says_what_would_travel_and_changes_nothing(hub, folder):
    code, output = push(folder, "--dry-run")
    assert code == 0 and "9 files to send" in output and "data/train-00001-of-00002.tar" in output
    assert (
        not hub.repos and not hub.arrived and not any(line.startswith(("POST", "PUT")) for line in hub.seen)
    )


def test_a_dry_run_checks_all_that_is_local_without_a_token(hub, folder, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    code, output = push(folder, "--dry-run")
    assert (
        code == 0
        and "9 files to send" in output
        and "what is there already is not known: there is no token" in output
    )
    assert not hub.seen
    assert "is not a whole name" in refused(folder, "--dry-run", repo="talks")
    (shard,) = (path for path in (folder / "data").iterdir() if path.name.startswith("train-00001"))
    shard.write_bytes(shard.read_bytes()[:-1])
    assert "not pushed: " in refused(folder, "--dry-run")


def test_a_dry_run_checks_all_that_is_local_without_a_network(hub, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert "is not known: HF_HUB_OFFLINE is set" in push(folder, "--dry-run")[1]
    monkeypatch.setattr(
        "huggingface_hub.HfApi.repo_info", lambda *_, **__: raise_(httpx2.ConnectError("no route to host"))
    )
    code, output = push(folder, "--dry-run")
    assert code == 0 and "is not known: the network is away (no route to host)" in output


def raise_(error):
    raise error


def test_a_revision_is_a_branch_that_begins_empty(hub, folder):
    push(folder)
    edit_manifest(folder, lambda manifest: manifest.update(versions={"other": "1"}))
    assert push(folder, "--revision", "v2")[0] == 0
    assert (
        hub.files(REPO, branch="v2")["manifest.json"]
        == (folder / "manifest.json").read_bytes()
        != hub.files(REPO)["manifest.json"]
    )


def test_pictures_and_croissant_travel_with_the_card(hub, folder):
    (folder / "card").mkdir()
    (folder / "card" / "lengths.png").write_bytes(b"\x89PNG drawn")
    (folder / "croissant.json").write_text("{}")
    assert push(folder)[0] == 0
    assert {"card/lengths.png", "croissant.json"} <= hub.files(REPO).keys()


# faults that pass


CALLS = [
    r"GET /api/datasets/ann/talks$",
    "repos/create",
    "/tree/",
    "/preupload/",
    "objects/batch",
    "PUT /storage",
    "lfs-verify",
    "/commit/",
]


@pytest.mark.parametrize("call", [*CALLS, "/revision/main", r"GET \S+/resolve/", "GET /storage"])
def test_a_server_that_is_ill_for_a_moment_is_asked_again(hub, folder, call):
    hub.fail(call, 500, times=2)
    assert push(folder)[0] == 0
    assert hub.pauses == [1, 2]
    assert {path: hub.files(REPO)[path] for path in local_files(folder)} == local_files(folder)


@pytest.mark.parametrize("call", ["/tree/", "/preupload/", "/commit/", r"GET \S+/resolve/"])
def test_too_many_requests_waits_as_long_as_it_is_told(hub, folder, call):
    hub.fail(call, 429, headers={"retry-after": "40"})
    assert push(folder)[0] == 0
    assert hub.pauses in ([40], [41])  # the client adds a second of its own


@pytest.mark.parametrize("call", ["PUT /storage", "GET /storage"])
def test_a_connection_cut_in_a_file_is_mended(hub, folder, call):
    hub.fail(call, 0, times=2, after=100_000)
    assert push(folder)[0] == 0
    assert len(hub.pauses) == 2


# faults that stay


def test_network_gone_in_the_middle_and_the_same_command_goes_on(hub, folder):
    third = hashlib.sha256((folder / "data" / "validation-00000-of-00002.tar").read_bytes()).hexdigest()
    hub.fail(f"PUT /storage/{third}", 0, times=6, after=50_000)
    line = refused(folder)
    assert "the network went away" in line and "run the same command again" in line
    assert len(hub.arrived) == 2 and not hub.committed
    assert push(folder)[0] == 0
    assert len(hub.arrived) == len(set(hub.arrived)) == 5  # 4 shards and the pairs, none of them twice


def test_what_was_committed_stays_and_the_manifest_comes_after_all_shards(hub, folder, monkeypatch):
    monkeypatch.setattr("speechlip.hub.repository.COMMIT_FILES", 2)
    last = hashlib.sha256((folder / "data" / "validation-00001-of-00002.tar").read_bytes()).hexdigest()
    hub.fail(f"PUT /storage/{last}", 0, times=6)
    refused(folder)
    assert hub.committed == [["data/train-00000-of-00002.tar", "data/train-00001-of-00002.tar"]]
    code, output = push(folder)
    assert code == 0 and "7 files to send" in output and "2 there already" in output
    assert len(hub.arrived) == len(set(hub.arrived)) == 5


def test_no_server_at_all(hub, folder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert "the network went away" in refused(folder)


@pytest.mark.parametrize(
    ("call", "status", "message", "said"),
    [
        ("repos/create", 401, "", "does not take this token"),
        ("repos/create", 403, "", "may not write there"),
        ("objects/batch", 403, "Private repository storage limit reached", "no more room"),
        ("repos/create", 402, "", "no more room"),
        ("/commit/", 403, "", "may not write there"),
        ("/commit/", 409, "", "changed by someone else"),
        ("/commit/", 412, "", "changed by someone else"),
        ("/commit/", 500, "", "is busy"),
        ("/preupload/", 429, "", "is busy"),
        ("PUT /storage", 503, "", "is busy"),
        ("GET /storage", 500, "", "refused again and again"),
    ],
)
def test_what_stays_is_said_in_one_line(hub, folder, call, status, message, said):
    hub.fail(call, status, times=50, message=message)
    assert said in refused(folder)
    repo = hub.repos.get(("datasets", REPO))
    assert repo is None or repo.private


@pytest.mark.parametrize(
    ("token", "repo", "said"),
    [
        ("hf_wrong", REPO, "does not take this token"),
        (READER, REPO, "may not write there"),
        (STRANGER, REPO, "may not write there"),
        (TOKEN, "zoe/talks", "may not write"),
    ],
)
def test_tokens_that_may_not(hub, folder, monkeypatch, token, repo, said):
    monkeypatch.setenv("HF_TOKEN", token)
    line = refused(folder, repo=repo)
    assert said in line and token not in line
    assert not hub.arrived


@pytest.mark.parametrize("repo", ["talks", "ann/talks/more", "ann/ta lks", "ann/..", "../ann", "ann/-x"])
def test_names_that_are_none(hub, folder, repo):
    assert "name" in refused(folder, repo=repo)
    assert not hub.arrived and not hub.repos


def test_no_token(hub, folder, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "there is no token; run `hf auth login`" in refused(folder)
    assert not hub.seen


def test_token_of_a_file(hub, folder, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert push(folder, "--token-file", str(tmp_path / "token"))[0] == 0
    (tmp_path / "token").write_text("two words")
    assert "does not hold one token" in refused(folder, "--token-file", str(tmp_path / "token"))
    assert "cannot be read" in refused(folder, "--token-file", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "path", ["data/train-00000-of-00002.tar", "manifest.json", "data/other-00000-of-00001.tar"]
)
def test_other_content_is_left_alone(hub, folder, path):
    push(folder)
    hub.commit(hub.repos["datasets", REPO], "main", lambda files: files.update({path: b"something else"}))
    assert f"holds other content ({path})" in refused(folder)
    assert hub.files(REPO)[path] == b"something else"


# shards that are not what the manifest says


def test_shards_that_changed_since_the_manifest_do_not_travel(hub, folder):
    shard = folder / "data" / "train-00001-of-00002.tar"
    data = bytearray(shard.read_bytes())
    data[600] ^= 1
    shard.write_bytes(data)
    line = refused(folder)
    assert "data/train-00001-of-00002.tar has SHA-256" in line and "changed since the manifest" in line
    assert not hub.seen


def test_a_file_that_changes_while_it_travels_is_not_committed(hub, folder):
    repository = Repository(REPO, "dataset", "main", TOKEN)
    repository.create(gated=False)
    uploads = [upload_of(f"data/{path.name}", path) for path in sorted((folder / "data").glob("train*"))]
    uploads[1].source.write_bytes(b"other")
    with pytest.raises(ShardError, match=r"train-00001-of-00002\.tar changed since the manifest"):
        repository.send(uploads, SILENT)
    assert not hub.committed


def test_a_repository_that_gives_back_something_else_stays_private(hub, folder):
    sha256 = hashlib.sha256((folder / "data" / "train-00000-of-00002.tar").read_bytes()).hexdigest()
    commit = hub.commit

    def commit_and_spoil(repo, branch, change):
        if sha256 in hub.lfs:
            hub.lfs[sha256] = hub.lfs[sha256][:-1] + b"!"
        return commit(repo, branch, change)

    hub.commit = commit_and_spoil
    assert "does not give back what was sent: data/train-00000-of-00002.tar has SHA-256" in refused(
        folder, "--public"
    )
    assert hub.repos["datasets", REPO].private


def test_a_folder_without_a_card_or_manifest(hub, folder):
    (folder / "README.md").unlink()
    assert "has no README.md" in refused(folder)
    (folder / "manifest.json").unlink()
    assert "no manifest.json" in refused(folder)


# the token


def test_the_token_is_in_no_output_no_file_and_with_nobody_else(
    hub, folder, tmp_path, monkeypatch, caplog, capfd
):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    caplog.set_level("INFO")
    caplog.set_level("DEBUG", logger="huggingface_hub")
    outputs = []
    for fault in [
        None,
        ("/commit/", 403),
        ("objects/batch", 500),
        ("PUT /storage", 0),
        (r"GET \S+/resolve/", 403),
        ("GET /storage", 0),
    ]:
        hub.repos.clear(), hub.lfs.clear(), hub.faults.clear()
        if fault:
            hub.fail(*fault, times=50, message=f"no, {TOKEN}")
        outputs.append(push(folder)[1])
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    said = "".join([*outputs, caplog.text, *capfd.readouterr()])
    assert all(token not in said and token.encode() not in written for token in USERS)
    assert "***" in said and hub.storage_headers
    assert not any("authorization" in map(str.lower, headers) for headers in hub.storage_headers)


def test_git_names_content_as_git_does():
    assert git_sha1(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object
