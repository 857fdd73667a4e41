"""The page of inspect-shards in headless Chromium: what it shows, what filters leave, which time a click
means.
"""

import base64
import html
import io
import json
import re

import numpy as np
import pytest
from hostile import SPEAKERS, TRANSCRIPT, VALIDATION, hostile_shards
from PIL import Image
from tiny_dataset import read_tar

from speechlip.gallery.clips import gallery_clips
from speechlip.gallery.page import write_page
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.read.shardset import open_splits

CLICK = """
const card = cards[0], rim = card.track.getBoundingClientRect();
const times = [0, 0.25, 0.5, 2].map((share) => {
  card.track.dispatchEvent(new PointerEvent("pointerdown", { clientX: rim.left + share * rim.width }));
  return [card.time_s, card.clock.textContent, card.cursor.style.left];
});
card.seek(0.5);
for (const key of ["ArrowRight", "ArrowLeft", "ArrowLeft"]) {
  card.track.dispatchEvent(new KeyboardEvent("keydown", { key }));
  times.push([card.time_s, card.clock.textContent, card.cursor.style.left]);
}
"""
FILTERS = """
const left = () => cards.filter((card) => !card.element.hidden).map((card) => card.clip.key);
const set = (name, value, event = "change") => {
  byId(name).value = value;
  byId(name).dispatchEvent(new Event(event));
  return [left(), byId("count").textContent, location.hash];
};
const filters = { speaker: set("speaker", cards[2].clip.speaker) };
byId("all").click();
filters.all = left();
filters.split = set("split", "validation");
filters.both = set("from", "1.6", "input");
byId("all").click();
set("from", "1.6", "input");
filters.length = set("to", "2", "input");
byId("all").click();
filters.detector = set("detector", "<i>x</i>");
byId("all").click();
"""
PIXELS = """
await card.paint();
card.draw();
const film = card.film, tiles = Math.min(card.clip.frames, Math.round(card.track.clientWidth / TILE));
const row = film.getContext("2d").getImageData(0, Math.floor(0.375 * film.height), film.width, 1).data;
const left_of = (tile) => 4 * Math.floor((tile + 0.375) * film.width / tiles);
const square = (tile) => [...row.slice(left_of(tile), left_of(tile) + 3)];
const colours = Array.from({ length: tiles }, (_, tile) => square(tile));
const lanes = [film, card.spectrum, card.curve].map((lane) => lane.getBoundingClientRect().width);
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return hostile_shards(tmp_path_factory.mktemp("hostile") / "<b>shards & co")


@pytest.fixture(scope="module")
def page(shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    splits = open_splits(str(shards))
    assert write_page(path, str(shards), splits, gallery_clips(splits, 50)) == 8
    return path


@pytest.fixture(scope="module")
def seen(browser, page, tmp_path_factory):
    """(what the scripts above found, the page's HTML afterwards, words on the console)."""
    folder = tmp_path_factory.mktemp("seen")
    found = "{ times, filters, seen: { tiles, colours, lanes }, wide: document.documentElement.scrollWidth }"
    report = f"document.documentElement.dataset.found = JSON.stringify({found});"
    steps = f"{CLICK} {FILTERS} {PIXELS} {report}"
    script = f"addEventListener('load', () => setTimeout(async () => {{ {steps} }}, 200));"
    text = page.read_text(encoding="utf-8").replace("</body>", f"<script>{script}</script></body>")
    (folder / "index.html").write_text(text, encoding="utf-8")
    drawn = browser.open(folder / "index.html", size=(1280, 6000))
    found = re.search(r'data-found="([^"]*)"', drawn.html)
    assert found, drawn.console
    return json.loads(html.unescape(found[1])), drawn.html, drawn.console


def test_the_console_stays_silent_and_nothing_is_wider_than_a_laptop(seen):
    found, _, console = seen
    assert not console and found["wide"] <= 1280


def test_a_click_means_its_share_of_the_clip(seen):
    """The first clip has 50 frames, 2 s: a quarter of the width is 0.5 s, frame 12; far right is its end."""
    click = seen[0]["times"][:4]
    assert [time_s for time_s, *_ in click] == pytest.approx([0, 0.5, 1, 2])
    assert [words for _, words, _ in click] == [
        f"{time} of 2.00 s · frame {frame}"
        for time, frame in zip(("0.00", "0.50", "1.00", "2.00"), (0, 12, 25, 49), strict=True)
    ]
    assert [left for *_, left in click] == ["0%", "25%", "50%", "100%"]


def test_arrows_step_one_frame(seen):
    assert [words.rpartition(" ")[2] for _, words, _ in seen[0]["times"][4:]] == ["13", "12", "11"]


def test_lanes_share_one_time_axis_and_show_the_shards_mouths(seen, shards):
    """Each tile of the filmstrip shows the frame at its middle: compared with the shard, decoded by Pillow
    alone.
    """
    pixels = seen[0]["seen"]
    assert len(set(pixels["lanes"])) == 1
    sample = read_tar(shards / "data" / "train-00000-of-00002.tar")["train-s0-0"]
    strip = np.asarray(Image.open(io.BytesIO(sample["lips.png"]))).reshape(-1, 96, 96, 3).astype(int)
    middles = [int((tile + 0.5) * 50 / pixels["tiles"]) for tile in range(pixels["tiles"])]
    wanted = strip[middles, 36, 36]  # the middle of a square of the drawn texture
    distances = np.abs(np.array(pixels["colours"])[:, None] - wanted[None]).sum(-1)
    assert pixels["tiles"] == 20 and (distances.argmin(1) == np.arange(20)).mean() > 0.9


def test_filters_leave_what_fits(seen, shards):
    filters = seen[0]["filters"]
    metas = [
        json.loads(members["json"])
        for path in sorted((shards / "data").glob("*.tar"))
        for members in read_tar(path).values()
    ]
    lengths = {meta["key"]: meta["n_frames"] / 25 for meta in metas}
    assert set(filters["all"]) == set(lengths) and len(lengths) == 8
    third = next(meta["speaker"] for meta in metas if meta["key"] == filters["all"][2])
    assert set(filters["speaker"][0]) == {meta["key"] for meta in metas if meta["speaker"] == third}
    validation = {key for key in lengths if key.startswith("validation")}
    assert set(filters["split"][0]) == validation and filters["split"][1:] == [
        "3 of 8 clips",
        "#split=validation",
    ]
    assert (
        set(filters["both"][0]) == {key for key in validation if lengths[key] >= 1.6}
        and 0 < len(filters["both"][0]) < 3
    )
    assert set(filters["length"][0]) == {key for key, length_s in lengths.items() if 1.6 <= length_s <= 2}
    assert len(filters["detector"][0]) == 8


def test_hostile_names_and_texts_are_text(seen):
    _, drawn, _ = seen
    body = drawn.partition("<main>")[2]
    visible = re.sub(r'<script.*?</script>|(?<=<option )value=".*?"', "", body, flags=re.DOTALL)
    for name in (*SPEAKERS, *VALIDATION, TRANSCRIPT, "<u>AH</u>", "<i>x</i>"):
        assert html.escape(name.replace("\u202e", "\\u202e"), quote=False) in visible.replace(
            "&quot;", '"'
        ), name
    assert (
        "[object" not in visible
        and "\u202e" not in visible
        and not re.search(r"<(img src=x|u>|i>x|b>ö)", visible)
    )
    assert html.unescape(re.search(r"<title>(.*?)</title>", drawn)[1]) == "Clips of <b>shards & co"
    assert drawn.count("<script") == 8 + 3  # a clip each, the data, the page's own, this test's


def test_the_columns_of_all_clips_have_their_range(seen):
    """Every face is 120 px wide in the hostile shards."""
    row = re.search(r"<tr><th[^>]*><code>face_width_px</code>.*?</tr>", seen[1])[0]
    assert re.findall(r">([^<>]+)<", row) == [
        *("face_width_px", " ", "px", "8", "120", "120", "120"),
        "median width of the face box in the source",
    ]


def test_pairs_and_phones_are_drawn(seen, shards):
    _, drawn, _ = seen
    rows = [
        row
        for row in read_pairs(shards / "pairs" / "validation.parquet")
        if row.lips_key == "validation-s0-0"
    ]
    own = drawn.split('data-clip="validation-s0-0"', 1)[1].split("</article>")[0]
    for kind in ("positive", "shift", "clip", "speaker"):
        assert own.count(f'data-kind="{kind}"') == sum(row.kind == kind for row in rows)
    assert "Pairs of validation are the frozen ones" in drawn
    trained = drawn.split('data-clip="train-s0-0"', 1)[1].split("</article>")[0]
    assert trained.count('data-kind="positive"') == 4
    assert re.search(r"left: ?4%; ?width: ?6(%|\.0)", trained)  # M from 0.08 to 0.2 s of 2 s


def test_paper_has_the_filmstrip_of_every_clip(browser, page):
    """Printed from a window that shows none of the clips: each has its spectrogram, 128 px high, and a mouth
    for each tile of its filmstrip.
    """
    pdf = browser.open(page, size=(1280, 500), pdf=True).pdf
    pictures = re.findall(rb"/Subtype /Image\s*/Width (\d+)\s*/Height (\d+)", pdf)
    assert sum(height == b"128" and int(width) >= 130 for width, height in pictures) == 8
    assert pictures.count((b"72", b"72")) >= 8 * 10


WHERE = """
const place = byId(location.hash.slice(1));
const found = [place.getBoundingClientRect().top, location.hash];
document.documentElement.dataset.found = JSON.stringify(found);
"""


@pytest.mark.parametrize("place", ["#clip-train-s2-0", "#clip-validation-s0-1"])
def test_an_anchor_leads_to_its_clip(browser, page, tmp_path, place):
    script = f"addEventListener('load', () => setTimeout(() => {{ {WHERE} }}, 300));"
    text = page.read_text(encoding="utf-8").replace("</body>", f"<script>{script}</script></body>")
    (tmp_path / "index.html").write_text(text, encoding="utf-8")
    drawn = browser.open(tmp_path / "index.html", place, size=(1280, 500))
    assert not drawn.console and drawn.html.count(f'href="{place}"') == 2  # the wall's, and the clip's own
    top, anchor = json.loads(html.unescape(re.search(r'data-found="([^"]*)"', drawn.html)[1]))
    assert 0 <= top <= 250 and anchor == place


def test_the_file_carries_all_it_needs(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)|url\(|@import|fetch\(|XMLHttp""", text)
    assert "default-src 'none'" in text and [file.name for file in page.parent.iterdir()] == ["index.html"]


def test_sound_and_spectrogram_are_the_shards(page, shards):
    clips = {
        clip["key"]: clip
        for clip in map(json.loads, re.findall(r'class="clip">(.*?)</script>', page.read_text()))
    }
    sample = read_tar(shards / "data" / "train-00000-of-00002.tar")["train-s0-0"]
    clip = clips["train-s0-0"]
    assert base64.b64decode(clip["audio"]) == sample["audio.flac"]
    assert clip["phones"] == [[0.0, 0.08, "<u>AH</u>"], [0.08, 0.2, "M"]] and clip["speaker"] == "anna"
    magnitude = np.load(io.BytesIO(sample["stft.npy"])).astype(float)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(clip["spectrum"]))).convert("L")).astype(
        float
    )
    assert picture.shape == (128, 250)
    halves = magnitude[:, :256].reshape(250, 128, 2).mean(-1).T[::-1]
    alike = [
        np.corrcoef(np.roll(np.log(halves + 1e-6), moved, axis=1).ravel(), picture.ravel())[0, 1]
        for moved in (0, 5)
    ]
    assert alike[0] > 0.7 and abs(alike[1]) < 0.2
    points = np.load(io.BytesIO(sample["landmarks.npy"]))
    shown = np.frombuffer(base64.b64decode(clip["points"]), np.uint8).reshape(50, 20, 2) / 2
    assert np.abs(shown - points).max() <= 0.5
