"""The card of a trained encoder: made from a run's files, valid as YAML for the Hub, deaf to what strings
hold, and it keeps a person's words.
"""

import json
from dataclasses import asdict

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard

from speechlip.cards.kept import BEGIN, END
from speechlip.errors import ModelError, OptionError
from speechlip.training.options import TrainOptions
from speechlip.training.paper import unlike_paper
from speechlip.training.run.card import write_card
from speechlip.training.run.cosines import write_cosines

DATA = {
    "title": "Drawn talkers",
    "licence": "MIT",
    "access": "Anyone may draw them.",
    "clips": 12,
    "speakers": 3,
    "seconds": 3723.5,
}


@pytest.fixture
def run(tmp_path):
    """A run's folder as training leaves it, without the weights, which the card doesn't read."""
    folder = tmp_path / "talk"
    (folder / "step-00000040").mkdir(parents=True)
    options = TrainOptions.preset("fast", encoder="mel-cnn", augment="flip")
    facts = {
        "format": 1,
        "speechlip": "0.1.0",
        "step": 40,
        "options": asdict(options),
        "unlike_paper": unlike_paper(options),
        "rectified": False,
        "sha256": "ab" * 32,
        "shards": {"manifest_sha256": "cd" * 32, "digest": "0123456789abcdef"},
        "crop": "lips",
        "data": DATA,
    }
    (folder / "step-00000040" / "checkpoint.json").write_text(json.dumps(facts))
    write_cosines(folder, 40, np.array([0, 0, 1, 2]), np.array([0.9, 0.4, 0.5, 0.1]))
    return folder


def change(run, **facts):
    path = run / "step-00000040" / "checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def test_the_card_tells_what_the_files_hold(run):
    (run / "training.png").write_bytes(b"")
    text = write_card(run).read_text()
    for words in (
        "# talk\n",
        "`mel-cnn`",
        "for 40 steps of\n64 pairs with loss `nce`",
        "| all | 0.750 | 2 |",  # 0.9 beats both, 0.4 beats 0.1 alone
        "| `shift` | 0.500 | 1 |",
        "| `clip` | 1.000 | 1 |",
        "| batch_size | 64, the paper has 16 |",
        "| augment | flip, not stated |",
        "Drawn talkers: 12 clips of 3 speakers, 1:02:03.5 in the train split",
        "Licence of the videos: MIT. Anyone may draw them.",
        "cd" * 32,
        "0123456789abcdef",
        'load_run("talk")',
        "score-sync renders/ --sync-model",
        "](training.png)",
    ):
        assert words in text, words
    assert "speaker`" not in text


def test_the_hub_reads_its_yaml(run):
    data = ModelCard.load(write_card(run)).data.to_dict()
    assert (data["library_name"], data["license"]) == ("speechlip", "mit")
    assert "datasets" not in data and "lip-sync" in data["tags"]
    change(run, data=DATA | {"title": "someone/talks", "licence": "unknown"})
    data = ModelCard.load(write_card(run)).data.to_dict()
    assert (data["license"], data["datasets"]) == (
        "unknown",
        ["someone/talks"],
    ) and "license_name" not in data


def test_it_has_the_licence_of_every_video(run):
    change(
        run,
        data={name: DATA[name] for name in ("clips", "speakers", "seconds")}
        | {"licences": ["MIT", "CC-BY-4.0", "<b>"]},
    )
    path = write_card(run)
    assert "Licences of the videos: MIT, CC-BY-4.0, &lt;b&gt;." in path.read_text()
    assert ModelCard.load(path).data.to_dict()["license_name"] == "<b>, CC-BY-4.0, MIT"
    change(run, data=DATA | {"licences": ["MIT", "CC-BY-4.0"], "licence": "what a recipe said"})
    assert (
        ModelCard.load(write_card(run)).data.to_dict()["license"] == ["cc-by-4.0", "mit"]
        and "recipe said" not in path.read_text()
    )


def test_without_picture_and_pairs_it_says_so(run):
    (run / "cosines.csv").unlink()
    text = write_card(run).read_text()
    assert "It was not measured" in text and "training.png" not in text and "| all |" not in text


def test_it_keeps_what_a_person_added(run):
    path = write_card(run)
    first = path.read_text()
    path.write_text(first.replace(END, f"Ask Ada before use.\n{END}").replace("mel-cnn", "changed by hand"))
    change(run, step=80)
    text = write_card(run).read_text()
    assert (
        f"{BEGIN}\nAsk Ada before use.\n{END}" in text
        and "for 80 steps" in text
        and "changed by hand" not in text
    )


def test_strings_of_the_manifest_are_text(run):
    evil = f"<script>x</script>\n{BEGIN}\n| a | `b`\n---\nlicense: mit"
    change(run, data=DATA | {"title": evil, "licence": evil, "access": evil})
    text = write_card(run).read_text()
    _, header, body = text.split("---\n", 2)
    assert "<script>" not in body and body.count(BEGIN) == 1 and "| a |" not in body
    assert yaml.safe_load(header)["license"] == "other"
    assert write_card(run).read_text() == text


def test_what_stops_it_is_said(run):
    path = write_card(run)
    path.write_text(path.read_text().replace(END, ""))
    with pytest.raises(OptionError, match="marks do not come in pairs"):
        write_card(run)
    assert END not in path.read_text(), "the card that a person has to mend is left alone"
    path.unlink()
    change(run, data={})
    with pytest.raises(ModelError, match="lacks 'clips', which its card tells"):
        write_card(run)
    with pytest.raises(ModelError, match="holds no checkpoint"):
        write_card(run.parent)
