"""``prep-shards --phones``: where phones come from, and what becomes of clips without."""

import shutil
import sys

import pytest
from spoken import BASE

from preparing import prep
from speechlip import clips
from speechlip.manifest import Manifest
from speechlip.preparing.plan.planned_source import declared
from speechlip.records import Source
from speechlip.shards.ledger import format_funnel, funnel
from speechlip.shards.ledger_file import read_ledger
from speechlip.shards.read.reader import ClipReader
from speechlip.wording import clock

pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")


def samples(out):
    return {clip.meta.source: clip for clip in ClipReader(out, "train", fields=("phones",), shuffle_clips=0)}


def test_a_transcript_is_aligned_in_the_same_run(aligned):
    out, done = aligned
    assert done.exit_code == 0, done.output
    clip = samples(out)["anna.mp4"]
    assert clip.meta.phone_source == "pocketsphinx-align" and -6.5 < clip.meta.phone_score < 0
    assert {phone["source"].partition("+")[0] for phone in clip.phones} == {"pocketsphinx-align"}
    manifest = Manifest.load((out / "manifest.json").read_text())
    assert manifest.options["phones"] == "align" and "pocketsphinx" in manifest.versions


def test_what_cannot_be_aligned_has_a_reason_and_no_times(aligned):
    out, done = aligned
    clip = samples(out)["bob.mp4"]
    assert not clip.phones and (clip.meta.phone_source, clip.meta.phone_score) == ("", None)
    row = next(row for row in read_ledger(out) if row.source == "bob.mp4")
    assert row.status == "kept" and row.phones_reason in ("not aligned", "transcript does not fit")
    assert row.phones_detail
    by_source = {row.source: row for row in read_ledger(out)}
    assert by_source["anna.mp4"].phones_reason == ""
    assert by_source["chen.mp4"].phones_reason == "another language"
    assert by_source["dora.mp4"].phones_reason == "no transcript"
    funnel = Manifest.load((out / "manifest.json").read_text()).funnel
    assert funnel.no_phones == {
        row.phones_reason: row.seconds_kept for row in by_source.values() if row.phones_reason
    }
    assert f"no phones, {row.phones_reason}: bob.mp4" in done.stderr


def test_the_funnel_shows_seconds_without_phones(aligned):
    rows = {row.source: row for row in read_ledger(aligned[0])}
    lines = format_funnel(funnel(rows.values())).splitlines()
    for name in ("chen.mp4", "dora.mp4"):
        reason, kept_s = rows[name].phones_reason, rows[name].seconds_kept
        assert f"    {f'without phones, {reason}':<42} {clock(kept_s):>9}" in lines


def test_clips_are_chosen_by_where_their_phones_come_from(aligned):
    found = clips(aligned[0], "phone_source = 'pocketsphinx-align' and phone_score > -6.5")
    assert found.kept.any() and {row["source"] for row in found.rows} == {"anna.mp4"}


def test_the_same_command_finds_it_done_and_another_value_is_refused(speech, aligned):
    out, _ = aligned
    assert prep(speech, "-o", out, "--phones", "align", *BASE).exit_code == 0
    other = prep(speech, "-o", out, *BASE)
    assert other.exit_code == 1 and "phones was 'align', is now 'files'" in other.output


def test_another_text_beside_is_another_source(tmp_path):
    source = Source(tmp_path / "a.mp4", "a.mp4", "a")
    before = declared(source, "cascade", "align")
    (tmp_path / "a.json").write_text('{"segments": []}')
    assert declared(source, "cascade", "align")["spoken"] != before["spoken"] == ""
    assert "spoken" not in declared(source, "cascade")


def test_recognised_phones_need_no_transcript_and_say_so(speech, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for ending in (".mp4", ".landmarks.npz"):
        shutil.copy(speech / f"anna{ending}", videos)
    (videos / "anna.TextGrid").write_text("of no use")
    done = prep(videos, "-o", tmp_path / "out", "--phones", "recognise", *BASE)
    assert done.exit_code == 0, done.output
    clip = samples(tmp_path / "out")["anna.mp4"]
    assert clip.meta.phone_source == "pocketsphinx-allphone" and len(clip.phones) > 10
    assert {phone["source"] for phone in clip.phones} == {"pocketsphinx-allphone"}
    assert clip.meta.phone_score < 0


def test_phones_of_files_say_their_source(talking, tmp_path):
    options = ("--recipe", "synthetic", "--limit", "1", *BASE)
    assert prep(talking, "-o", tmp_path / "out", *options).exit_code == 0
    (clip, *_) = samples(tmp_path / "out").values()
    assert (clip.meta.phone_source, clip.meta.phone_score) == ("textgrid", None)


def test_without_pocketsphinx_the_command_to_type_is_named(speech, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    done = prep(speech, "-o", tmp_path / "out", "--phones", "align", *BASE)
    assert done.exit_code == 1 and "pip install pocketsphinx" in done.output
    assert not (tmp_path / "out" / "manifest.json").exists()
