"""``prep-shards --phones``: where phones come from, and what becomes of clips without."""

import shutil
import sys

import pytest

from preparing import prep
from speechlip import clips
from speechlip.manifest import Manifest
from speechlip.preparing.plan.planned_source import declared
from speechlip.recipes import synthetic
from speechlip.records import Source
from speechlip.shards.ledger import read_ledger
from speechlip.shards.read.reader import ClipReader

pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")
BASE = ("--detector", "sidecar", "--quiet", "--split", "train=1", "--max-clip", "4s")
OTHER = "Open the window, and let the warm wind blow through."


@pytest.fixture(scope="module")
def speech(talking, tmp_path_factory):
    """Two synthetic videos with landmarks: one with its transcript, one with that of another clip."""
    folder = tmp_path_factory.mktemp("spoken")
    said = list(synthetic.sources(talking))[:2]
    for source, name, text in zip(said, ("anna", "bob"), (said[0].transcript, OTHER), strict=True):
        shutil.copy(source.path, folder / f"{name}.mp4")
        shutil.copy(source.landmarks_path, folder / f"{name}.landmarks.npz")
        (folder / f"{name}.txt").write_text(text)
    return folder


@pytest.fixture(scope="module")
def aligned(speech, tmp_path_factory):
    out = tmp_path_factory.mktemp("aligned") / "shards"
    return out, prep(speech, "-o", out, "--phones", "align", *BASE)


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
    funnel = Manifest.load((out / "manifest.json").read_text()).funnel
    assert funnel.no_phones == {row.phones_reason: row.seconds_kept}
    assert f"no phones, {row.phones_reason}: bob.mp4" in done.stderr
    assert prep(*("x", "-o", out, "--phones", "align")).exit_code == 1


def test_the_funnel_shows_seconds_without_phones(speech, aligned, tmp_path):
    from speechlip.shards.ledger import format_funnel, funnel

    rows = read_ledger(aligned[0])
    (line,) = [line for line in format_funnel(funnel(rows)).splitlines() if "without phones" in line]
    assert line.startswith("    without phones, ") and line.endswith(f"0:0{rows[1].seconds_kept:.1f}")


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
    assert done.exit_code == 1 and "pip install -e '.[align]'" in done.output
    assert not (tmp_path / "out" / "manifest.json").exists()
