"""What can be checked of the site without building it: navigation, links, and the reference of commands."""

import importlib
import importlib.util
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechlip.commands.cli import speechlip
from speechlip.scoring.columns import row_columns
from speechlip.shards.ledger import LedgerRow

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGES = sorted(path for kind in ("md", "ipynb") for path in DOCS.rglob(f"*.{kind}"))
WRITTEN = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + PAGES
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def module(name):
    """A module that docs/conf.py imports."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


command_pages, docstring_fields = module("command_pages"), module("docstring_fields")
COMMANDS = dict(command_pages.commands(speechlip))


def text_of(path):
    """A page's Markdown; of a notebook that of its Markdown cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        return "\n".join("".join(cell["source"]) for cell in cells)
    return text


def in_navigation(path):
    """The pages that the tables of contents of ``path`` name, as paths below docs/ without ending."""
    for block in TOCTREE.findall(text_of(path)):
        for line in block.splitlines():
            if line and not line.startswith(":"):
                name = re.sub(r".*<(.*)>", r"\1", line)
                yield (path.parent / name).resolve().relative_to(DOCS).as_posix()


def anchors(text):
    """The anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    plain = [
        re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower()) for heading in headings
    ]
    return {heading.replace(" ", "-") for heading in plain}


def test_every_page_is_in_the_navigation_once():
    named = sorted(name for page in PAGES for name in in_navigation(page))
    there = sorted(page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES)
    assert named == [page for page in there if page != "index"], (
        "add the page to a toctree of docs/index.md or docs/decisions/index.md"
    )


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page):
    for link in LINK.findall(FENCE.sub("", text_of(page))):
        name, _, anchor = link.partition("#")
        if re.match("[a-z]+:", link):
            continue
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: there is no {target.relative_to(PROJECT)}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(text_of(target)), f"{link}: {target.name} has no such heading"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_has_every_option_that_help_has(name):
    section = command_pages.section(name, COMMANDS[name])
    help_text = CliRunner().invoke(speechlip, [*name.split(), "--help"]).output
    _, _, options = help_text.partition("Options:")
    named = re.findall(
        r"^  (-[\w-]+)(?:(?:, | / )(--[\w-]+))?", options.partition("Example")[0], re.MULTILINE
    )
    named = [", ".join(f"`{each}`" for each in names if each) for names in named if "--help" not in names]
    assert re.findall(r"^\| (`-.*?`) \|", section, re.MULTILINE) == named


def test_the_reference_has_every_command_under_its_own_name():
    page = command_pages.page(speechlip, {"prep-shards"})
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings == [name if name == "prep-shards" else f"speechlip {name}" for name in COMMANDS]
    assert {"speechlip models fetch", "speechlip card", "prep-shards"} <= set(headings)


def test_a_row_says_what_help_says():
    section = command_pages.section("prep-shards", COMMANDS["prep-shards"])
    assert "| `--max-memory` | Give a video up whose process holds more memory; 0: never. | 4GiB |" in section
    assert "Values: `lips`, `lower-face`, `auto-avsr`, `face-256`. | lips |" in section
    assert "```sh\nprep-shards videos/ -o shards/ --workers 2\n" in section


@pytest.mark.parametrize(
    ("columns", "page", "heading"),
    [
        ([field.name for field in fields(LedgerRow)], "format", "ledger.jsonl"),
        (row_columns(sync_model="runs/7"), "score-sync", "What comes out"),
        (row_columns(sync_model="phones"), "score-sync", "What comes out"),
    ],
)
def test_every_field_of_a_table_has_its_meaning(columns, page, heading):
    _, _, section = (DOCS / f"{page}.md").read_text().partition(f"## {heading}\n")
    first_cells = re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert set(columns) <= named


def test_a_field_a_line_becomes_a_list_and_prose_stays():
    in_lines, in_a_line = "A clip.\n\nfps: frames\na second\na, b: 0 or 1", "fps: frames. label: 0 or 1"
    listed = "A clip.\n\n``fps``\n    frames\n    a second\n``a``, ``b``\n    0 or 1"
    assert docstring_fields.with_field_lists(in_lines) == listed
    assert docstring_fields.with_field_lists(in_a_line) == in_a_line


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_every_file_and_module_that_a_page_names_is_there(page):
    text = text_of(page)
    files = re.findall(
        r"`((?:toolkit|recipes|metrics|cards|benchmarks|tests|examples)/[\w/.-]+?\.py)`", text
    ) + re.findall(r"python (benchmarks/\w+\.py)", text)
    assert [name for name in files if "NAME" not in name and not (PROJECT / name).exists()] == []
    modules = {name for name in re.findall(r"`(speechlip(?:\.\w+)+)`", text) if name not in GROUPS}
    assert [name for name in sorted(modules) if not is_importable(name)] == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_prose_is_at_most_110_wide(page):
    """Tables, blocks, images and lines of one piece are as wide as they are; scripts write some pages."""
    text = text_of(page)
    if page.suffix == ".md" and "do not edit" not in text.replace("\n", " "):
        lines = [line for line in FENCE.sub("", text).splitlines() if not line.startswith(("|", "!["))]
        assert [line for line in lines if len(line) > 110 and re.search("[^`] [^`]", line)] == []


GROUPS = {f"speechlip.{name}" for name in ("detectors", "engines", "speech_networks", "sync_models")}
"""Entry-point groups that are no modules."""


def is_importable(name):
    """Whether ``name`` is a module, or a name in one."""
    module, _, last = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), last) or bool(importlib.util.find_spec(name))
    except ModuleNotFoundError:
        return False
