"""URLs at every place of every command: taken, or refused in one sentence before anything is done.

Stores are empty and lie in memory, the Hub is told to be offline.
"""

import inspect
from contextlib import suppress
from pathlib import Path

import click
import fsspec
import pytest
from click.testing import CliRunner

import speechlip
from speechlip.commands.base import Named
from speechlip.commands.cli import speechlip as cli
from speechlip.commands.places import FILE, OWN, RESULT, End, Here, Model, Shards
from speechlip.errors import SpeechLipError

SECRET = "wJalrXUtnFEMI-K7MDENG"
URL = "s3://bucket/folder"
WITH_SECRETS = (f"s3://ann:{SECRET}@bucket/folder", f"https://example.org/folder?X-Amz-Signature={SECRET}")
NAMED_BY_FOLDER = {"encoder", "encoders"}
"""Names from a list, or the folder of a run."""
RUNS_OF_TRAINING = {("train-encoder", "encoder")}
"""Takes names alone."""


def commands(group=cli, path=()):
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from commands(each, (*path, name))
        else:
            yield " ".join((*path, name)), each


def places():
    """(command, parameter) of everything that names a place."""
    for name, command in commands():
        for param in command.params:
            by_folder = isinstance(param.type, Named) and param.name in NAMED_BY_FOLDER
            if isinstance(param.type, Here | Shards | End | Model) or (
                by_folder and (name, param.name) not in RUNS_OF_TRAINING
            ):
                yield name, param


PLACES = [*places()]
HERE = [(name, param) for name, param in PLACES if isinstance(param.type, Here)]
ELSEWHERE = [(name, param) for name, param in PLACES if not isinstance(param.type, Here)]
COMMANDS = dict(commands())


def is_place(param):
    """Whether it is no name of a model."""
    return isinstance(param.type, Shards | End)


def each(which):
    return [pytest.param(name, param, id=f"{name} {param.opts[-1]}") for name, param in which]


@pytest.fixture(autouse=True)
def alone(memory, tmp_path, monkeypatch):
    """An empty folder to work in; every store is fsspec's memory, and no other machine is reached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: True)
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url, **_: (memory, f"/{url.partition('://')[2]}"))


def called(name, param, value):
    """The command with ``value`` at ``param``, and what else it cannot do without."""
    words = name.split()
    for other in COMMANDS[name].params:
        if other is not param and not other.required:
            continue
        given = value if other is param else "log-mel" if other.name == "encoders" else "there"
        words += [given] if isinstance(other, click.Argument) else [other.opts[0], given]
    return CliRunner().invoke(cli, words)


def refused_plainly(said):
    """The one sentence; a traceback would be another exception than SystemExit."""
    assert isinstance(said.exception, SystemExit) and said.exit_code == 1, said.output
    last = said.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "Traceback" not in said.output
    return last


def left_behind():
    return [path for path in Path().iterdir() if ":" in path.name]


def test_no_command_takes_a_path_that_nothing_checked():
    unchecked = [name for name, command in COMMANDS.items() for param in command.params if is_path(param)]
    assert not unchecked and len(HERE) > 50 and len(ELSEWHERE) > 20


def test_the_page_about_stores_names_every_command_that_takes_a_url():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "stores.md").read_text(encoding="utf-8")
    table = page.partition("## What takes which")[2].partition("\n## ")[0]
    assert not [name for name, _ in ELSEWHERE if name.split()[0] not in table]


def is_path(param):
    return isinstance(param.type, click.Path | click.File)


@pytest.mark.parametrize(("name", "param"), each(HERE))
def test_what_must_lie_here_is_refused_before_anything_is_done(name, param):
    sentence = refused_plainly(called(name, param, URL))
    written = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
    assert sentence.startswith(f"error: {written} takes a path on this disk, and {URL} is elsewhere; ")
    assert SECRET not in refused_plainly(called(name, param, WITH_SECRETS[0]))
    assert refused_plainly(called(name, param, "")).startswith(f"error: {written} is empty; give a path")
    assert not [*Path().iterdir()]


@pytest.mark.parametrize(("name", "param"), each(ELSEWHERE))
def test_what_may_lie_elsewhere_is_looked_for_there(name, param):
    for url in (URL, "hf://ann/nothing"):
        refused_plainly(called(name, param, url))
    for url in WITH_SECRETS:
        said = called(name, param, url)
        assert "give it without" in refused_plainly(said) and SECRET not in said.output
    assert not left_behind()


@pytest.mark.parametrize(
    ("name", "param"), each([HERE[0], *(place for place in ELSEWHERE if is_place(place[1]))])
)
def test_urls_that_cannot_be_are_no_folders(name, param):
    assert "lost a slash" in refused_plainly(called(name, param, "s3:/bucket/folder"))
    assert "is empty; give a path" in refused_plainly(called(name, param, ""))
    refused_plainly(called(name, param, "S3://bucket/folder"))
    assert not left_behind()


def test_what_is_written_is_copied_afterwards_and_what_is_read_before():
    for name, param in HERE:
        if param.name in ("out", "plot", "montage"):
            assert param.type is RESULT, name
        elif param.name in ("cache", "work"):
            assert param.type is OWN, name
        else:
            assert param.type in (FILE, RESULT), name


OTHER_ARGUMENTS = {"encoders": "log-mel", "repo_id": "ann/talks", "where": "seconds > 1", "share": "0::2"}


def functions():
    """(function, parameter) of everything public that takes a path and is no record or class."""
    for name in speechlip.__all__:
        if name.islower() and inspect.isfunction(function := getattr(speechlip, name)):
            for param in inspect.signature(function).parameters.values():
                if "Path" in str(param.annotation):
                    yield function, param.name


def test_no_public_function_makes_a_folder_of_a_url():
    seen = 0
    for function, name in functions():
        given = {
            other.name: OTHER_ARGUMENTS.get(other.name, "there")
            for other in inspect.signature(function).parameters.values()
            if other.default is other.empty
        }
        with suppress(SpeechLipError):
            function(**given | {name: [URL, f"{URL}2"] if name == "folders" else URL})
        assert not left_behind(), (function, name)
        seen += 1
    assert seen > 60
