"""inspect-shards at the command line: which clips, the montage, errors and exit codes, and what the server
answers.
"""

import http.client
import http.server
import io
import json
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tiny_dataset import edit_manifest, read_tar, rewrite, write_dataset

from speechlip.commands.cli import inspect_shards
from speechlip.errors import OptionError, ShardError
from speechlip.gallery.clips import gallery_clips
from speechlip.gallery.images import CELL, COLUMNS, coloured, levels, sheet
from speechlip.gallery.montage import MOUTHS, ROW_HEIGHT
from speechlip.gallery.pairs import gallery_pairs
from speechlip.gallery.serve import page_server
from speechlip.gallery.summary import of_all, stored_metas, summary
from speechlip.shards.read.shardset import open_shards, open_splits


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("gallery") / "shards", lips_format="png")


def run(*arguments):
    return CliRunner().invoke(inspect_shards, [str(argument) for argument in arguments])


def keys_of(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [json.loads(part.partition("</script>")[0])["key"] for part in text.split('class="clip">')[1:]]


@pytest.fixture(scope="module")
def made(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    done = run(shards, "-o", out / "deep" / "gallery", "--montage", out / "pictures" / "wall.png")
    return done, out


def test_page_and_montage_are_written_and_named(made):
    done, out = made
    assert done.exit_code == 0, done.output
    assert (
        done.output.startswith(f"13 clips in {out / 'deep' / 'gallery' / 'index.html'}")
        and "wall.png" in done.output
    )
    assert len(set(keys_of(out / "deep" / "gallery" / "index.html"))) == 13


def test_the_montage_shows_the_shards_own_pixels(made, shards):
    """Eight rows of twelve mouths, five speakers before any second clip; the first row is the first clip of
    the first shard.
    """
    picture = np.asarray(Image.open(made[1] / "pictures" / "wall.png"))
    assert picture.shape == (8 * ROW_HEIGHT + 7 * 8, MOUTHS * 96, 3) == (1208, 1152, 3)
    key, members = next(iter(read_tar(shards / "data" / "train-00000-of-00002.tar").items()))
    strip = np.asarray(Image.open(io.BytesIO(members["lips.png"]))).reshape(-1, 96, 96, 3)
    for place in range(12):
        assert (
            picture[:96, 96 * place : 96 * place + 96] == strip[int((place + 0.5) / 12 * len(strip))]
        ).all(), (key, place)
    assert (picture[144:152] == 255).all()


def test_the_montage_prefers_new_speakers(made, shards):
    picture = np.asarray(Image.open(made[1] / "pictures" / "wall.png"))
    first = {}
    for path in sorted((shards / "data").glob("*.tar")):
        for members in read_tar(path).values():
            meta = json.loads(members["json"])
            first.setdefault(
                meta["speaker"],
                np.asarray(Image.open(io.BytesIO(members["lips.png"])))[: 96 * meta["n_frames"]],
            )
    shown = [picture[152 * row : 152 * row + 96, :96] for row in range(5)]
    starts = [strip.reshape(-1, 96, 96, 3)[len(strip) // 96 // 24] for strip in first.values()]
    assert len(first) == 5 and all(any((mouth == start).all() for mouth in shown) for start in starts)


def test_clips_come_from_all_shards_in_turn(shards):
    splits = open_splits(str(shards))
    shown = list(gallery_clips(splits, 4))
    urls = {clip.sample.key: clip.split for clip in shown}
    assert len(shown) == 4 and sorted(urls.values()) == ["train", "train", "validation", "validation"]
    assert [len(list(gallery_clips(splits, n))) for n in (1, 3, 6, 100)] == [1, 3, 6, 13]


def test_neighbours_in_a_shard_are_passed_over(tmp_path):
    folder = write_dataset(
        tmp_path / "one", {"train": {"anna": (12,) * 8, "ben": (12,) * 4}}, shards=1, lips_format="png"
    )
    assert [clip.sample.key for clip in gallery_clips(open_splits(str(folder)), 3)] == [
        "anna-0",
        "anna-4",
        "ben-0",
    ]


def test_split_and_speaker_choose(shards, tmp_path):
    assert run(shards, "-o", tmp_path, "--split", "validation", "--speaker", "emil", "--quiet").output == ""
    assert set(keys_of(tmp_path / "index.html")) == {"emil-0", "emil-1"}
    assert run(shards, "-o", tmp_path, "--speaker", "ben", "-n", "2").exit_code == 0
    assert len(keys_of(tmp_path / "index.html")) == 2 and all(
        key.startswith("ben") for key in keys_of(tmp_path / "index.html")
    )


def test_one_tar_is_a_gallery_too(shards, tmp_path):
    done = run(shards / "data" / "train-00001-of-00002.tar", "-o", tmp_path, "-n", "3")
    assert done.exit_code == 0 and len(keys_of(tmp_path / "index.html")) == 3


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["{tmp}/nowhere"], "there is no folder"),
        (["{tmp}"], "has no manifest.json"),
        (["{shards}", "--split", "dev"], "no split 'dev' with shards"),
        (["{shards}", "--speaker", "<b>"], "no clip of the speaker '<b>'"),
        (["{shards}", "-n", "0"], "0 is not in the range"),
        (["{shards}", "-o", "{shards}/manifest.json"], "cannot write to"),
        (["{shards}", "--montage", "{tmp}/wall.jpg"], "must end in .png"),
        (["pipe:ls x.tar"], "would run a shell command"),
    ],
)
def test_errors_are_one_line_and_exit_code_1(shards, tmp_path, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)  # -o is left out
    done = run(*[argument.format(tmp=tmp_path, shards=shards) for argument in arguments], "--quiet")
    assert done.exit_code == 1 and words in done.output and "Traceback" not in done.output
    assert not [*tmp_path.rglob("index.html")]


def test_damaged_shards_are_named_and_leave_no_page(tmp_path):
    folder = write_dataset(
        tmp_path / "shards", {"train": {"anna": (12, 12), "ben": (12,)}}, shards=1, phones=True
    )
    rewrite(
        folder,
        "train-00000-of-00001.tar",
        lambda samples: {key: m | {"phones.json": b'[{"phone": "A"}]'} for key, m in samples.items()},
    )
    done = run(folder, "-o", tmp_path / "out", "--quiet")
    assert (
        done.exit_code == 1
        and "phones.json cannot be read" in done.output
        and not list((tmp_path / "out").iterdir())
    )
    rewrite(
        folder,
        "train-00000-of-00001.tar",
        lambda samples: {k: {n: d for n, d in m.items() if n != "audio.flac"} for k, m in samples.items()},
    )
    with pytest.raises(ShardError, match="has no audio"):
        list(gallery_clips(open_splits(str(folder)), 1))
    edit_manifest(folder, lambda manifest: manifest.update(shards=[]))
    with pytest.raises(ShardError, match="holds no clip"):
        open_splits(str(folder))


def test_summary_counts_every_clip_though_few_are_shown(shards):
    splits = open_splits(str(shards))
    told = summary(str(shards), splits, of_all(stored_metas(splits)))
    assert (
        told["clips"] == told["counted"] == 13
        and told["lengths"]["n"] == sum(told["lengths"]["counts"]) == 13
    )
    assert told["lengths"]["median"] == 1.52 and told["widths"] is None
    assert (
        told["speakers"]["first"][0] == ["anna", 4.8] and len(told["speakers"]["first"]) == 5
    )  # 50 + 40 + 30 frames


def test_speech_of_clips_that_are_not_shown_is_carried_along(shards):
    splits = (open_shards(shards, "validation"),)
    shown = list(gallery_clips(splits, 1))
    pairs = gallery_pairs(splits, {"validation": [clip.pair_clip for clip in shown]})
    absent = {
        (row.audio_key, row.audio_start_frame) for row in pairs.rows if row.audio_key != shown[0].sample.key
    }
    assert (
        absent
        and set(pairs.speech) == absent
        and {row.lips_key for row in pairs.rows} == {shown[0].sample.key}
    )


def test_sheet_puts_frame_i_into_row_and_column():
    lips = np.arange(45, dtype=np.uint8)[:, None, None, None] * np.ones((1, 96, 96, 3), np.uint8)
    pixels = sheet(lips)
    assert pixels.shape == (3 * CELL, COLUMNS * CELL, 3)
    assert [pixels[i // COLUMNS * CELL + 9, i % COLUMNS * CELL + 9, 0] for i in range(45)] == list(range(45))
    assert not pixels[2 * CELL :, 5 * CELL :].any()


def test_low_frequencies_lie_below():
    tone = np.zeros((20, 256), np.float32)
    tone[:, :32] = 1
    picture = coloured(levels(tone))
    assert picture.shape == (128, 20, 3) and picture[120:].mean() > 200 and picture[:100].mean() < 10


@pytest.fixture
def server(tmp_path):
    (tmp_path / "index.html").write_text("<p>the page")
    (tmp_path / "secret.txt").write_text("no")
    with page_server(tmp_path / "index.html", 0) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    "path, host, status",
    [
        ("/", None, 200),
        ("/index.html", "localhost:1", 200),
        ("/secret.txt", None, 404),
        ("/", "evil.example", 403),
    ],
)
def test_the_server_gives_the_page_to_this_machine_alone(server, path, host, status):
    assert server.server_address[0] == "127.0.0.1"
    connection = http.client.HTTPConnection(*server.server_address, timeout=5)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    assert answer.status == status and (answer.read() == b"<p>the page") == (status == 200)


def test_a_taken_port_is_said(server, tmp_path):
    with pytest.raises(OptionError, match=r"cannot be had .* give another --port"):
        page_server(tmp_path / "index.html", server.server_address[1])


def test_serve_prints_the_address_and_ctrl_c_ends_it(shards, tmp_path, monkeypatch):
    def interrupted(self, poll_interval=0.5):
        raise KeyboardInterrupt

    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", interrupted)
    monkeypatch.setattr("speechlip.commands.output.inspect_shards.show", lambda address: None)
    done = run(shards, "-n", "1", "-o", tmp_path, "--serve", "--port", "0")
    assert done.exit_code == 0 and "http://127.0.0.1:" in done.output and "Ctrl-C ends" in done.output


def test_a_folder_elsewhere_is_streamed(shards, tmp_path, monkeypatch):
    """Over HTTP: clips are read, the frozen pairs come along, and no shard is kept."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    handler = partial(QuietHandler, directory=str(shards))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        done = run(f"http://127.0.0.1:{elsewhere.server_address[1]}/", "-o", tmp_path / "out", "-n", "4")
        kept = run(
            f"http://127.0.0.1:{elsewhere.server_address[1]}/",
            "-o",
            tmp_path / "kept",
            "-n",
            "4",
            "--cache",
            tmp_path / "cache",
        )
        elsewhere.shutdown()
    assert done.exit_code == 0, done.output
    assert len(keys_of(tmp_path / "out" / "index.html")) == 4 and not list((tmp_path / "home").rglob("*.tar"))
    data = json.loads(
        (tmp_path / "out" / "index.html").read_text().split('id="data">')[1].partition("</script>")[0]
    )
    assert (
        data["frozen"] == ["validation"]
        and data["pairs"]
        and data["speech"] == []
        and (data["counted"], data["clips"]) == (4, 13)
    )
    assert kept.exit_code == 0 and len(list((tmp_path / "cache").rglob("*.tar"))) == 4


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
