"""TextGrids as people and aligners write them, and phones cut to clips."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from speechlip.errors import SourceRefused
from speechlip.phones import cut_phones, is_ours, read_align, read_phones, write_textgrid
from speechlip.records import Phone

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.5
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = "my"
    item [2]:
        class = "{tier_class}"
        name = "{tier}"
        xmin = 0
        xmax = 1.5
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = ""
        intervals [2]:
            xmin = 0.25
            xmax = 0.5
            text = "M"
        intervals [3]:
            xmin = 0.5
            xmax = 1.125
            text = "AY1"
        intervals [4]:
            xmin = 1.125
            xmax = 1.5
            text = "sp"
"""
SHORT = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n0.5\n<exists>\n1\n"IntervalTier"\n"phone"\n'
    '0\n0.5\n2\n0\n0.2\n"é"\n0.2\n0.5\n"T"\n'
)
SAID = tuple(
    Phone(start_s, end_s, label, "textgrid")
    for start_s, end_s, label in (
        (0.0, 0.25, "SIL"),
        (0.25, 0.5, "M"),
        (0.5, 1.125, "AY1"),
        (1.125, 1.5, "SIL"),
    )
)


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "it's a.b.TextGrid"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("tier", ["phones", "Phones", "phone", "phonemes", "Anna - phones"])
def test_reads_the_phone_tier_with_its_silences(tmp_path, tier):
    assert read_phones(written(tmp_path, LONG.format(tier=tier, tier_class="IntervalTier"))) == SAID


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_reads_praats_short_form_in_its_encodings(tmp_path, encoding):
    assert read_phones(written(tmp_path, SHORT, encoding)) == (
        Phone(0.0, 0.2, "é", "textgrid"),
        Phone(0.2, 0.5, "T", "textgrid"),
    )


def test_without_a_phone_tier_the_tiers_are_named(tmp_path):
    path = written(tmp_path, LONG.format(tier="syllables", tier_class="IntervalTier"))
    with pytest.raises(SourceRefused, match="words, syllables") as refused:
        read_phones(path)
    assert (refused.value.stage, refused.value.reason) == ("phones", "bad phone file")


@pytest.mark.parametrize(
    "text", ["", "not a grid", LONG[:400], LONG.format(tier="phones", tier_class="TextTier")]
)
def test_damaged_files_are_refused(tmp_path, text):
    with pytest.raises(SourceRefused, match=r"bad phone file.*it's a\.b\.TextGrid"):
        read_phones(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceRefused, match="bad phone file"):
        read_phones(tmp_path / "none.TextGrid")


def test_an_align_file_counts_25_khz_samples_1000_to_a_frame(tmp_path):
    """GRID's official example s1/bbaf2n: 75 frames at 25 fps; speech ends half a frame before them."""
    path = tmp_path / "bbaf2n.align"
    path.write_text("0 23750 sil\n23750 29500 bin\n29500 74500 sp\n")
    assert (
        read_phones(path)
        == read_align(path)
        == (
            Phone(0.0, 0.95, "SIL", "align"),
            Phone(0.95, 1.18, "bin", "align"),
            Phone(1.18, 2.98, "SIL", "align"),
        )
    )
    assert read_align(path)[-1].end_s * 25 == pytest.approx(74.5)


@pytest.mark.parametrize(
    "text",
    ["", "0 100\n", "0 1.5 b\n", "100 0 b\n", "0 200 b\n100 300 ih\n", "-5 10 b\n", "0 10 b n\n", "\0\1\2"],
)
def test_a_damaged_align_file_is_refused(tmp_path, text):
    (tmp_path / "x.align").write_text(text)
    with pytest.raises(SourceRefused, match=r"bad phone file.*x\.align must have"):
        read_phones(tmp_path / "x.align")


def test_cut_by_hand():
    assert cut_phones(SAID, 0.4, 0.6) == (
        Phone(0.0, 0.1, "M", "textgrid"),
        Phone(0.1, 0.2, "AY1", "textgrid"),
    )
    assert cut_phones(SAID, 0.25, 0.5) == (Phone(0.0, 0.25, "M", "textgrid"),)
    assert cut_phones(SAID, 2.0, 3.0) == ()


def test_pieces_of_a_cut_add_up():
    rng = np.random.default_rng(0)
    edges = np.concatenate([[0], np.sort(rng.uniform(0, 10, 60)), [10]])
    phones = tuple(Phone(a, b, str(i)) for i, (a, b) in enumerate(pairwise(edges)))
    cuts = np.arange(0, 251, 25) / 25
    pieces = [cut_phones(phones, a, b) for a, b in pairwise(cuts)]
    for piece in pieces:
        assert piece[0].start_s == 0 and piece[-1].end_s == 1
        assert all(left.end_s == right.start_s for left, right in pairwise(piece))
    for phone in phones:
        parts = [p.end_s - p.start_s for piece in pieces for p in piece if p.phone == phone.phone]
        assert sum(parts) == pytest.approx(phone.end_s - phone.start_s, abs=5e-6)


def test_what_we_write_is_read_with_its_sources_and_scores(tmp_path):
    phones = (
        Phone(0.0, 0.25, "SIL", "pocketsphinx-align"),
        Phone(0.25, 0.5, "M", "pocketsphinx-align", -2.13),
        Phone(0.5, 1.0, "AY", "pocketsphinx-align+espeak", -10.0),
    )
    path = tmp_path / "x.TextGrid"
    write_textgrid(path, phones, [Phone(0.25, 1.0, 'my "own"')], 1.0)
    assert read_phones(path) == phones and is_ours(path)
    assert not is_ours(written(tmp_path, LONG.format(tier="phones", tier_class="IntervalTier")))
