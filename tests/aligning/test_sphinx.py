"""Times of phones against those that espeak-ng states; transcripts that do not fit; words nobody knows."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from spoken import said

from speechlip.aligning import pronounce, sphinx
from speechlip.aligning.source import phones_in
from speechlip.aligning.sphinx import align_words, mean_score, pieces, recognise
from speechlip.aligning.words import words_of
from speechlip.errors import ModelError, SourceRefused
from speechlip.metrics.phones.visemes import PHONES

pytest.importorskip("pocketsphinx", reason="the extra [align] is not installed")
pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
NO_FIT = r"not aligned|transcript does not fit"
TEXT = "Charge the battery for just an hour, then change the old cartridge."
OTHER = "Open the window, and let the warm wind blow through."


@pytest.fixture(scope="module")
def speech():
    return said(TEXT)


@pytest.fixture(scope="module")
def heard(speech):
    return align_words(speech[0], words_of(TEXT))


def test_words_begin_where_espeak_says_them(speech, heard):
    found = [each for each in heard if each.word]
    assert [each.word for each in found] == [*words_of(TEXT)]
    errors = [abs(each.start_s - true.start_s) for each, true in zip(found, speech[1].words, strict=True)]
    assert np.median(errors) < 0.03 and max(errors) < 0.12


def test_phones_fill_the_audio_with_arpabet_source_and_score(speech, heard):
    phones = [phone for each in heard for phone in each.phones]
    assert phones[0].start_s == 0 and phones[-1].end_s == pytest.approx(len(speech[0]) / 16000, abs=0.02)
    assert all(left.end_s == right.start_s for left, right in pairwise(phones))
    assert {phone.phone for phone in phones} <= PHONES | {"SIL"}
    assert {phone.source for phone in phones} == {"pocketsphinx-align"}
    assert all(-60 < phone.score <= 0 for phone in phones)


def test_the_same_audio_gives_the_same_phones_whatever_came_before(speech, heard):
    recognised = recognise(speech[0])
    quiet = (said(OTHER)[0] * 0.1).astype(np.int16)
    align_words(quiet, words_of(OTHER))
    recognise(quiet)
    assert align_words(speech[0], words_of(TEXT)) == heard
    assert recognise(speech[0]) == recognised


def test_a_word_does_not_pass_for_a_sentence(speech):
    with pytest.raises(SourceRefused, match=r"4 phones for \d\.\d s of speech, fewer than 3 a second"):
        phones_in(speech[0], "hello", "transcript")
    phones_in(speech[0], "Charge the battery for just an hour", "transcript")


def test_a_transcript_of_another_clip_is_refused_or_scores_less(speech, heard):
    with pytest.raises(SourceRefused, match=NO_FIT):
        align_words(speech[0], words_of(OTHER))
    assert mean_score(heard) > sphinx.FITS


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(48000, np.int16),
        np.random.default_rng(0).normal(0, 1000, 48000).astype(np.int16),
        (8000 * np.sin(np.arange(48000) / 10)).astype(np.int16),
    ],
    ids=["silence", "noise", "tone"],
)
def test_no_speech_gives_a_reason_and_no_times(samples):
    with pytest.raises(SourceRefused, match=NO_FIT):
        align_words(samples, words_of(OTHER))


def test_without_espeak_the_words_that_nobody_knows_are_named(speech, monkeypatch):
    for module in (pronounce, sphinx):
        monkeypatch.setattr(module, "there", lambda name: False)
    with pytest.raises(SourceRefused) as refused:
        align_words(speech[0], words_of("Das Wetter 3719 regnerisch"))
    assert refused.value.reason == "words without a pronunciation"
    assert "'3719', 'regnerisch'" in refused.value.detail and "[synthetic]" in refused.value.detail


def test_espeak_pronounces_what_the_dictionary_lacks_and_the_source_says_so():
    text = "The gloobery wall has 7 doors."
    samples, _ = said(text)
    heard = align_words(samples, words_of(text))
    by_word = {each.word: each for each in heard}
    assert {phone.source for phone in by_word["gloobery"].phones} == {"pocketsphinx-align+espeak"}
    assert {phone.source for phone in by_word["wall"].phones} == {"pocketsphinx-align"}
    assert [phone.phone for phone in by_word["7"].phones] == ["S", "EH", "V", "AH", "N"]


def test_words_learned_from_an_earlier_text_are_no_english():
    """Else a text would be refused by one worker and aligned by another that heard other texts before."""
    german = words_of(
        "Regnerisches Wetter zwingt vierzehn Kraftfahrer zum Umkehren, schreibt Bertha Zwiebel."
    )
    with pytest.raises(SourceRefused, match="words are not English") as fresh:
        sphinx.learn(german)
    for word in german:
        sphinx.learn((word,))
    with pytest.raises(SourceRefused) as again:
        sphinx.learn(german)
    assert str(again.value) == str(fresh.value)


@pytest.mark.parametrize("text", ["", "  \n", "[music] ... !"])
def test_an_empty_transcript_is_a_reason(speech, text):
    with pytest.raises(SourceRefused, match="no transcript"):
        align_words(speech[0], words_of(text))


def test_long_speech_is_cut_in_pauses():
    words = [(str(i), i * 1.0, i * 1.0 + (0.7 if i % 3 == 2 else 1.0)) for i in range(40)]
    cut = list(pieces(words, 41.0))
    assert [word for *_, said in cut for word in said] == [word for word, *_ in words]
    assert cut[0][0] == 0 and cut[-1][1] == 41.0
    assert all(left[1] == right[0] for left, right in pairwise(cut))
    assert max(stop_s - start_s for start_s, stop_s, _ in cut) <= sphinx.PIECE_S + 1
    assert all(said[-1] == "39" or int(said[-1]) % 3 == 2 for *_, said in cut)


def test_recognised_phones_say_so(speech):
    phones = [phone for each in recognise(speech[0]) for phone in each.phones]
    assert {phone.source for phone in phones} == {"pocketsphinx-allphone"}
    assert {phone.phone for phone in phones} <= PHONES | {"SIL"} and len(phones) > 20
    assert all(left.end_s <= right.start_s + 1e-9 for left, right in pairwise(phones))


def test_sounddevice_is_not_imported():
    code = (
        "import sys; from speechlip.aligning.sphinx import library; library(); "
        "print('sounddevice' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_pocketsphinx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(ModelError, match="pip install pocketsphinx"):
        sphinx.library()


def test_nothing_of_it_needs_portaudio():
    """``sounddevice``, which pocketsphinx names, raises where PortAudio is missing."""
    code = (
        "import sys; sys.modules['sounddevice'] = None; import numpy as np\n"
        "from speechlip.aligning.sphinx import recognise; print(len(recognise(np.zeros(16000, np.int16))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
