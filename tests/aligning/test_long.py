"""Long recordings: phones matched by a slower way of our own, and cuts and words where they are."""

import numpy as np
import pytest
from spoken import said

from speechlip.aligning import long
from speechlip.aligning.anchors import LEFT_OUT, cost, match
from speechlip.aligning.long import align_text
from speechlip.aligning.sphinx import ALIGNED, UNKNOWN, Heard
from speechlip.aligning.words import words_of
from speechlip.errors import SourceRefused
from speechlip.records import Phone

pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")
pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
SENTENCES = (
    "Charge the battery for just an hour, then change the old cartridge.",
    "Open the window, and let the warm wind blow through.",
    "She showed us the shining fish in the shallow water.",
    "Five fine fishermen found four foxes in the forest.",
    "Many men may mend the machine by tomorrow morning.",
    "We will walk along the yellow wall until the light is low.",
    "Take two tablets today, and drink a tall glass of water.",
    "The boy brought a big box of books back to the bank.",
)
OTHER = "Nobody expects the lazy dog to jump over a quick brown fox. " * 8
PAUSE = np.zeros(6400, np.int16)


def test_the_match_is_the_best_there_is():
    random = np.random.default_rng(3)
    labels = ["T", "D", "AA", "IY", "P", "S", "M"]
    for n, m in ((1, 1), (9, 0), (0, 4), (17, 23), (40, 11)):
        one, other = (random.choice(labels, size).tolist() for size in (n, m))
        table = {(0, 0): 0.0}
        for i in range(n + 1):
            for j in range(m + 1):
                ways = [table[i - 1, j] + LEFT_OUT] if i else []
                ways += [table[i, j - 1] + LEFT_OUT] if j else []
                ways += [table[i - 1, j - 1] + cost(one[i - 1], other[j - 1])] if i and j else []
                table[i, j] = max(ways, default=0.0)
        found = match(one, other)
        assert found.likeness == pytest.approx(table[n, m] / max(n, 1))
        gaps = n + m - 2 * len(found.pairs)
        summed = sum(cost(one[i], other[j]) for i, j in found.pairs) + gaps * LEFT_OUT
        assert summed == pytest.approx(table[n, m])
        assert list(found.pairs) == sorted(found.pairs) and len({j for _, j in found.pairs}) == len(
            found.pairs
        )


@pytest.fixture(scope="module")
def recording():
    """Samples, and (start, end) of every sentence."""
    parts, spans, at = [], [], 0
    for sentence in SENTENCES:
        samples, _ = said(sentence)
        parts += [samples, PAUSE]
        spans.append((at / 16000, (at + len(samples)) / 16000))
        at += len(samples) + len(PAUSE)
    return np.concatenate(parts), spans


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """What is long is shorter here, to take less time."""
    monkeypatch.setattr(long, "WHOLE_S", 10.0)


def within(heard, first, last, start_s, end_s):
    """Whether the words ``first`` and ``last`` of the longest run of words begin and end there."""
    spoken = [each for each in heard if each.word]
    places = [n for n, each in enumerate(spoken) if each.word == first and each.start_s > start_s - 0.3]
    begin, words = spoken[places[0]], [each for each in spoken if each.word == last]
    end = min(words, key=lambda each: abs(each.end_s - end_s))
    return abs(begin.start_s - start_s) < 0.15 and abs(end.end_s - end_s) < 0.25


def test_words_of_a_long_recording_are_where_they_are_said(recording):
    samples, spans = recording
    heard, left = align_text(samples, words_of(" ".join(SENTENCES)))
    assert left == ""
    assert [each.word for each in heard if each.word] == [*words_of(" ".join(SENTENCES))]
    edges = [edge for each in heard for edge in (each.start_s, each.end_s)]
    assert edges == sorted(edges) and edges[-1] == pytest.approx(len(samples) / 16000, abs=0.02)
    for sentence, (start_s, end_s) in zip(SENTENCES, spans, strict=True):
        first, *_, last = words_of(sentence)
        assert within(heard, first, last, start_s, end_s), sentence


def test_what_was_heard_before_changes_nothing(recording):
    samples, text = recording[0][: 12 * 16000], words_of(" ".join(SENTENCES[:3]))
    first = align_text(samples, text)
    align_text((recording[0][12 * 16000 :] * 0.1).astype(np.int16), words_of(" ".join(SENTENCES[3:])))
    assert align_text(samples, text) == first


def test_what_is_not_written_moves_no_other_word(recording):
    samples, spans = recording
    heard, _ = align_text(samples, words_of(" ".join(SENTENCES[:3] + SENTENCES[4:])))
    assert within(heard, "take", "water", *spans[6]) and within(heard, "the", "bank", *spans[7])
    middle_s = sum(spans[3]) / 2
    (there,) = [each for each in heard if each.start_s <= middle_s < each.end_s]
    assert not there.word and there.phones[0].phone == UNKNOWN


def test_the_text_of_a_part_is_aligned_with_that_part(recording):
    samples, spans = recording
    heard, _ = align_text(samples, words_of(" ".join(SENTENCES[2:5])))
    for sentence, (start_s, end_s) in zip(SENTENCES[2:5], spans[2:5], strict=True):
        first, *_, last = words_of(sentence)
        assert within(heard, first, last, start_s, end_s), sentence
    assert not [each for each in heard if each.word and each.start_s < spans[2][0] - 0.3]


def test_the_text_of_another_recording_is_refused(recording):
    with pytest.raises(SourceRefused, match="transcript does not fit") as refused:
        align_text(recording[0], words_of(OTHER))
    assert "another text, another language, or no speech" in refused.value.detail


def test_a_piece_that_cannot_be_aligned_is_no_phone_and_is_counted(recording, monkeypatch):
    align_piece = long.sphinx.align_piece

    def failing(samples, start_s, end_s, words):
        if start_s == 0:
            raise SourceRefused("phones", "not aligned", "the first piece")
        return align_piece(samples, start_s, end_s, words)

    monkeypatch.setattr(long.sphinx, "align_piece", failing)
    heard, left = align_text(recording[0], words_of(" ".join(SENTENCES)))
    assert [(phone.phone, phone.source) for phone in heard[0].phones] == [(UNKNOWN, ALIGNED)]
    assert not heard[0].word and left.startswith("1 of ") and "the first piece" in left


def test_silence_under_a_long_text_is_refused():
    with pytest.raises(SourceRefused):
        align_text(np.zeros(16000 * 12, np.int16), words_of(OTHER))


def test_more_than_is_aligned_is_refused(monkeypatch):
    monkeypatch.setattr(long, "LONGEST_S", 11.0)
    with pytest.raises(SourceRefused, match=r"too long to align.*12 s with one text.*WhisperX"):
        align_text(np.zeros(16000 * 12, np.int16), ("hello",))


def test_also_of_a_short_recording_a_long_pause_that_sounds_like_none_is_no_silence(monkeypatch):
    def pause(start_s, end_s, score):
        return Heard("", start_s, end_s, (Phone(start_s, end_s, "SIL", "pocketsphinx-align", score),))

    found = (pause(0, 1.5, -4.0), pause(1.5, 2.4, -4.0), pause(2.4, 4, -2.9))
    monkeypatch.setattr(long.sphinx, "align_words", lambda samples, words: found)
    heard, left = align_text(np.zeros(64000, np.int16), ["so"])
    assert ([each.phones[0].phone for each in heard], left) == (["SPN", "SIL", "SIL"], "")
    assert heard[1:] == found[1:] and heard[0].phones[0].score is None
