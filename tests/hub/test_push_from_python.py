"""``speechlip.push_shards`` gives a record, tells how far it is, and prints nothing."""

import pytest
from hub_answers import TOKEN
from pushing import REPO

import speechlip
from speechlip.progress import Silent

TRAVELS = [
    "README.md",
    *(f"data/{split}-0000{n}-of-00002.tar" for split in ("train", "validation") for n in (0, 1)),
    "ledger.jsonl",
    "manifest.json",
    "pairs/validation.parquet",
    "publication.json",
]


class Recorder(Silent):
    """Units done in each stage, and the files that were named there."""

    def __init__(self):
        self.stages, self.done, self.named = [], [], []

    def begin(self, stage, total, unit, done=0.0):
        self.stages.append((stage, total, unit))
        self.done.append(done)
        self.named.append([])

    def advance(self, amount=1.0, at=""):
        self.done[-1] += amount
        self.named[-1].append(at)


def test_every_file_is_sent_once_and_read_back_once(hub, folder, capfd):
    told = Recorder()
    pushed = speechlip.push_shards(folder, REPO, token=TOKEN, progress=told)
    mb = sum(upload.bytes for upload in pushed.plan.missing) / 1e6
    assert told.stages == [("verifying", 6, "clips"), ("sending", mb, "MB"), ("reading back", 9, "files")]
    assert told.done == pytest.approx([6, mb, 9])
    assert sorted(told.named[1]) == sorted(told.named[2]) == sorted(TRAVELS)
    assert (pushed.repo_id, len(pushed.plan.missing), pushed.plan.there) == (REPO, 9, ())
    assert pushed.commit and capfd.readouterr() == ("", "")


def test_a_dry_run_says_what_would_travel_and_sends_nothing(hub, folder):
    speechlip.push_shards(folder, REPO, token=TOKEN)
    (folder / "README.md").write_text("# Other\n")
    hub.committed.clear()
    pushed = speechlip.push_shards(folder, REPO, speechlip.PushOptions(dry_run=True), token=TOKEN)
    assert [upload.path for upload in pushed.plan.missing] == ["README.md"] and len(pushed.plan.there) == 8
    assert pushed.commit == "" and not hub.committed


def test_the_token_is_that_of_the_environment_where_none_is_given(hub, folder, monkeypatch):
    assert speechlip.push_shards(folder, REPO).commit
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(speechlip.SpeechLipError, match="there is no token; run `hf auth login`"):
        speechlip.push_shards(folder, REPO)
