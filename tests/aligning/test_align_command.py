"""``speechlip align``: what lies beside a video → its TextGrid; rows, exit codes."""

import json
import sys
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from spoken import film, said

from speechlip import align
from speechlip.aligning import sphinx
from speechlip.aligning.records import Utterance
from speechlip.aligning.source import align_utterances
from speechlip.commands.cli import speechlip
from speechlip.errors import SourceRefused
from speechlip.phones import read_phones
from workmen import STAND_IN, add_stand_in, dying

pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")
pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
ALIGN_ONE = "speechlip.aligning.align:align_one"
TEXT = "Charge the battery for just an hour, then change the old cartridge."
GENTLE = {
    "transcript": "the",
    "words": [
        {
            "word": "the",
            "case": "success",
            "start": 0.5,
            "end": 0.7,
            "phones": [{"phone": "dh_B", "duration": 0.05}, {"phone": "ah_E", "duration": 0.15}],
        },
        {"word": "um", "case": "not-found-in-audio"},
        {
            "word": "a",
            "case": "success",
            "start": 0.9,
            "end": 1.0,
            "phones": [{"phone": "ah_S", "duration": 0.1}],
        },
    ],
}


def run(*arguments):
    return CliRunner().invoke(speechlip, ["align", *map(str, arguments)])


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return film(tmp_path_factory.mktemp("said") / "anna.mp4", said(TEXT)[0])


@pytest.fixture
def folder(tmp_path, video):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "anna.mp4").symlink_to(video)
    return tmp_path / "in"


def test_a_transcript_becomes_a_textgrid_once(folder):
    (folder / "anna.txt").write_text(TEXT.upper())
    done = run(folder, "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    written = (folder / "anna.TextGrid").read_bytes()
    phones = read_phones(folder / "anna.TextGrid")
    assert {phone.source for phone in phones} == {"pocketsphinx-align"}
    assert sum(phone.phone == "CH" for phone in phones) == 2
    again = run(folder)
    assert (again.exit_code, again.output.splitlines()[-1]) == (0, "1 TextGrid there before; 0 phones")
    assert run(folder, "--again").exit_code == 0 and (folder / "anna.TextGrid").read_bytes() == written


def test_a_textgrid_of_somebody_else_stays(folder):
    (folder / "anna.TextGrid").write_text("mine")
    (folder / "anna.txt").write_text(TEXT)
    (row,) = align(folder)
    assert row.status == "kept"
    done = run(folder, "--again")
    assert "anna.TextGrid is not from speechlip align, and stays" in done.output
    assert (folder / "anna.TextGrid").read_text() == "mine"


def test_gentle_is_taken_over_into_a_folder(folder, tmp_path):
    (folder / "anna.json").write_text(json.dumps(GENTLE))
    (row,) = align(folder, tmp_path / "out")
    assert (row.status, row.form, row.phones, row.score) == ("aligned", "gentle", 4, None)
    phones = read_phones(tmp_path / "out" / "anna.TextGrid")
    assert [(p.phone, p.start_s, p.end_s) for p in phones[:5]] == [
        ("SIL", 0, 0.5),
        ("DH", 0.5, 0.55),
        ("AH", 0.55, 0.7),
        ("SPN", 0.7, 0.9),  # a word that Gentle did not find is no silence
        ("AH", 0.9, 1.0),
    ]
    assert phones[1].source == "gentle" and not (folder / "anna.TextGrid").exists()


def test_whisperx_gives_texts_with_times_and_what_does_not_fit_is_no_phone(folder):
    segments = [
        {"start": 0.0, "end": 4.3, "text": TEXT},
        {"start": 4.3, "end": 4.36, "text": "Nobody says so many words in so little time."},
    ]
    (folder / "anna.json").write_text(json.dumps({"segments": segments}))
    (row,) = align(folder)
    assert row.form == "whisperx" and row.detail.startswith("1 of 2 texts not aligned")
    phones = read_phones(folder / "anna.TextGrid")
    assert [p.phone for p in phones if 4.3 <= p.start_s < 4.36] == ["SPN"]


def test_what_texts_with_times_say_nothing_of_is_silence_only_where_it_is_silent():
    samples, _ = said(TEXT)
    quiet = np.concatenate([np.zeros(16000, np.int16), samples, np.zeros(8000, np.int16), samples])
    texts = [Utterance(1.0, 1 + len(samples) / 16000, TEXT), Utterance(60.0, 61.0, TEXT)]
    aligned = align_utterances(quiet, texts, "whisperx")
    assert aligned.detail == "1 of 2 texts after the end of the audio, left out"
    heard = aligned.heard
    phones = [phone for each in heard for phone in each.phones]
    assert (phones[0].phone, phones[0].start_s, phones[0].end_s) == ("SIL", 0.0, 1.0)
    assert (phones[-1].phone, phones[-1].end_s) == ("SPN", round(len(quiet) / 16000, 6))
    assert all(left.end_s == pytest.approx(right.start_s, abs=1e-5) for left, right in pairwise(phones))


def test_texts_none_of_which_can_be_aligned_are_refused_though_one_lies_behind_the_end():
    samples = np.zeros(32000, np.int16)
    texts = [Utterance(0.0, 2.0, TEXT), Utterance(5.0, 7.0, TEXT)]
    with pytest.raises(SourceRefused, match=r"not aligned|does not fit"):
        align_utterances(samples, texts, "whisperx")


def test_json_of_something_else_is_passed_by(folder):
    (folder / "anna.json").write_text('[{"box": [1, 2, 3, 4]}]')
    (folder / "anna.txt").write_text(TEXT)
    (row,) = align(folder)
    assert (row.status, row.form) == ("aligned", "transcript")


def test_words_with_times_are_aligned_in_phones(folder):
    words = TEXT.replace(",", "").replace(".", "").split()
    edges = [round(110000 * place / len(words)) for place in range(len(words) + 1)]
    lines = [f"{a} {b} {word}" for a, b, word in zip(edges, edges[1:], words, strict=False)]
    (folder / "anna.align").write_text("\n".join(lines))
    (row,) = align(folder)
    assert (row.status, row.form) == ("aligned", "align") and row.phones > 30


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("anna.json", "{", "bad phone file"),
        ("anna.json", '{"segments": [{"start": 0}]}', "bad phone file"),
        ("anna.json", '{"segments": [{"start": 2, "end": 1, "text": "no"}]}', "bad phone file"),
        ("anna.json", '{"words": 3}', "bad phone file"),
        ("anna.json", '{"segments": []}', "no transcript"),
        ("anna.json", '{"words": [{"case": "not-found-in-audio"}]}', "not aligned"),
        ("anna.txt", "...", "no transcript"),
        ("other.txt", "hello", "no transcript"),
    ],
)
def test_what_cannot_be_used_is_a_row_with_its_reason(folder, name, text, reason):
    (folder / name).write_text(text)
    done = run(folder)
    assert done.exit_code == 3 and f"no phones, {reason}: anna.mp4" in done.output
    assert not (folder / "anna.TextGrid").exists()


def test_a_form_that_is_not_there_is_a_reason(folder):
    done = run(folder, "--from", "gentle")
    assert done.exit_code == 3 and "there is no anna.json beside it" in done.output


def test_one_that_fails_stops_no_other(folder, video):
    (folder / "anna.txt").write_text(TEXT)
    (folder / "bad.mp4").write_bytes(b"no video")
    (folder / "bad.txt").write_text(TEXT)
    done = run(folder)
    assert done.exit_code == 3 and (folder / "anna.TextGrid").exists() and "bad.mp4" in done.output


def test_without_a_transcript_phones_are_recognised_when_asked(folder):
    assert run(folder, "--from", "none").exit_code == 0
    assert {phone.source for phone in read_phones(folder / "anna.TextGrid")} == {"pocketsphinx-allphone"}


def test_without_the_extra_the_command_to_type_is_named(folder, monkeypatch):
    (folder / "anna.txt").write_text(TEXT)
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    sphinx.open_decoder.cache_clear()
    done = run(folder)
    assert done.exit_code == 1 and "pip install pocketsphinx" in done.output
    assert not (folder / "anna.TextGrid").exists()


def test_a_transcript_in_another_language_is_a_row_that_says_what_to_do(folder):
    (folder / "anna.txt").write_text("今天天气很好，我们去公园。", encoding="utf-8")
    done = run(folder)
    assert done.exit_code == 3 and "no phones, another language: anna.mp4" in done.output
    assert "put its TextGrid beside" in done.output


def test_on_another_engine_a_video_that_dies_twice_is_a_row_and_all_else_has_the_same_bytes(
    folder, video, tmp_path, monkeypatch
):
    (folder / "ben.mp4").symlink_to(video)
    for name in ("anna", "ben"):
        (folder / f"{name}.json").write_text(json.dumps(GENTLE))
        align(folder / f"{name}.mp4", tmp_path / "here")
    add_stand_in(monkeypatch)
    deaths = dying(monkeypatch, ALIGN_ONE, {"anna.mp4": 2}, tmp_path / "deaths")
    there = (folder, "-o", tmp_path / "there", "--engine", STAND_IN)
    done = run(*there)
    assert done.exit_code == 3 and deaths() == 2
    assert "no phones, crashed the worker: anna.mp4 (exit code -9, twice)" in done.output
    assert run(*there).exit_code == 0
    for name in ("anna.TextGrid", "ben.TextGrid"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_two_videos_of_one_textgrid_are_aligned_once(folder, video, monkeypatch):
    add_stand_in(monkeypatch)
    (folder / "anna.mkv").symlink_to(video)
    (folder / "anna.json").write_text(json.dumps(GENTLE))
    assert [(row.source, row.status) for row in align(folder, engine=STAND_IN)] == [
        ("anna.mkv", "aligned"),
        ("anna.mp4", "kept"),
    ]


def test_arguments_that_cannot_be_used(tmp_path, folder):
    assert run(tmp_path / "no").exit_code == 1
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty").exit_code == 2
    wrong = run(folder, "--from", "mfa")
    assert wrong.exit_code == 1 and "there are: auto, textgrid" in wrong.output
