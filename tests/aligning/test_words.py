"""What is said of a text before it is aligned: its words as they are spoken, and its language."""

import numpy as np
import pytest
from spoken import said

from speechlip.aligning import sphinx
from speechlip.aligning.long import align_text
from speechlip.aligning.source import phones_in
from speechlip.aligning.words import refuse_other_language, words_of
from speechlip.errors import SourceRefused

pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")
pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
OTHERS = {
    "German": "Der Wetterbericht sagt für morgen Regen und kräftigen Wind im Norden voraus.",
    "French": "Le gouvernement a annoncé hier une nouvelle loi sur les retraites.",
    "Spanish": "El gobierno anunció ayer una nueva ley sobre las pensiones.",
    "Italian": "Il governo ha annunciato ieri una nuova legge sulle pensioni.",
    "Polish": "Rząd ogłosił wczoraj nową ustawę o emeryturach w całym kraju.",
    "Turkish": "Hükümet dün emeklilikle ilgili yeni bir yasa açıkladı ve herkes şaşırdı.",
    "Chinese": "今天天气很好，我们去公园。",
    "Russian": "Сегодня хорошая погода.",
    "Arabic": "الطقس جميل اليوم",
    "Japanese": "今日はいい天気ですね。",
}
ENGLISH = (
    "Dr. Szymanowska met Xi Jinping and Ngozi Okonjo-Iweala at 10:30 in Reykjavík on 12 March 2024.",
    "COVID vaccines, iPhones, and ChatGPT changed how we work; the podcasters got 3,000,000 views.",
    "Pikachu, Charizard!",
    "Five fine fishermen found four foxes.",
)


def known(word):
    return sphinx.open_decoder(sphinx.BEAMS[0]).lookup_word(word) is not None


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_of_another_language_is_refused_and_what_to_do_is_said(language):
    with pytest.raises(SourceRefused) as refused:
        align_text(np.zeros(48000, np.int16), words_of(OTHERS[language]))
    assert refused.value.reason == "another language"
    assert "US English alone" in refused.value.detail and "TextGrid" in refused.value.detail


@pytest.mark.parametrize("text", ENGLISH)
def test_names_and_numbers_make_no_text_foreign(text):
    refuse_other_language(words_of(text), known)


def test_a_foreign_word_in_an_english_text_is_named_and_not_guessed():
    with pytest.raises(
        SourceRefused, match=r"words without a pronunciation .*'你好' not in the CMU dictionary"
    ):
        align_text(np.zeros(48000, np.int16), words_of("I said 你好 to my friend"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It was 1984.", "it was 19 84"),
        ("In 2000 and in 2024", "in 2000 and in 20 24"),
        ("3,000,000 people & 7.5% more", "3000000 people and 7.5 percent more"),
        ("$2.5 million or $40", "2.5 million dollars or 40 dollars"),
        ("Dr. Who at St. Paul's vs. Mr. Ed", "doctor who at saint paul's versus mr ed"),
        ("The end.Begin 1.", "the end begin 1"),
        ("1,984 sheep", "1984 sheep"),
        ("[music] <i>so</i> {x}", "so"),
    ],
)
def test_words_are_those_that_are_spoken(text, words):
    assert words_of(text) == tuple(words.split())


def test_numbers_and_abbreviations_are_aligned_where_they_are_said():
    text = "Doctor Green sold 45% of 3,000 zorgbots in 1984."
    samples, _ = said(text)
    heard, _ = align_text(samples, words_of(text))
    spoken = [each for each in heard if each.word]
    assert [each.word for each in spoken] == [*words_of(text)]
    assert [phone.phone for phone in spoken[3].phones][:2] == ["F", "AO"]
    sources = {each.word: {phone.source for phone in each.phones} for each in spoken}
    assert sources["zorgbots"] == sources["45"] == {"pocketsphinx-align+espeak"}
    assert sources["green"] == {"pocketsphinx-align"}


def test_music_under_speech_is_aligned_or_refused_but_never_shifted():
    text = "Charge the battery for just an hour, then change the old cartridge."
    samples, utterance = said(text)
    at = np.arange(len(samples)) / 16000
    chord = sum(np.sin(2 * np.pi * tone * at) for tone in (220.0, 277.2, 329.6))
    heard, _ = align_text((samples + 600 * chord).clip(-32768, 32767).astype(np.int16), words_of(text))
    starts = [each.start_s for each in heard if each.word]
    assert np.median(np.abs(np.array(starts) - [word.start_s for word in utterance.words])) < 0.06
    with pytest.raises(SourceRefused):
        align_text((3000 * chord).astype(np.int16), words_of(text))


def test_a_text_that_could_not_be_decoded_is_refused():
    with pytest.raises(SourceRefused, match="no transcript") as refused:
        phones_in(np.zeros(16000, np.int16), "caf\ufffd au lait", "transcript")
    assert refused.value.detail == "its text is not UTF-8; save it as UTF-8"
