"""--public: who may say it, when it happens, and that nothing becomes public which was not checked."""

import json

import pytest
from pushing import REPO, push, refused
from tiny_dataset import edit_manifest, relicense


def test_public_and_gated_come_last_and_only_when_asked(hub, folder):
    assert push(folder, "--public", "--gated")[0] == 0
    repo = hub.repos["datasets", REPO]
    assert (repo.private, repo.gated) == (False, "manual")
    settings = [number for number, line in enumerate(hub.seen) if line.endswith("/settings")]
    storage = [number for number, line in enumerate(hub.seen) if "/storage/" in line]
    assert settings[0] < storage[0] and settings[1] > storage[-1]


def test_a_repository_that_is_public_gets_nothing_without_public(hub, folder):
    hub.new_repo("datasets", REPO, private=False)
    assert "is public, and --public was not given" in refused(folder)
    assert not hub.arrived


@pytest.mark.parametrize("about", [{"licence": "unknown"}, {}, None])
def test_an_unknown_licence_stops_a_public_push_and_no_private_one(hub, folder, about):
    """As a folder of an older release has it for all clips, or of one speaker of several."""
    if about is None:
        relicense(folder, {"emil": "unknown"})
    else:
        edit_manifest(folder, lambda manifest: [manifest.pop("licences"), manifest.update(about=about)])
    assert "licence of some of these faces and voices is unknown" in refused(folder, "--public")
    assert not hub.seen
    assert push(folder)[0] == 0
    assert json.loads(hub.files(REPO)["publication.json"])["right_to_publish"] == "not published"


def test_who_takes_it_upon_them_is_on_record(hub, folder):
    relicense(folder, dict.fromkeys(("anna", "ben", "dora", "emil"), "unknown"))
    assert push(folder, "--public", "--i-have-the-right-to-publish")[0] == 0
    record = json.loads(hub.files(REPO)["publication.json"])
    assert (
        record["right_to_publish"] == "stated with --i-have-the-right-to-publish"
        and record["public"]
        and record["licences"] == ["unknown"]
    )


@pytest.mark.parametrize(
    "licence",
    [
        "CC-BY-NC-ND-4.0",
        "cc by-nd 4.0",
        "Attribution-NoDerivatives 4.0",
        "https://x.test/licenses/by-nd-nc/1.0/",
    ],
)
def test_a_licence_without_derivatives_stops_a_public_push_and_no_private_one(hub, folder, licence):
    relicense(folder, {"anna": licence})
    line = refused(folder, "--public")
    assert (
        f"error: {licence} forbids handing on adaptations" in line and "unknown" not in line and not hub.seen
    )
    assert push(folder)[0] == 0
    assert json.loads(hub.files(REPO)["publication.json"])["right_to_publish"] == "not published"
    assert push(folder, "--public", "--i-have-the-right-to-publish")[0] == 0
    assert not hub.repos["datasets", REPO].private


@pytest.mark.parametrize("licence", ["CC-BY-SA-4.0", "CC-BY-NC-4.0", "granted by Ndiaye's studio", "MIT"])
def test_other_licences_let_it_through(hub, folder, licence):
    relicense(folder, {"anna": licence})
    assert push(folder, "--public")[0] == 0


@pytest.mark.parametrize("release", ["this", "older"])
def test_a_licence_that_only_the_manifest_has_opens_nothing(hub, folder, release):
    """Samples that say unknown, in a manifest that says CC0-1.0: found here where licences were added up, and
    refused where they were not.
    """
    relicense(folder, dict.fromkeys(("anna", "ben", "dora", "emil"), "unknown"))
    if release == "this":
        edit_manifest(
            folder, lambda manifest: manifest.update(licences={"CC0-1.0": manifest["licences"]["unknown"]})
        )
        assert (
            "0 clips of 0 sources say the licence 'CC0-1.0', the manifest counts 6 of 4"
            in push(folder, "--public")[1]
        )
    else:
        gone = ("licences", "digest", "ledger")
        edit_manifest(
            folder,
            lambda manifest: (
                [manifest.pop(name) for name in gone] + [manifest.update(about={"licence": "CC0-1.0"})]
            ),
        )
        ledger = (folder / "ledger.jsonl").read_text()
        (folder / "ledger.jsonl").write_text(ledger.replace(', "licence": "unknown"', ""))
        assert "licence of some of these faces and voices is unknown" in refused(folder, "--public")
    assert refused(folder, "--public") and not hub.seen


# the whole repository becomes public, or nothing


def kept_private(hub, folder, *options):
    """What a public push says of a repository that holds more; nothing travels and it stays private."""
    commits = len(hub.committed)
    line = refused(folder, "--public", *options)
    assert (
        "holds more than was checked, and all of it would become public" in line
        and "push to a repository of its own" in line
    )
    assert hub.repos["datasets", REPO].private and len(hub.committed) == commits
    return line


@pytest.fixture
def private(hub):
    """An empty private repository."""
    return hub.new_repo("datasets", REPO, private=True)


def test_a_file_beside_what_was_sent(hub, folder, private):
    hub.commit(private, "main", lambda files: files.update({"raw/anna.mp4": b"faces"}))
    assert "raw/anna.mp4 (branch main)" in kept_private(hub, folder)
    assert push(folder)[0] == 0  # privately it may lie there
    assert "raw/anna.mp4 (branch main)" in kept_private(hub, folder)


def test_another_branch(hub, folder, private):
    hub.commit(private, "old", lambda files: files.update({"data/old.tar": b"faces"}))
    assert "data/old.tar (branch old)" in kept_private(hub, folder)
    assert "data/old.tar (branch old)" in kept_private(hub, folder, "--revision", "v2")
    assert "v2" not in private.branches


def test_main_where_another_revision_is_pushed(hub, folder):
    push(folder)
    edit_manifest(folder, lambda manifest: manifest.update(versions={"other": "1"}))
    assert "manifest.json (branch main)" in kept_private(hub, folder, "--revision", "v2")


@pytest.mark.parametrize(("ref", "said"), [("refs/tags/v1", "tag v1"), ("refs/pr/3", "pull request 3")])
def test_a_tag_and_a_pull_request(hub, folder, private, ref, said):
    private.refs[ref] = hub.commit(private, "gone", lambda files: files.update({"data/old.tar": b"faces"}))
    del private.branches["gone"]
    assert f"data/old.tar ({said})" in kept_private(hub, folder)


def test_what_was_deleted_is_still_in_an_earlier_commit(hub, folder, private):
    old = hub.commit(private, "main", lambda files: files.update({"raw/anna.mp4": b"faces"}))
    hub.commit(private, "main", lambda files: files.pop("raw/anna.mp4"))
    assert f"raw/anna.mp4 (branch main, commit {old[:12]})" in kept_private(hub, folder)


def test_shards_that_were_replaced_are_still_in_an_earlier_commit(hub, folder, private):
    name = "data/train-00000-of-00002.tar"
    old = hub.commit(private, "main", lambda files: files.update({name: b"other faces"}))
    hub.commit(private, "main", lambda files: files.pop(name))
    assert f"{name} (branch main, commit {old[:12]})" in kept_private(hub, folder)


def test_many_are_not_all_listed(hub, folder, private):
    hub.commit(
        private, "main", lambda files: files.update({f"raw/{number}.mp4": b"faces" for number in range(9)})
    )
    assert "raw/2.mp4 (branch main) and more;" in kept_private(hub, folder)


def test_a_dry_run_says_it_too(hub, folder, private):
    hub.commit(private, "old", lambda files: files.update({"data/old.tar": b"faces"}))
    kept_private(hub, folder, "--dry-run")


def test_what_came_while_shards_travelled_stays_private(hub, folder, monkeypatch):
    commit = hub.commit

    def commit_and_another(repo, branch, change):
        if branch == "main" and repo.log:
            commit(repo, "meanwhile", lambda files: files.update({"raw/anna.mp4": b"faces"}))
        return commit(repo, branch, change)

    monkeypatch.setattr(hub, "commit", commit_and_another)
    assert "raw/anna.mp4 (branch meanwhile)" in refused(folder, "--public")
    assert hub.repos["datasets", REPO].private


def test_own_earlier_states_branches_that_are_empty_and_tags_of_the_same_are_no_strangers(
    hub, folder, private
):
    private.branches["empty"] = private.branches["main"]
    push(folder)
    (folder / "README.md").write_text((folder / "README.md").read_text() + "\nMore words.\n")
    push(folder)
    private.refs["refs/tags/v1"] = private.branches["main"]
    assert push(folder, "--public")[0] == 0
    assert not private.private


def test_a_history_that_cannot_be_read_is_not_taken_for_empty(hub, folder, private):
    hub.fail("/tree/" + private.branches["main"], 404, times=9, headers={"x-error-code": "RevisionNotFound"})
    code, _ = push(folder, "--public")
    assert code == 1 and private.private and not hub.committed


def test_a_repository_that_is_public_already_takes_another_revision(hub, folder):
    assert push(folder, "--public")[0] == 0
    edit_manifest(folder, lambda manifest: manifest.update(versions={"other": "1"}))
    assert push(folder, "--public", "--revision", "v2")[0] == 0
    assert hub.files(REPO, branch="v2")["manifest.json"] == (folder / "manifest.json").read_bytes()
