"""Every snippet of README and docs works: Python is run, commands and tables are read by their own parsers.

A snippet of Python that cannot be run here says so behind its fence: ``python not-run: asks the Hub``.
"""

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import tiny_dataset
from click.testing import CliRunner

from speechlip.commands.cli import prep_shards, speechlip
from speechlip.errors import ModelError
from speechlip.recipes._metadata import read_metadata
from speechlip.scoring.opinions import read_opinions
from speechlip.scoring.renders import match

pytestmark = pytest.mark.early

PROJECT = Path(__file__).parents[1]
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(path for folder in ("docs", "examples") for path in sorted((PROJECT / folder).rglob("*.md"))),
]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DEMO = {
    "train": {f"speaker-{n}": (100, 110) for n in range(4)},
    "validation": {"dora": (95, 104)},
    "test": {"emil": (99, 101)},
}
"""As many clips of as many people as `make demo` prepares."""
OF_THE_SITE = ("{toctree}", "{eval-rst}")
"""Blocks that Sphinx reads: tables of contents, the Python reference."""
OTHERS = ("make", "pip", "apt-get", "hf", "torchrun", "python", "sbatch")


def snippets(*languages):
    for page in PAGES:
        for found in FENCE.finditer(page.read_text()):
            language, _, note = found[1].partition(" ")
            if language in languages or not languages:
                line = page.read_text()[: found.start()].count("\n") + 1
                yield pytest.param(language, note, found[2], id=f"{page.relative_to(PROJECT)}:{line}")


def registered_groups():
    """Entry-point groups of every registry in the code."""
    code = "".join(
        path.read_text()
        for room in ("toolkit", "recipes", "metrics")
        for path in (PROJECT / room).rglob("*.py")
    )
    return {*re.findall(r'Registry\(\s*"[^"]+",\s*"(speechlip\.\w+)"', code)}


def lines():
    """Every command line, its comment left out."""
    for snippet in snippets("sh"):
        for number, text in enumerate(snippet.values[2].splitlines()):
            yield pytest.param(shlex.split(text, comments=True), id=f"{snippet.id}+{number}")


@pytest.mark.parametrize(("language", "note", "text"), [*snippets()])
def test_every_snippet_says_what_it_is(language, note, text):
    assert language in ("python", "sh", "text", "toml", "csv", *OF_THE_SITE)
    assert not note or (language == "python" and re.fullmatch("not-run: .+", note))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_fence_is_one_that_these_tests_see(page):
    """A fence that is indented, or made of other characters, would be run by nobody."""
    text = page.read_text()
    assert re.findall(r"^[ >]*```|^ *~~~|^````", FENCE.sub("", text), re.MULTILINE) == []


@pytest.mark.parametrize(("language", "note", "text"), [*snippets("csv")])
def test_a_table_is_one_that_the_commands_take(tmp_path, language, note, text):
    rows = [*csv.DictReader(text.splitlines())]
    for name in {
        name
        for row in rows
        for column in ("file", "render", "reference", "audio")
        if (name := row.get(column))
    }:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "table.csv").write_text(text)
    if "file" in rows[0]:
        assert read_metadata(tmp_path / "table.csv", [row["file"] for row in rows]).rows
    elif "clip" in rows[0]:
        assert read_opinions(tmp_path / "table.csv", [row["clip"] for row in rows])
    else:
        references = {
            task.clip: task.reference for task in match(tmp_path, tmp_path, tmp_path / "table.csv").tasks
        }
        assert all(
            references[row["render"]] == tmp_path / row["reference"] for row in rows if row["reference"]
        )


@pytest.mark.parametrize(("language", "note", "text"), [*snippets("toml")])
def test_an_entry_point_is_of_a_group_that_is_read(language, note, text):
    assert {*re.findall(r'entry-points\."(.+?)"', text)} <= registered_groups()


def test_the_page_of_plug_ins_names_every_group():
    page = (PROJECT / "docs" / "how-to" / "plug-ins.md").read_text()
    assert {*re.findall(r"^\| `(speechlip\.\w+)`", page, re.MULTILINE)} == registered_groups()


@pytest.mark.parametrize("words", [*lines()])
def test_every_command_line_is_one(words):
    """Options, choices and the number of arguments; nothing is run."""
    if words[0] == "torchrun":
        words = (
            words[words.index("train-encoder") :]
            if "train-encoder" in words
            else ["train-encoder", *words[words.index("shards/") :]]
        )
    if words[0] == "python":
        assert (PROJECT / words[1]).is_file()
        return
    if words[0] in OTHERS:
        return
    group, names = speechlip, words[words[0] == "speechlip" :]
    while isinstance(group, click.Group):
        group, names = group.commands[names[0]], names[1:]
    try:
        context = group.make_context(words[0], list(names))
    except click.UsageError as error:
        if "…" not in words:
            pytest.fail(f"{error.format_message()}")
        return
    for option in group.params:
        if type(option.type).__name__ == "Named" and option.name not in ("encoder", "encoders", "name"):
            assert context.params[option.name] in (*option.type.choices, None)


@pytest.fixture(scope="module")
def place(made_once):
    """A folder with everything that snippets name: shards as many as `make demo` leaves, a run."""

    def make(folder):
        tiny_dataset.write_dataset(folder / "shards", DEMO)
        card = "configs:\n- config_name: default\n  data_files:\n" + "".join(
            f"  - {{split: {split}, path: data/{split}-*.tar}}\n" for split in DEMO
        )
        (folder / "shards" / "README.md").write_text(f"---\n{card}---\n")

    return made_once("snippets", make)


def no_network(name):
    """In place of ``assets.fetch``: a run that asks for a model file goes on without."""
    raise ModelError(f"{name} is not here")


@pytest.mark.parametrize(
    ("language", "note", "text"),
    [each for each in snippets("python") if not each.values[1] and "__main__" not in each.values[2]],
)
def test_python_runs(place, talking, tmp_path, monkeypatch, tiny_lips, language, note, text):
    monkeypatch.setattr("speechlip.assets.fetch", no_network)
    (tmp_path / "videos").mkdir()
    for speaker in ("speaker-000", "speaker-001"):
        (tmp_path / "videos" / speaker).symlink_to(talking / speaker)
    for name in ("render.mp4", "real.mp4"):
        (tmp_path / name).symlink_to(next(talking.rglob("*.mp4")))
    for path in place.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    given = {"np": np, "points": np.zeros((4, 68, 2)), "frame_times_s": np.arange(4) / 25}
    if "load_run" in text:
        from speechlip.training.options import TrainOptions
        from speechlip.training.train import train

        train(
            Path("shards"),
            Path("runs/mel-cnn"),
            TrainOptions(encoder="mel-cnn", steps=1, batch_size=4, validation_pairs=4),
        )
    exec(compile(text, "snippet", "exec"), given)
    if "batch" in given:
        lips, speech = given["batch"]["lips"], given["batch"]["spectrogram"]
        assert len(lips) == len(speech) in (4, 16)
        assert lips.shape[1:] == (5, 96, 96, 3) and speech.shape[1:] == (25, 257)


@pytest.mark.parametrize(
    ("language", "note", "text"), [each for each in snippets("python") if "__main__" in each.values[2]]
)
def test_a_program_runs_as_a_program(tmp_path, language, note, text):
    (tmp_path / "program.py").write_text(text.replace("identities=6, clips=2", "identities=1, clips=2"))
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("Source(")


def test_the_five_minutes_of_readme_end_with_a_page(talking, tmp_path, monkeypatch):
    """Its commands on a folder of videos, with one worker and the detector that needs no file."""
    (tmp_path / "videos").symlink_to(talking)
    monkeypatch.chdir(tmp_path)
    _, _, minutes = (PROJECT / "README.md").read_text().partition("## Five minutes")
    words = [shlex.split(line, comments=True) for line in FENCE.search(minutes)[2].splitlines()]
    own = {name: words for name, *words in words if name in speechlip.commands and name != "speechlip"}
    assert [*own] == ["prep-shards", "verify-shards", "inspect-shards"]
    own["prep-shards"] += ["--workers", "1", "--detector", "cascade"]
    for name, words in own.items():
        done = CliRunner().invoke(speechlip.commands[name], words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert "<html" in (tmp_path / "gallery" / "index.html").read_text()


def test_the_demo_prepares_its_corpus_by_its_own_recipe(talking, tmp_path):
    """`make demo`: the licence is known, and landmarks are the exact ones."""
    (words,) = (
        line.split()[1:]
        for line in (PROJECT / "Makefile").read_text().splitlines()
        if "/prep-shards demo" in line
    )
    words = [
        {"demo/videos": str(talking), "demo/shards": str(tmp_path / "shards")}.get(word, word)
        for word in words
    ]
    done = CliRunner().invoke(prep_shards, [*words, "--workers", "1"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    from speechlip.shards.read.shardset import read_manifest

    manifest = read_manifest(tmp_path / "shards")
    assert (
        set(manifest.licences) == {"CC0-1.0"}
        and "landmarks.npy" in manifest.fields
        and "phones.json" in manifest.fields
    )
    assert "license: cc0-1.0" in (tmp_path / "shards" / "README.md").read_text()
