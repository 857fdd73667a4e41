"""--table: one's own rows above, the printed ones below, digit for digit, and nothing in between."""

from pathlib import Path

import pytest

from speechlip.errors import OptionError
from speechlip.rendering.paper_table import check_table, paper_table
from speechlip.rendering.records import FAILED, RenderRow, Renders

ROWS = (
    RenderRow("ground-truth", values={"psnr": 100.0, "lmd": 0.0}),
    RenderRow("mean-crop", values={"psnr": 23.1, "lmd": 1.7}),
    RenderRow("log-mel", "log-mel", values={"psnr": 24.044, "lmd": 1.1451, "lse_c": 3.5, "lse_d": 9.25}),
    RenderRow("log-mel-shuffled", "log-mel", True, values={"psnr": 22.0}),
    RenderRow("broken", "broken", status=FAILED, reason="no such kernel"),
)


def renders(audio=""):
    facts = (Path(), "may.mp4", "may.mp4", "se4lip", {"renderer": "pca"}, 500, 500, 50, (128, 128), ())
    return Renders(*facts, ROWS, audio=audio)


def test_own_and_printed_rows_are_two_blocks():
    above, below = paper_table(renders(), "3").split("\n\n")
    own = [line.split() for line in above.splitlines()[2:]]
    assert own == [
        ["ground-truth", "100.00", "-", "0.000", "-", "-"],
        ["log-mel", "24.04", "-", "1.145", "3.500", "9.250"],
        ["broken", "-", "-", "-", "-", "-"],
    ]
    assert "PSNR ↑" in above and "LSE-D ↓" in above and "renderer pca, mouth region" in above
    printed = below.splitlines()
    assert "printed in SE4Lip, table 3: other people, other renderers" in printed[0]
    assert "no ranking with the rows above" in printed[0]
    assert ["se4lip", "NeRF", "32.2301", "0.0399", "2.8725", "8.7098", "6.1255"] in [
        line.split() for line in printed
    ]
    assert len(printed) == 1 + 12


def test_table_4_is_of_other_speech():
    text = paper_table(renders("june.wav"), "4")
    assert text.startswith("may.mp4 to june.wav, renderer pca") and "audio_B" in text
    with pytest.raises(OptionError, match="table 4 is of other speech: give it with --audio"):
        check_table("4", False)
    with pytest.raises(OptionError, match="table 3 compares with the true video, and other audio has none"):
        check_table("3", True)
    check_table("6", False)
