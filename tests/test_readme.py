"""README, docs/architecture.md and help texts are true: a line for every file, examples for commands."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from speechlip.commands.cli import speechlip

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text()
ROOMS = ("toolkit", "recipes", "cards", "metrics", "benchmarks")


def commands(group=speechlip, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def tree_files(lines):
    """Paths of the Python files in the tree of docs/architecture.md."""
    folders = []
    for line in lines:
        name = line.split()[0]
        folders[(len(line) - len(line.lstrip())) // 2 :] = [name.rstrip("/")]
        if name.endswith(".py"):
            yield "/".join(folders).removeprefix("toolkit/") if is_linked(folders) else "/".join(folders)


def is_linked(folders):
    return (PROJECT / "/".join(folders[:2])).is_symlink()


def test_every_file_has_a_line_in_the_tree_and_every_line_a_file():
    tree = re.search(r"```text\n(toolkit/.*?)```", ARCHITECTURE, re.DOTALL)[1]
    there = [path for room in ROOMS for path in (PROJECT / room).rglob("*.py") if path.name != "__init__.py"]
    files, lines = (
        sorted(str(path.relative_to(PROJECT)) for path in there),
        sorted(tree_files(tree.splitlines())),
    )
    without = [f"{name} has no line in docs/architecture.md" for name in files if name not in lines]
    gone = [
        f"docs/architecture.md has a line for {name}, which is gone" for name in lines if name not in files
    ]
    assert not without + gone, "; ".join(without + gone)
    assert len(lines) == len(files), "docs/architecture.md has a file twice"


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_in_readme(name):
    assert re.search(rf"\b{re.escape(name.split()[-1])}\b", README)


@pytest.mark.parametrize(
    "command", [command for _, command in commands() if command.params], ids=lambda command: command.name
)
def test_every_help_says_what_and_shows_an_example(command):
    words = CliRunner().invoke(command, ["--help"]).output
    assert "Example" in words and len(command.help) > 40


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link):
    assert link.startswith("http") or (PROJECT / link).exists()


def test_the_array_of_jobs_is_the_whole_plan():
    (last,) = re.findall(r"sbatch .*--array=0-(\d+) ", README)
    (jobs,) = re.findall(r"--units \$SLURM_ARRAY_TASK_ID::(\d+)'", README)
    assert int(jobs) == int(last) + 1


def test_readme_is_an_entrance():
    assert len(README.splitlines()) <= 200
