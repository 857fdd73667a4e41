"""``speechlip align SHARDS``: the same phones as when the videos are prepared with them."""

import tarfile
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from spoken import said

import speechlip
from speechlip import Clip, ShardOptions, ShardWriter, Source
from speechlip.aligning.sphinx import align_words
from speechlip.aligning.words import words_of
from speechlip.commands.cli import speechlip as cli
from speechlip.manifest import Manifest
from speechlip.phones import cut_phones
from speechlip.shards.checks.verify import verify
from speechlip.shards.ledger_file import read_ledger
from speechlip.shards.read.reader import ClipReader
from workmen import STAND_IN, add_stand_in, dying

pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")

ALIGN_UNIT = "speechlip.editing.source_phones:align_unit"


def align(*arguments):
    return CliRunner().invoke(cli, ["align", *map(str, arguments)], catch_exceptions=False)


def members(folder):
    """Name → content of every member of every sample."""
    found = {}
    for shard in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(shard) as tar:
            found |= {info.name: tar.extractfile(info).read() for info in tar}
    return found


@pytest.fixture(scope="module")
def given_phones(plain, tmp_path_factory):
    out = tmp_path_factory.mktemp("given") / "shards"
    return out, align(plain, "-o", out, "--workers", 1, "--quiet")


def test_every_member_is_as_if_the_videos_had_been_prepared_with_phones(aligned, given_phones):
    """Each video is one or more clips that hold all of it, so the audio put together is the video's own."""
    out, done = given_phones
    assert done.exit_code == 3 and verify(out).ok
    assert members(out) == members(aligned[0])


def test_what_describes_the_folder_is_as_if(aligned, given_phones, plain):
    wanted, made = (
        Manifest.load((folder / "manifest.json").read_text()) for folder in (aligned[0], given_phones[0])
    )
    assert (made.funnel, made.fields, made.options, made.versions) == (
        wanted.funnel,
        wanted.fields,
        wanted.options,
        wanted.versions,
    )
    assert [edit.operation for edit in made.edited] == ["align"]
    told = [(row.source, row.phones_reason, row.phones_detail) for row in read_ledger(given_phones[0])]
    assert told == [(row.source, row.phones_reason, row.phones_detail) for row in read_ledger(aligned[0])]
    assert "no phones, another language: chen.mp4" in given_phones[1].stderr
    assert "- `speechlip align`, from `transcript`" in (given_phones[0] / "README.md").read_text()


def test_shards_stay_and_a_second_run_finds_it_done(plain, given_phones):
    before = {path.name: path.stat().st_mtime_ns for path in (given_phones[0] / "data").iterdir()}
    assert (
        verify(plain).ok and "phones.json" not in Manifest.load((plain / "manifest.json").read_text()).fields
    )
    assert align(plain, "-o", given_phones[0]).exit_code == 3
    assert {path.name: path.stat().st_mtime_ns for path in (given_phones[0] / "data").iterdir()} == before


def test_killed_while_copying_nothing_is_aligned_again(plain, tmp_path, monkeypatch):
    def killed(*given):
        raise KeyboardInterrupt

    anna = speechlip.select_clips(plain, tmp_path / "in", "source = 'anna.mp4'").folder
    speechlip.align_shards(anna, tmp_path / "straight")
    with monkeypatch.context() as patch:
        patch.setattr("speechlip.editing.copying.Copier.copy", killed)
        with pytest.raises(KeyboardInterrupt):
            speechlip.align_shards(anna, tmp_path / "out")
    monkeypatch.setattr("speechlip.editing.source_phones.phones_of_source", None)
    speechlip.align_shards(anna, tmp_path / "out")
    for name in ("manifest.json", "ledger.jsonl", "README.md", "clips.parquet"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_on_another_engine_a_source_that_dies_twice_has_its_reason_and_the_others_are_the_same(
    plain, given_phones, tmp_path, monkeypatch
):
    two = speechlip.select_clips(plain, tmp_path / "in", "source in ('anna.mp4', 'dora.mp4')").folder
    add_stand_in(monkeypatch)
    deaths = dying(monkeypatch, ALIGN_UNIT, {"dora.mp4": 2}, tmp_path / "deaths")
    done = align(two, "-o", tmp_path / "out", "--engine", STAND_IN)
    assert done.exit_code == 3 and deaths() == 2
    lost = next(row for row in read_ledger(tmp_path / "out") if row.source == "dora.mp4")
    assert (lost.phones_reason, lost.phones_detail) == ("crashed the worker", "exit code -9, twice")
    wanted = members(given_phones[0])
    assert all(wanted[name] == data for name, data in members(tmp_path / "out").items())


def test_phones_that_are_there_stay(given_phones, tmp_path):
    two = speechlip.select_clips(
        given_phones[0], tmp_path / "in", "source in ('anna.mp4', 'dora.mp4')"
    ).folder
    done = align(two, "-o", tmp_path / "out", "--from", "none")
    assert "1 video with phones already: they stay" in done.output and done.exit_code == 0
    before, after = members(two), members(tmp_path / "out")
    rows = {row["key"]: row for row in speechlip.clips(tmp_path / "out").rows}
    sources = {row["source"]: row["phone_source"] for row in rows.values()}
    assert sources == {"anna.mp4": "pocketsphinx-align", "dora.mp4": "pocketsphinx-allphone"}
    kept = [name for name in after if rows[name.partition(".")[0]]["source"] == "anna.mp4"]
    assert all(after[name] == before[name] for name in kept) and verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "shards, which stay as they are: give a folder for new ones, -o"),
        (("-o", "out", "--from", "gentle"), "no form for shards 'gentle'; there are: auto, transcript, none"),
        (("-o", "out", "--recipe", "grid"), "shards have no recipe"),
    ],
)
def test_what_cannot_be_asked_of_shards(plain, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = align(plain, *arguments)
    assert done.exit_code == 1 and message in done.stderr and not (tmp_path / "out").exists()


def test_phones_of_a_video_in_several_clips_are_those_of_the_whole_cut_to_them(tmp_path):
    pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
    text = "Charge the battery for just an hour, then change the old cartridge."
    samples = said(text)[0]
    whole = samples[: len(samples) // 640 * 640]
    source = Source("a.mp4", "a.mp4", "ann", split="train", transcript=text)
    starts = (0, 31, len(whole) // 640)
    with ShardWriter(tmp_path / "in", ShardOptions(detector="mine")) as writer:
        for start, stop in pairwise(starts):
            lips = np.zeros((stop - start, 96, 96, 3), np.uint8)
            audio = whole[640 * start : 640 * stop]
            clip = Clip(source, 0, start, lips, audio, None, None, 0.5, 80.0, 0)
            writer.write(clip, source_sha256="0" * 64)
    assert align(tmp_path / "in", "-o", tmp_path / "out", "--quiet").exit_code == 0
    phones = tuple(phone for word in align_words(whole, words_of(text)) for phone in word.phones)
    clips = {clip.meta.start_s: clip for clip in ClipReader(tmp_path / "out", "train", fields=("phones",))}
    for start, stop in pairwise(starts):
        wanted = [asdict(phone) for phone in cut_phones(phones, start / 25, stop / 25)]
        assert [*clips[start / 25].phones] == wanted and len(wanted) > 10


def test_videos_that_are_appended_later_are_not_told_otherwise(given_phones, speech, tmp_path):
    """The ledger of such a folder does not say which files lay beside the videos, a plan to align does."""
    given = ["edit", "append", given_phones[0], speech, "-o", tmp_path / "out"]
    done = CliRunner().invoke(cli, [*map(str, given)])
    assert done.exit_code == 2 and "4 videos left out" in done.stderr and "told otherwise" not in done.stderr
