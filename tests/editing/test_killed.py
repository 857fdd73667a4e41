"""An edit that ends at any of its writes, and the same call again: the same bytes as in one go."""

from functools import partial

import pytest
from folders import digests, write

import speechlip
from speechlip.editing.copying import Copier
from speechlip.files import writing


class Killed(BaseException):
    """As a signal: nothing catches it."""


def select(given, out):
    speechlip.select_clips(given[0], out, "n_frames != 24")


def merge(given, out):
    speechlip.merge_shards(given, out)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Two folders of two speakers each."""
    root = tmp_path_factory.mktemp("given")
    return [
        write(root / "one", {"ann": "train", "di": "test"}, starts=(0, 30)),
        write(root / "two", {"fay": "train", "gil": "test"}, starts=(0, 30), seed=1),
    ]


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """No fsync, and a card of one line: what is killed here is what an edit writes itself."""
    monkeypatch.setattr(writing.os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(
        "speechlip.editing.run.write_card", lambda out, *facts: writing.write_text(out / "README.md", "card")
    )


def killed_at(number, monkeypatch, edit):
    """Whether the edit met its ``number``-th rename to a final name, at which it is killed."""
    count = 0
    replace = writing.Path.replace

    def counted(path, target):
        nonlocal count
        count += 1
        if count == number:
            raise Killed
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(writing.Path, "replace", counted)
        try:
            edit()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("edit", [select, merge])
def test_killed_at_every_rename_and_run_again(given, tmp_path, monkeypatch, edit):
    edit(given, tmp_path / "whole")
    wanted, kills, ended = digests(tmp_path / "whole"), 0, False
    while not ended:
        out = tmp_path / f"out-{kills}"
        if killed_at(kills + 1, monkeypatch, partial(edit, given, out)):
            assert not (out / "manifest.json").exists()
            edit(given, out)
            kills += 1
        else:
            ended = True
        assert digests(out) == wanted
    assert kills > 10


def test_killed_after_the_manifest(given, tmp_path, monkeypatch):
    """Nothing is left but the work folder: the same call takes it away."""
    from speechlip.preparing.place import finish

    def killed(*given):
        raise Killed

    select(given, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(finish.shutil, "rmtree", killed)
        with pytest.raises(Killed):
            select(given, tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").exists() and (tmp_path / "out" / ".work").exists()
    select(given, tmp_path / "out")
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_what_was_copied_is_not_copied_again(given, tmp_path, monkeypatch):
    copy, copied = Copier.copy, []

    def until(most):
        def counted(self, shard):
            if len(copied) == most:
                raise Killed
            copied.append(shard.unit.name)
            copy(self, shard)

        return counted

    monkeypatch.setattr(Copier, "copy", until(2))
    with pytest.raises(Killed):
        merge(given, tmp_path / "out")
    monkeypatch.setattr(Copier, "copy", until(99))
    merge(given, tmp_path / "out")
    assert len(copied) == len({*copied}) > 3


def test_an_unfinished_edit_of_another_kind_is_refused(given, tmp_path, monkeypatch):
    assert killed_at(4, monkeypatch, partial(select, given, tmp_path / "out"))
    with pytest.raises(speechlip.SpeechLipError, match="holds an unfinished edit of another kind"):
        speechlip.select_clips(given[0], tmp_path / "out", "n_frames = 20 and speaker = 'ann'")
    select(given, tmp_path / "out")
