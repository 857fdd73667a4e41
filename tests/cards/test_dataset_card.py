"""The card of prepared shards: every number is the manifest's or the ledger's, strings of files are text, and
a person's words stay.
"""

import io
import json
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from datasets import Features
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt
from PIL import Image
from tiny_dataset import edit_manifest, write_dataset

import speechlip.cards.dataset as dataset
from speechlip.cards.dataset import dataset_card, renew_card
from speechlip.cards.images import crop_image, distributions
from speechlip.cards.kept import BEGIN, END
from speechlip.cards.text import code, fenced, plain
from speechlip.commands.card import card as card_command
from speechlip.errors import ShardError
from speechlip.files.strict_json import as_json
from speechlip.preparing.options import PrepOptions
from speechlip.records import SyncVerdict
from speechlip.shards.leaks import shared_recordings
from speechlip.shards.ledger import LedgerRow, format_funnel, funnel, licences
from speechlip.shards.ledger_file import read_ledger
from speechlip.shards.read.shardset import read_manifest

EVIL = f"<script>x</script> | [a](http://b) ![c](d) `e` *f* _g_\n{BEGIN}\n---\n# heading\n```\n| h |"
SYNC = SyncVerdict(confidence=5.5, distance=7.0, offset_frames=-2)
ABOUT = {
    "title": "Talks",
    "licence": "CC-BY-4.0",
    "citation": "@misc{talks}",
    "access": "Ask Ada.",
    "homepage": "https://talks.example",
    "language": "en",
}


def row(speaker, split, lengths, licence="CC-BY-4.0", **more):
    kept_s = sum(lengths) / 25
    facts = {
        "stage": "",
        "reason": "",
        "detail": "",
        "sha256": speaker * 8,
        "bytes": 1,
        "corrected": (),
        "damage": {},
    }
    base = LedgerRow(
        f"{speaker}.mp4",
        speaker,
        split,
        "kept",
        len(lengths),
        kept_s + 1,
        kept_s,
        kept_s,
        0.0,
        {"no face": 1.0},
        **facts,
    )
    return replace(
        base,
        clip_frames=tuple(lengths),
        face_widths_px=tuple(100.0 + n for n in lengths),
        licence=licence,
        **more,
    )


ROWS = [
    row("anna", "train", (50, 40, 30)),
    row("ben", "train", (45, 35, 26)),
    row("chen", "train", (30, 28, 60)),
    row("dora", "validation", (40, 33)),
    row("emil", "validation", (38, 47)),
]
SKIPPED = LedgerRow(
    "f.mp4",
    "f",
    "train",
    "skipped",
    0,
    3.0,
    0.0,
    0.0,
    0.0,
    {"no audio stream": 3.0},
    "probe",
    "no audio stream",
    "",
    "",
    1,
    (),
    {},
)


def put(folder, rows, **about):
    """The ledger and the manifest's parts that follow from it."""
    (folder / "ledger.jsonl").write_text("".join(json.dumps(asdict(each)) + "\n" for each in rows))
    options = PrepOptions(detector="landmarker").as_dict()
    parts = {
        "about": ABOUT | about,
        "options": options,
        "versions": {"av": "17.1"},
        "funnel": as_json(funnel(rows)),
        "licences": as_json(licences(rows)),
    }
    edit_manifest(folder, lambda manifest: manifest.update(parts))
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return put(write_dataset(tmp_path_factory.mktemp("card") / "shards"), [*ROWS, SKIPPED])


@pytest.fixture
def folder(shards, tmp_path):
    return Path(shutil.copytree(shards, tmp_path / "shards"))


def data_of(folder):
    return DatasetCard.load(renew_card(folder)).data.to_dict()


def table(text, heading):
    """Rows of the first table below a heading, as lists of cells."""
    lines = text[text.index(f"## {heading}") :].splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("|---"))
    found = []
    for line in lines[first + 1 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def test_every_number_is_that_of_manifest_and_ledger(folder):
    text, manifest = renew_card(folder).read_text(), read_manifest(folder)
    assert table(text, "Splits") == [
        ["train", "9", "3", "0:13.8"],
        ["validation", "4", "2", "0:06.3"],
    ]  # 344 and 158 frames at 25 fps
    assert table(text, "Licence and consent") == [["CC-BY-4.0", "5", "13", "0:20.1"]]
    assert "13 clips, 0:20.1, of 5 videos." in text
    assert (
        format_funnel(manifest.funnel) in text
        and "− no face                                      0:05.0" in text
    )
    assert "Clip length: median 1.52 s, from 1.04 to 2.4 s, of 13." in text  # 38, 26 and 60 frames
    assert "Face width in the source: median 138 px, from 126 to 160 px, of 13." in text
    options = {name.strip("`"): value.strip("`") for name, value in table(text, "How it was made")}
    assert options.keys() == manifest.options.keys()
    assert (options["detector"], options["sync_correct"], options["shard_bytes"]) == (
        "landmarker",
        "no",
        "256000000",
    )
    assert "With av 17.1." in text and "@misc{talks}" in text and "Ask Ada. https://talks.example" in text


def test_the_yaml_is_what_the_hub_and_datasets_read(folder):
    data = data_of(folder)
    assert (data["license"], data["language"], data["size_categories"], data["pretty_name"]) == (
        "cc-by-4.0",
        ["en"],
        ["n<1K"],
        "Talks",
    )
    assert data["configs"][0]["data_files"][0] == {"split": "train", "path": "data/train-*.tar"}
    assert "biometric" in data["extra_gated_prompt"] and "checkbox" in data["extra_gated_fields"].values()
    features = Features._from_yaml_list(data["dataset_info"]["features"])
    assert set(features) == {"__key__", "__url__", "audio.flac", "json", "lips.jpg", "stft.npy"}
    assert features["json"]["start_s"].dtype == "float64"
    sizes = {split["name"]: split["num_bytes"] for split in data["dataset_info"]["splits"]}
    assert sizes["train"] == sum(path.stat().st_size for path in (folder / "data").glob("train-*"))


def test_the_loader_sees_shards_and_nothing_else(folder, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    renew_card(folder)
    loaded = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in loaded.items()} == {"train": 9, "validation": 4}
    assert "Ignoring" not in caplog.text


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        (["CC BY 4.0", "MIT"], {"license": ["cc-by-4.0", "mit"]}),
        (["CC-BY-4.0", "unknown"], {"license": "unknown"}),
        (["", "MIT"], {"license": "unknown"}),
        (["Ask Ada", "MIT"], {"license": "other", "license_name": "Ask Ada, MIT"}),
        (
            ["Ask Ada"] * 2,
            {"license": "other", "license_name": "Ask Ada", "license_link": "https://talks.example"},
        ),
        (
            [EVIL, EVIL],
            {
                "license": "other",
                "license_name": " ".join(EVIL.split()).replace("<!--", "<!- -"),
                "license_link": "http://b",
            },
        ),
    ],
)
def test_the_licence_is_that_of_all_kept_videos(folder, stated, wanted):
    put(
        folder,
        [replace(each, licence=stated[place % 2]) for place, each in enumerate(ROWS)] + [SKIPPED],
        licence="Ask Ada",
    )
    data = data_of(folder)
    assert {name: value for name, value in data.items() if name.startswith("license")} == wanted


def test_an_unknown_licence_is_said_first(folder):
    put(folder, [replace(ROWS[0], licence=" Unknown "), replace(ROWS[1], licence=""), *ROWS[2:]])
    assert "**The licence of 2 of 5 videos is unknown.**" in renew_card(folder).read_text()
    put(folder, ROWS)
    assert "is unknown" not in renew_card(folder).read_text()


def test_copies_in_two_splits_are_said(folder):
    copied = [*ROWS[:-1], replace(ROWS[-1], sha256=ROWS[0].sha256)]
    assert [[each.source for each in group] for group in shared_recordings(copied)] == [
        ["anna.mp4", "emil.mp4"]
    ]
    text = renew_card(put(folder, copied)).read_text()
    assert (
        "**1 recordings are in more than one split**" in text
        and "- `anna.mp4` (train), `emil.mp4` (validation)" in text
    )
    assert shared_recordings([*ROWS, replace(ROWS[1], source="again.mp4")]) == []


def test_sync_is_shown_where_it_was_measured(folder):
    judged = [
        replace(each, sync=(SYNC, replace(SYNC, refusal="out of sync", offset_frames=9))) for each in ROWS
    ]
    text = renew_card(put(folder, judged)).read_text()
    assert "Offset of kept tracks, as it came: median -2 frames, from -2 to -2 frames, of 5." in text
    assert sorted(path.name for path in (folder / "card").iterdir()) == [
        "clip-length.png", "crop.png", "face-width.png", "sync-confidence.png", "sync-offset.png"
    ]  # fmt: skip
    assert "how well in sync" not in renew_card(put(folder, ROWS)).read_text()
    assert not (folder / "card" / "sync-offset.png").exists(), "a picture of an earlier card is gone"


def test_pictures_show_the_counts_and_are_the_same_every_time(folder):
    renew_card(folder)
    before = {path: path.read_bytes() for path in (folder / "card").iterdir()}
    picture = Image.open(io.BytesIO(before[folder / "card" / "clip-length.png"])).convert("RGB")
    bar = sum(colour == (0x5F, 0x9D, 0xB3) for colour in picture.get_flattened_data())
    # 6 bins from 0.5 s: 0, 6, 4, 2, 1, 0 … of 592 px, the tallest 200 px high
    assert bar == pytest.approx(200 * (592 / 6) * (6 + 5 + 1 + 1) / 6, rel=0.06)
    renew_card(folder)
    assert before == {path: path.read_bytes() for path in (folder / "card").iterdir()}
    assert crop_image("lips") != crop_image("lower-face")
    assert {each.name: len(each.values) for each in distributions(ROWS)} == {
        "clip-length": 13,
        "face-width": 13,
    }


def test_strings_of_files_are_text(folder):
    evil = [replace(each, licence=EVIL, source=EVIL + each.source, sha256="same") for each in ROWS]
    put(folder, evil, title=EVIL, access=EVIL, citation=EVIL, homepage=EVIL, language=EVIL)
    text = renew_card(folder).read_text()
    header, body = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL).groups()
    assert yaml.safe_load(header)["license"] == "other"
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    assert "<script>" not in page and "<em>" not in page and "<a " not in page and page.count("<img") == 3
    assert body.count(f"\n{BEGIN}\n") == 1 and page.count("<h1>") == 1 and page.count("<pre>") == 5
    assert renew_card(folder).read_text() == text


def test_it_keeps_what_a_person_added_and_renews_the_rest(folder):
    path = renew_card(folder)
    first = path.read_text()
    path.write_text(first.replace(END, f"Filmed in a kitchen.\n{END}").replace("13 clips", "a million clips"))
    text = renew_card(folder).read_text()
    assert text == first.replace(END, f"Filmed in a kitchen.\n{END}")


def test_drawn_faces_need_no_consent(folder):
    edit_manifest(folder, lambda manifest: manifest["options"].update(recipe="synthetic"))
    assert "extra_gated_prompt" not in data_of(folder)
    text = (folder / "README.md").read_text()
    assert "nobody's consent is needed" in text and "biometric" not in text


def test_a_folder_where_nothing_was_kept_has_a_card(folder):
    put(folder, [SKIPPED])
    edit_manifest(folder, lambda manifest: manifest.update(splits={}, shards=[], fields=[], pairs={}))
    text = renew_card(folder).read_text()
    assert (
        "no clip was kept" in text
        and "Nothing was kept" in text
        and DatasetCard(text).data.license == "unknown"
    )


def test_the_command_makes_it_and_says_what_stops_it(folder, tmp_path):
    run = CliRunner().invoke
    (folder / "card").mkdir()
    done = run(card_command, [str(folder)])
    assert (
        done.exit_code == 0
        and done.output.strip() == str(folder / "README.md")
        and (folder / "croissant.json").is_file()
    )
    (folder / "README.md").write_text(f"{BEGIN}\n")
    done = run(card_command, [str(folder)])
    assert done.exit_code == 1 and "marks do not come in pairs" in done.output
    assert run(card_command, [str(tmp_path / "none")]).exit_code == 1
    assert "manifest.json" in run(card_command, [str(tmp_path)]).output
    edit_manifest(folder, lambda manifest: manifest.pop("funnel"))
    with pytest.raises(ShardError, match="lack or garble 'funnel'"):
        renew_card(folder)
    (folder / "ledger.jsonl").write_text("{}\n")
    with pytest.raises(ShardError, match=r"ledger.jsonl cannot be read"):
        read_ledger(folder)


def test_text_cannot_leave_its_place():
    assert (
        plain("1. a") == "1\\. a"
        and plain("- a") == "\\- a"
        and plain("# a") == "\\# a"
        and plain(-1.5) == "-1.5"
        and plain("a_b") == "a_b"
    )
    assert code("a``b") == "``` a``b ```"
    assert fenced("a\n````\nb").startswith("`````\n") and BEGIN not in fenced(BEGIN)


def test_a_card_is_of_manifest_and_ledger_alone(folder):
    manifest = read_manifest(folder)
    assert dataset_card(manifest, read_ledger(folder)) == renew_card(folder).read_text()
    assert dataset.shown_option({"a": 0.5}) == "a=0.5"


def test_the_card_says_where_nothing_lay(folder):
    """A recipe, or a sync model of another package, may have named places of this machine."""
    put(folder, ROWS, access="Ask Ada; originals in /srv/secret/talks/raw.")
    edit_manifest(
        folder, lambda manifest: manifest["options"].update(sync_model="ours:/home/ann/runs/7 0123")
    )
    renew_card(folder)
    text = (folder / "README.md").read_text()
    assert (
        not any(place in text for place in ("/srv", "/home", "secret"))
        and "ours:7 0123" in text
        and "https://talks.example" in text
    )
