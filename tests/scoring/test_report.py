"""report.html: what is in the file, and what headless Chromium makes of it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from made_scores import HOSTILE, made_scores

from speechlip.errors import WriteError
from speechlip.scoring.opinions import Agreement
from speechlip.scoring.report.page import page, write_report
from speechlip.scoring.report.published import FILE, published_tables
from speechlip.scoring.scores import Scores
from speechlip.scoring.subgroups import Subgroup

VOID = {"meta", "link", "img", "br", "input"}


class Drawn(HTMLParser):
    """A page after its script: rows of the clips' table as lists of cells, cards, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict]] = []
        self.rows: list[list[str]] = []
        self.cards: list[str] = []
        self.text = self.title = ""
        self.scripts = 0
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.scripts += tag == "script"
        if tag == "tr" and "data-clip" in attributes:
            self.rows.append([])
        if tag in ("td", "th") and self.inside("tr", "data-clip"):
            self.rows[-1].append("")
        if tag == "article":
            self.cards.append("")
        if tag not in VOID:
            self.open.append((tag, attributes))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, said):
        inside = {tag for tag, _ in self.open}
        if "title" in inside and "svg" not in inside:
            self.title += said
        if inside & {"script", "style", "title"}:
            return
        self.text += said
        if self.inside("tr", "data-clip") and self.rows[-1]:
            self.rows[-1][-1] += said
        if self.cards and "article" in inside:
            self.cards[-1] += said

    def inside(self, tag, attribute):
        return any(name == tag and attribute in attributes for name, attributes in self.open)

    @property
    def clips(self):
        return [row[0] for row in self.rows]

    def numbers(self, column):
        return [float(row[column].replace("−", "-")) for row in self.rows if row[column] != "—"]


def drawn(browser, tmp_path, scores, address="", script=""):
    """The page as Chromium leaves it; ``script`` runs after the page's own. Any word on the console fails the
    test.
    """
    path = tmp_path / "report.html"
    path.write_text(
        page(Scores.from_dict(scores)).replace(
            "</body>", f"<script>{script}</script></body>" if script else "</body>"
        ),
        encoding="utf-8",
    )
    seen = browser.open(path, address)
    assert not seen.console
    return Drawn(seen.html)


@pytest.fixture(scope="module")
def scores():
    return made_scores([*HOSTILE, *(f"may/{number:02d}.mp4" for number in range(37))], frames=60)


@pytest.fixture(scope="module")
def seen(browser, tmp_path_factory, scores):
    """The page of ``scores`` as it opens."""
    return drawn(browser, tmp_path_factory.mktemp("page"), scores)


def test_worst_clips_come_first_and_missing_ones_last(seen, scores):
    lse_c = seen.numbers(1)
    assert len(seen.rows) == 45 and lse_c == sorted(lse_c) and len(lse_c) == 43
    assert set(seen.clips[-2:]) == {"no sound.mp4", "broken.mp4"}
    expected = sorted(
        (row for row in scores["rows"] if row["track"] != "1" and row["lse_c"] is not None),
        key=lambda row: row["lse_c"],
    )
    assert seen.clips[0] == shown(expected[0]["clip"])
    assert len(seen.cards) == 40 and seen.clips[0] in seen.cards[0]  # the others on demand


@pytest.mark.parametrize(
    "address, column, order",
    [("#sort=lmd&order=best", 6, sorted), ("#sort=lse_d", 2, lambda values: sorted(values, reverse=True))],
)
def test_sorted_by_address(browser, tmp_path, scores, address, column, order):
    numbers = drawn(browser, tmp_path, scores, address).numbers(column)
    assert len(numbers) > 40 and numbers == order(numbers)


def test_sorted_by_clicks_and_by_the_list(browser, tmp_path, scores):
    """Worst offset is the one farthest from 0, on either side; a second click turns the order round."""
    click = "document.querySelector('thead a[href*=\"sort=offset_frames\"]').click();"
    offsets = [abs(value) for value in drawn(browser, tmp_path, scores, script=click).numbers(3)]
    assert offsets == sorted(offsets, reverse=True) and len(set(offsets)) > 2
    twice = f"{click} addEventListener('hashchange', () => {{ {click} }}, {{ once: true }});"
    offsets = [abs(value) for value in drawn(browser, tmp_path, scores, script=twice).numbers(3)]
    assert offsets == sorted(offsets)
    choose = "by.value = 'ssim'; by.dispatchEvent(new Event('change'));"
    seen = drawn(browser, tmp_path, scores, script=choose)
    assert seen.numbers(9) == sorted(seen.numbers(9))


def test_hostile_names_are_text(seen):
    assert seen.title == "Lip-sync scores" and seen.scripts == 2
    assert {shown(name) for name in HOSTILE} <= set(seen.clips)
    assert "score-sync 'renders <of> today/' --reference gt/" in seen.text
    assert "\u202e" not in seen.text and "\\u202egnp.mp4" in seen.text


def test_groups_and_opinions_are_tables_and_their_names_text(browser, tmp_path):
    scores, hostile = made_scores(("a.mp4",)), HOSTILE[0]
    groups = [
        Subgroup(hostile, hostile, 2, "psnr", 30.0, None, None, 2, 31.5, True),
        Subgroup(hostile, "m", 2, "psnr", 33.0, None, None, 2, None),
    ]
    scores["subgroups"] = [*map(vars, groups)]
    scores["opinions"] = [vars(Agreement(hostile, "psnr", 9, 0.61, 0.2, 0.88, 0.45, None, None))]
    seen = drawn(browser, tmp_path, scores)
    assert seen.title == "Lip-sync scores" and f"By {hostile}" in seen.text
    assert "worst 30.00 · real 31.50" in seen.text and "0.20 … 0.88" in seen.text


def test_missing_numbers_say_why_and_tracks_are_told_apart(browser, tmp_path):
    seen = drawn(browser, tmp_path, made_scores(()))
    by_clip = dict(zip(seen.clips, seen.rows, strict=True))
    assert by_clip["no sound.mp4"][-1] == "partiallse: no sound"
    assert by_clip["broken.mp4"][-1] == "failednot a video file"
    card = {name: text for name in by_clip for text in seen.cards if name in text}
    assert "no curve: no sound" in card["no sound.mp4"] and "no LMD: not a video file" in card["broken.mp4"]
    assert "Distance by offset, 2 tracks" in card["two faces.mp4"]
    assert "lse missing: no sound (1), not a video file (1)" in seen.text


def test_an_undecided_offset_says_so_and_a_decided_one_does_not(browser, tmp_path):
    scores = made_scores(HOSTILE[:2])
    scores["rows"][0] |= {"offset_verdict": "undecided: confidence 0.011 is below 0.1"}
    scores["rows"][1] |= {"offset_verdict": "in sync"}
    seen = drawn(browser, tmp_path, scores)
    offsets = {row[0]: row[3] for row in seen.rows}
    assert offsets[HOSTILE[0]].endswith(" ?") and "?" not in offsets[HOSTILE[1]]
    assert "offset undecided (marked ?) in 1 of 3: not to be acted on" in seen.text
    assert sum("Offset: undecided: confidence 0.011 is below 0.1" in card for card in seen.cards) == 1


def test_a_reference_that_nobody_looked_at_is_not_one_without_a_face(browser, tmp_path):
    scores = made_scores(HOSTILE[:2])
    for clip, why in zip(
        scores["clips"], ("not looked at: LMD was not asked for", "no face found"), strict=False
    ):
        clip |= {"strip_reference": "", "reference_unseen": why}
    seen = drawn(browser, tmp_path, scores)
    assert sum("not looked at: LMD was not asked for" in card for card in seen.cards) == 1
    assert sum("no face found" in card for card in seen.cards) == 1


def test_a_column_that_no_clip_has_is_folded_and_named(browser, tmp_path):
    scores = made_scores(())
    assert all(row["ssim"] is None for row in scores["rows"] if row["track"] == "1") and any(
        row["ssim"] for row in scores["rows"]
    )
    for row in scores["rows"]:
        row |= {"lmd": None, "lmd_iod": None}
    scores["aggregates"]["lmd"] = scores["aggregates"]["lmd_iod"] = scores["aggregates"]["lmd"] | {
        "mean": None,
        "scored": 0,
    }
    seen = drawn(browser, tmp_path, scores)
    assert "Not shown, for no clip has it: LMD, LMD / eye distance" in seen.text
    assert len(seen.rows[0]) == 2 + 9, "LMD's two columns are gone"


def test_the_page_says_where_nothing_lay(tmp_path):
    """A page that can be sent: names of files, and no folder of the machine that made it."""
    scores = made_scores(HOSTILE[:1])
    scores |= {
        "command": "score-sync '/home/ann lee/renders' --reference=/srv/gt -o ../out "
        "--syncnet-weights ~/w/own.model"
    }
    scores["clips"][0] |= {
        "render": "/home/ann lee/renders/a b.mp4",
        "reference": "/srv/gt/a b.mov",
        "driving_audio": "/srv/wav/a.wav",
    }
    scores["clips"][0]["notes"] = [
        "psnr: /home/ann lee/renders/a b.mp4 and /srv/data/x.mov differ",
        "see https://host/a/b",
    ]
    scores["rows"][0]["reason"] = "lse: /srv/secret/place.mp4 is broken"
    scores["missing"]["lse"] = {"/srv/secret/place.mp4 is broken": 1}
    text = page(Scores.from_dict(scores))
    assert not any(place in text for place in ("/home", "ann lee", "/srv", "secret", "wav/", "../out"))
    assert "score-sync renders --reference=gt -o out --syncnet-weights own.model" in text
    assert all(
        name in text
        for name in (
            "a b.mov",
            "a.wav",
            "place.mp4 is broken",
            "https://host/a/b",
            "a b.mp4 and x.mov differ",
        )
    )


def test_a_page_rounds_as_the_terminal_does(browser, tmp_path):
    """0.8125 was 0.812 on the terminal, 0.813 on the page: between two digits Python takes the even one."""
    numbers = [
        0.8125,
        0.0625,
        -2.5,
        0.5,
        1.5,
        34.125,
        0.1875,
        1e-9,
        0.9995,
        123456.5,
        *np.random.default_rng(0).integers(0, 9999, 40) / 16,
    ]
    wanted = [[f"{value:.{count}f}" for count in range(6)] for value in numbers]
    given = json.dumps([float(value) for value in numbers])
    rounded = f"{given}.map((value) => [0, 1, 2, 3, 4, 5].map((n) => digits(value, n)))"
    script = f"document.body.prepend(JSON.stringify({rounded}))"
    seen = drawn(browser, tmp_path, made_scores(()), script=script)
    found = json.loads(re.search(r"\[\[.*?\]\]", seen.text)[0].replace("−", "-"))
    assert found == [
        [text.removeprefix("-") if not float(text) else text for text in texts] for texts in wanted
    ]


def test_an_interval_wider_than_the_clips_stays_in_its_picture(browser, tmp_path):
    """Of two clips Student's interval is thirteen times as wide as they lie apart."""
    scores = made_scores(())
    scores["aggregates"]["psnr"] |= {"ci_low": -400.0, "ci_high": 400.0}
    seen = browser.open(_written(tmp_path, scores))
    bands = re.findall(r'<rect x="([-\d.]+)" y="6" width="([-\d.]+)"[^>]*class="band"', seen.html)
    assert bands and all(float(x) >= 0 and float(x) + float(width) <= 270 for x, width in bands)


def _written(folder, scores):
    write_report(Scores.from_dict(scores), folder / "report.html")
    return folder / "report.html"


def test_published_rows_stand_apart(seen):
    assert "Published elsewhere other data" in seen.text
    assert all(printed in seen.text for printed in ("32.2301", "10.200", "0.0117", "8.0136"))
    assert seen.text.count("not from the paper") == 2


@pytest.mark.parametrize("change", ["no clips", "sync model", "phones", "one clip", "unknown weights"])
def test_other_runs_are_drawn_too(browser, tmp_path, change):
    scores = made_scores(HOSTILE[:1])
    if change == "no clips":
        scores |= {"rows": [], "clips": [], "aggregates": {}, "missing": {}, "sync_model": None}
    if change == "one clip":
        scores |= {"rows": scores["rows"][:1], "clips": scores["clips"][:1]}
    if change == "unknown weights":
        scores["sync_model"] |= {"official": False}
    if change == "sync model":
        scores["rows"] = [
            row | {"sync_model": "runs/small", "sync_confidence": row["lse_c"], "lse_c": None}
            for row in scores["rows"]
        ]
        scores["metrics"] = ["offset_frames", "lmd", "sync_confidence", "sync_ci_low"]
        scores["aggregates"]["sync_confidence"] = scores["aggregates"].pop("lse_c")
    if change == "phones":
        scores["sync_model"] |= {"name": "phones", "is_lse": False}
    seen = drawn(browser, tmp_path, scores)
    assert len(seen.rows) == len(scores["clips"])
    assert ("its highest point is the measured offset" in seen.text) == (change == "phones")
    assert ("Correlation by offset" in seen.text) == (change == "phones")
    assert ("unknown weights" in seen.text) == (change == "unknown weights")
    assert ("sync confidence" in seen.text) == (change == "sync model") and (
        "LSE" in seen.text.split("Published")[0]
    ) == (change in ("phones", "one clip", "unknown weights"))


def test_light_and_dark(browser, tmp_path):
    write_report(Scores.from_dict(made_scores(())), path := tmp_path / "report.html")
    light, dark = (browser.open(path, dark=dark) for dark in (False, True))
    assert light.corner > 240 and dark.corner < 40


def test_nothing_is_wider_than_a_laptop(browser, tmp_path, scores):
    script = "document.body.prepend(`wide ${document.documentElement.scrollWidth}`)"
    path = tmp_path / "report.html"
    path.write_text(
        page(Scores.from_dict(scores)).replace("</body>", f"<script>{script}</script></body>"),
        encoding="utf-8",
    )
    assert int(re.search(r"wide (\d+)", browser.open(path).html)[1]) <= 1280


def test_the_file_carries_all_it_needs(tmp_path):
    write_report(Scores.from_dict(made_scores()), path := tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)|url\(|@import|fetch\(|XMLHttp""", text)
    assert "default-src 'none'" in text
    assert (
        len(re.findall(r"</script", text, re.IGNORECASE)) == 2
    )  # whatever the names hold, the two script elements end where they should
    inside = text.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert "<" not in inside and [clip["clip"] for clip in json.loads(inside)["clips"]][
        : len(HOSTILE)
    ] == list(HOSTILE)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_filmstrip_is_base64_or_nothing():
    scores = made_scores(HOSTILE[:1])
    scores["clips"][0]["strip_render"] = '" onerror="alert(1)'
    assert "onerror" not in page(Scores.from_dict(scores)).split('id="data">')[1].split("</script>")[
        0
    ].replace("img src=x onerror", "")


def test_numbers_that_are_none_of_json_are_refused(tmp_path):
    scores = made_scores(())
    scores["rows"][0]["psnr"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_report(Scores.from_dict(scores), tmp_path / "report.html")
    with pytest.raises(WriteError, match="cannot write"):
        write_report(Scores.from_dict(made_scores(())), tmp_path / "no" / "folder" / "report.html")
    assert not list(tmp_path.iterdir())


def test_published_tables_hold_every_printed_number():
    """Counted by another way through the file: every number in it that is in a row."""
    printed = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    printed["speech2lip_tab1"].pop("large_extra_data")

    def numbers(node):
        if isinstance(node, dict | list):
            return [
                number
                for inner in (node.values() if isinstance(node, dict) else node)
                for number in numbers(inner)
            ]
        return [float(node)] if isinstance(node, int | float) else []

    tables = published_tables()
    assert sorted(numbers(printed)) == sorted(
        float(value) for table in tables for *_, values in table.rows for value in values if value
    )
    assert all(len(values) == len(table.columns) for table in tables for *_, values in table.rows)
    sync = next(table for table in tables if table.id == "speech2lip_tab1")
    assert ("testset_III_sync", "wav2lip", ("", "", "", "", "5.809")) in sync.rows
    second_hand = tables[-1]
    assert (
        second_hand.columns == ("LSE_C", "LSE_D")
        and ("3DGS", "pase", ("8.3487", "")) in second_hand.rows
        and second_hand.apart
    )


def shown(name):
    return name.replace("\u202e", "\\u202e")
