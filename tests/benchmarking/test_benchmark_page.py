"""benchmark.html: what is in the file, and what headless Chromium makes of it."""

import html
import json
import re
from dataclasses import replace

import pytest
from made_benchmark import HOSTILE, ROWS, made_benchmark

from speechlip.benchmarking.records import CONTROL, JSON_NAME
from speechlip.benchmarking.report import phone_map
from speechlip.benchmarking.report.page import HTML_NAME, write_report
from speechlip.benchmarking.row_records import Ambiguity, Score
from speechlip.errors import ShardError, WriteError

LOOK = """
const texts = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent);
const rows = () => [...document.querySelectorAll("[data-row]")];
const count = (selector) => document.querySelectorAll(selector).length;
const seen = () => ({ rows: rows().map((row) => row.dataset.row), glance: texts("#glance tbody th"),
  values: rows().map((row) => row.children[1].firstChild.textContent),
  missing: count("#table .missing"), title: document.title, text: document.body.innerText,
  curves: texts("#curves figcaption"), wide: document.documentElement.scrollWidth,
  scripts: document.scripts.length, images: document.images.length, maps: count("#maps .letter"),
  choices: texts("#maps option"), picked: [count(".t circle"), count(".d path")], voids: texts(".void"),
  heat: texts("#heats title"), lit: count(".lit"), words: texts("#ambiguity .words"),
  bars: document.querySelectorAll("#glance svg").length,
  legend: texts("#legend button"), published: texts("#published td"), reasons: texts("#reasons li"),
  heads: texts("#table thead th"), difference: texts("#table td:nth-child(3)") });
const states = [];
const look = () => states.push(seen());
const finish = () => {
  const place = document.createElement("pre");
  place.id = "states";
  place.textContent = JSON.stringify(states);
  document.body.append(place);
};
"""


def looked(browser, folder, script="look(); finish();"):
    """What ``seen()`` found each time that ``script`` looked. Any word on the console fails the test."""
    text = (folder / HTML_NAME).read_text(encoding="utf-8")
    path = folder / "looked.html"
    path.write_text(text.replace("</body>", f"<script>{LOOK}{script}</script></body>"), encoding="utf-8")
    page = browser.open(path)
    assert not page.console
    return json.loads(html.unescape(re.search(r'<pre id="states">(.*?)</pre>', page.html, re.DOTALL)[1]))


@pytest.fixture(scope="module")
def quick_maps():
    """Maps without t-SNE, which has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phone_map, "_tsne", lambda points: points[:, :2])
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory, quick_maps):
    """Folder and records of twelve scored rows and a failed one, with their page."""
    folder = tmp_path_factory.mktemp("benchmark")
    benchmark = made_benchmark(folder, tokens=60)
    assert write_report(folder) == folder / HTML_NAME
    return folder, benchmark


def written(browser, folder, benchmark):
    (folder / JSON_NAME).write_text(benchmark.dump(), encoding="utf-8")
    write_report(folder)
    return looked(browser, folder)[0]


@pytest.fixture(scope="module")
def opened(browser, made):
    """The page as it opens; after a click on VA; after a second one; with other encoders on the map and the
    twins /p b m/ picked out.
    """
    return looked(
        browser,
        made[0],
        """
        const click = () => document.querySelector('#table thead a[href*="sort=va"]').click();
        const other = () => {
          const choose = document.querySelectorAll("#maps select")[1];
          choose.value = 0;
          choose.dispatchEvent(new Event("change", { bubbles: true }));
          [...document.querySelectorAll("#legend button")]
            .find((one) => one.textContent.includes("p b m")).click();
          look();
          finish();
        };
        const turns = [() => { look(); click(); }, () => { look(); other(); }];
        addEventListener("hashchange", () => turns.shift()());
        look();
        click();
        """,
    )


def test_best_row_comes_first_and_the_failed_one_last(opened, made):
    rows = [row for row in made[1].rows if row.status == "scored"]
    expected = [row.label for row in sorted(rows, key=lambda row: -row.scores["pair_auc"].value)]
    assert [name.replace("\\u202e", "\u202e") for name in opened[0]["rows"]] == [*expected, "whisper"]
    assert (
        len(opened[0]["glance"]) == 12 and opened[0]["bars"] == 12 * 4 - 1 + 4
    )  # shuffled has no VA; the last four are rulers
    assert "no weights of whisper:base here" in opened[0]["text"]


def test_sorting_by_va_moves_table_and_pictures(opened, made):
    va = {row.label: row.ambiguity.scores["va"].value for row in made[1].rows if row.ambiguity.scores}
    best = sorted(va, key=lambda label: -va[label])
    down, up = ([name for name in seen["rows"] if name in va] for seen in opened[1:3])
    assert [va[name] for name in down] == [va[name] for name in best] and [va[name] for name in up] == [
        va[name] for name in best[::-1]
    ]
    assert {*opened[1]["rows"][-2:]} == {*opened[2]["rows"][-2:]} == {"shuffled:log-mel", "whisper"}
    assert opened[0]["curves"] != opened[1]["curves"] and len(opened[1]["curves"]) == 12


def test_marks_of_role_mode_and_significance(opened, made):
    glance = opened[0]["glance"]
    assert sum("as trained" in name for name in glance) == 2
    assert sum("control" in name for name in glance) == sum(row.role == CONTROL for row in made[1].rows) == 5
    marks = dict(zip(opened[0]["rows"], opened[0]["difference"], strict=False))
    assert (
        marks["runs/se4lip (as trained)"] == "best"
        and " ns" in marks["hubert"]
        and " *−" in marks["wavlm"]
        and " ***" in marks["log-mel"]
    )


PLACES = {
    "hubert": "/home/ann/a/run",
    "hubert@9": "/home/ann/b/run",
    "wavlm": "features:/srv/secret/own features",
}


def at_places(folder, **options):
    """A benchmark of encoders that lie somewhere on this machine."""
    made = made_benchmark(folder, tokens=3, **options)
    rows = tuple(
        replace(
            row,
            name=PLACES.get(row.name, row.name),
            label=PLACES.get(row.label, row.label),
            note="see /srv/secret/note.txt",
        )
        for row in made.rows
    )
    command = (
        "score-encoder /home/ann/shards --encoder features:/srv/secret/x --encoder=../run -o ~/benchmark"
    )
    return replace(made, rows=rows, command=command, notes=("/home/ann/shards/a.tar: no landmarks",))


def test_the_page_says_where_nothing_lay(browser, tmp_path, quick_maps):
    """A page that can be sent: runs of one name are told apart by as much of their places as that takes."""
    seen = written(browser, tmp_path, at_places(tmp_path))
    text = (tmp_path / HTML_NAME).read_text()
    assert not any(place in text for place in ("/home", "/srv", "secret", "../run", "~/"))
    assert {"a/run", "b/run"} <= set(
        seen["rows"]
    ) and "score-encoder shards --encoder features:x --encoder=run -o benchmark" in seen["text"]
    assert "a.tar: no landmarks" in seen["text"] and "note.txt" in "".join(seen["reasons"])
    assert "/home/ann/a/run" in (tmp_path / JSON_NAME).read_text(), "the file beside it keeps them"


def test_too_few_clips_have_no_marks_and_no_best_has_no_column(browser, tmp_path, quick_maps):
    """null < 0.001 in a browser: a missing p would have had three stars."""
    made = made_benchmark(tmp_path, tokens=3)
    rows = [
        replace(row, differences={name: replace(one, p=None) for name, one in row.differences.items()})
        for row in made.rows
    ]
    seen = written(browser, tmp_path, replace(made, rows=tuple(rows)))
    assert "best" in seen["difference"] and not any(
        "*" in cell or "ns" in cell for cell in seen["difference"]
    )
    none = [replace(row, is_best=False, differences={}) for row in rows]
    text = written(browser, tmp_path, replace(made, rows=tuple(none)))["text"]
    assert "Δ to best" not in text


def test_a_column_that_no_row_has_is_folded_and_named(browser, tmp_path, quick_maps):
    made = made_benchmark(tmp_path, tokens=3)
    gone = {
        name: Score(None, reason="no clip is long enough") for name in ("offset_exact", "offset_within_one")
    }
    seen = written(
        browser,
        tmp_path,
        replace(
            made,
            rows=tuple(replace(row, scores=row.scores | gone) if row.scores else row for row in made.rows),
        ),
    )
    heads = seen["heads"]
    assert "offset exact" not in " ".join(heads) and any("R@1" in head for head in heads)
    assert any(
        "offset exact; offset ±1: no clip is long enough (every row)" in line for line in seen["reasons"]
    )


def test_hostile_names_are_text(opened):
    first = opened[0]
    assert first["title"] == "Speech encoders for lips" and first["scripts"] == 3 and first["images"] == 0
    assert "drawn <b>heads</b>" in first["text"] and "${1+1}" in first["text"] and "{{data}}" in first["text"]
    assert "\u202e" not in first["text"] and "\\u202e" in first["text"]


def test_missing_numbers_say_why(opened):
    first = opened[0]
    assert any(
        "pair AUC, speaker; EER, speaker; AP, speaker: the split has one speaker only (every row)" in line
        for line in first["reasons"]
    )
    assert "not shown: pair AUC, speaker: the split has one speaker only" in first["text"]
    assert "speech of another clip has no phones of this one" in first["words"][0] + first["words"][1]
    assert "3 of 48 clips are too short" in first["text"] and first["missing"] == 1


def test_maps_compare_the_most_and_the_least_parted_encoder(opened, made):
    first, last = opened[0], opened[-1]
    apart = {
        row.label: row.ambiguity.pairs["T/D"]
        for row in made[1].rows
        if row.role != CONTROL and row.ambiguity.pairs
    }
    shown = re.findall(r"R of /t/ and /d/: (\d\.\d\d)", first["text"])
    assert shown == [f"{max(apart.values()):.2f}", f"{min(apart.values()):.2f}"]
    assert first["picked"] == [120, 120]  # 60 tokens of each in each of two maps
    assert len(first["choices"]) == 2 * 11 and len(first["legend"]) == 17 and first["maps"] > 20
    assert len(first["heat"]) == 2 * 20 * 19 and any(line.startswith("t / d: 0.") for line in first["heat"])
    assert first["lit"] == 0 and last["lit"] == 2 and last["heat"] != first["heat"]


def test_published_rows_stand_apart_and_nothing_is_wider_than_a_laptop(opened):
    first = opened[0]
    assert {"32.2301", "10.200", "32.2302"} <= {*first["published"]} and "6.5291" not in first[
        "published"
    ]  # tables 3 and 6, not 4
    assert not {"32.2301", "deepspeech"} & {*first["values"], *first["rows"]}
    assert first["wide"] <= 1280


def test_runs_with_little_in_them_are_drawn_too(browser, tmp_path, quick_maps):
    made = made_benchmark(tmp_path, rows=ROWS[3:4], tokens=6)
    hubert, whisper = made.rows
    bare = replace(
        hubert,
        label="no phones",
        seeds=(),
        ambiguity=Ambiguity(reason="no phones in these shards"),
        cost=None,
        scores={},
    )
    unreadable = replace(hubert, ambiguity=replace(hubert.ambiguity, tokens_file="tokens/gone.npz"))
    seen = written(browser, tmp_path, replace(made, rows=(unreadable, bare, whisper)))
    assert len(seen["voids"]) == 1 and "gone.npz with the tokens cannot be read" in seen["voids"][0]
    assert "no phones in these shards" in seen["words"] and seen["rows"] == ["hubert", "no phones", "whisper"]
    seen = written(browser, tmp_path, replace(made, rows=(whisper,)))
    assert (
        "No row has these numbers." in seen["text"]
        and "No clip is long enough for every shift." in seen["text"]
    )


def test_benchmark_page_in_light_and_dark(browser, made):
    light, dark = (browser.open(made[0] / HTML_NAME, dark=dark) for dark in (False, True))
    assert light.corner > 240 and dark.corner < 40


def test_the_page_carries_all_it_needs_and_is_small(made):
    folder, benchmark = made
    text = (folder / HTML_NAME).read_text(encoding="utf-8")
    assert len(text) < 2_000_000
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)|url\(|@import|fetch\(|XMLHttp""", text)
    assert "default-src 'none'" in text and len(re.findall(r"</script", text, re.IGNORECASE)) == 2
    inside = json.loads(text.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert [row["label"] for row in inside["rows"]] == [row.label for row in benchmark.rows] and HOSTILE in [
        row["name"] for row in inside["rows"]
    ]
    assert len(inside["maps"]) == 11 and all(len(found["x"]) == 1000 for found in inside["maps"].values())
    recall = {column["name"]: column["chance"] for column in inside["columns"]}
    assert recall["r1_lips_to_speech"] == 1 / 512 and recall["r5_speech_to_lips"] == 5 / 512
    curve, shown = benchmark.rows[0].seeds[0].curve, inside["rows"][0]["curves"][0]
    assert shown[15] == pytest.approx(curve[15] / sorted(curve)[15], abs=1e-4) and sorted(shown)[15] == 1


def test_a_page_without_its_numbers_is_refused(tmp_path, quick_maps):
    with pytest.raises(ShardError, match=r"benchmark.json cannot be read .*; run score-encoder again"):
        write_report(tmp_path)
    made_benchmark(tmp_path, rows=ROWS[:1], tokens=4)
    (tmp_path / HTML_NAME).mkdir()
    with pytest.raises(WriteError, match="cannot write"):
        write_report(tmp_path)
