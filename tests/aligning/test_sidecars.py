"""What recognisers wrote, with rows that cannot be: those are cut or left out and counted."""

import json

import pytest

from speechlip.aligning import sidecars
from speechlip.aligning.source import with_pauses
from speechlip.errors import SourceRefused
from speechlip.phones import read_align


def text(start, end, text="so"):
    return {"start": start, "end": end, "text": text}


def times(*segments):
    said, note = sidecars.whisperx({"segments": list(segments)}, "x.json")
    return [(each.start_s, each.end_s) for each in said], note


def test_texts_that_overlap_are_cut_in_the_middle_and_counted():
    assert times(text(0, 4), text(3, 8), text(9, 10)) == (
        [(0, 3.5), (3.5, 8), (9, 10)],
        "1 overlap of texts cut in the middle",
    )


def test_an_overlap_by_rounding_is_no_word_worth():
    cut, note = times(text(20.240000000000002, 27.400000000000002), text(27.4, 32.12))
    assert note == "" and cut[0][1] == cut[1][0] == pytest.approx(27.4)


def test_a_text_within_another_and_one_that_ends_before_it_begins_are_left_out():
    """99.92 to 90.72 s is what Whisper has been seen to write."""
    cut, note = times(text(0, 30), text(10, 12), text(99.92, 90.72), text(40, float("nan")), {"start": 3})
    assert cut == [(0, 30)]
    assert note == "3 texts whose times cannot be, left out; 1 text within another, left out"


def test_texts_come_in_order_of_time():
    assert times(text(5, 6), text(1, 2)) == ([(1, 2), (5, 6)], "")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"segments": [text(2, 1)]}, "bad phone file"),
        ({"segments": {"0": text(1, 2)}}, "bad phone file"),
        ({"segments": []}, "no transcript"),
    ],
)
def test_files_without_a_usable_text(raw, reason):
    with pytest.raises(SourceRefused) as refused:
        sidecars.whisperx(raw, "x.json")
    assert refused.value.reason == reason


def word(start, *phones):
    parts = [{"phone": f"{phone}_I", "duration": duration} for phone, duration in phones]
    return {"word": "so", "case": "success", "start": start, "phones": parts}


def test_a_word_of_gentle_whose_times_cannot_be_is_one_not_found():
    words = [
        word(0.1, ("s", 0.1), ("ow", 0.1)),
        word("late", ("s", 0.1)),
        word(0.5, ("s", -0.1)),
        word(0.6, ("s", 0.1)),
    ]
    said = sidecars.gentle({"words": words}, "x.json")
    assert said.left_out == "2 of 4 words whose times cannot be: word 2, word 3"
    labels = [(p.phone, p.start_s) for each in with_pauses(said.heard, said.lost_before) for p in each.phones]
    assert labels == [("SIL", 0.0), ("S", 0.1), ("OW", 0.2), ("SPN", 0.3), ("S", 0.6)]


def test_a_word_of_gentle_that_begins_a_little_early_begins_where_the_last_one_ends():
    words = [word(0.1, ("s", 0.2)), word(0.27, ("ow", 0.02), ("m", 0.2)), word(0.3, ("t", 0.05))]
    said = sidecars.gentle({"words": words}, "x.json")
    assert [(p.phone, p.start_s, p.end_s) for each in said.heard for p in each.phones] == [
        ("S", 0.1, 0.3),
        ("M", 0.3, 0.49),
    ]
    assert said.left_out == "1 of 3 words whose times cannot be: word 3"


def test_the_line_of_an_align_that_cannot_be_is_named(tmp_path):
    path = tmp_path / "x.align"
    path.write_text("0 1000 sil\n900 2000 bin\n")
    with pytest.raises(SourceRefused, match=r"in order of time, none before 0 \(line 2\)"):
        read_align(path)


def test_what_was_mended_is_said(tmp_path):
    from click.testing import CliRunner
    from spoken import film, said

    from speechlip.commands.cli import speechlip

    pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")
    pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
    sentence = "Charge the battery for just an hour."
    film(tmp_path / "anna.mp4", said(sentence)[0])
    (tmp_path / "anna.json").write_text(json.dumps({"segments": [text(0, 3, sentence), text(1, 1.5)]}))
    done = CliRunner().invoke(speechlip, ["align", str(tmp_path), "--from", "whisperx"])
    assert done.exit_code == 0, done.output
    assert "anna.mp4: 1 text within another, left out" in done.output
