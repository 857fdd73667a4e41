"""How Sphinx builds the site: ``make docs``. Every warning is an error, a broken link among them."""

import re
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import yaml
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from speechlip import __version__
from speechlip.commands.cli import speechlip

sys.path.insert(0, str(Path(__file__).parent))
from command_pages import page as command_page
from docstring_fields import with_field_lists

ROOT = Path(__file__).parents[1]
REPOSITORY = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"]

project = "speechlip"
author = copyright = "speechlip maintainers"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 90

smartquotes = False  # -- is an option

html_theme = "furo"
html_title = "speechlip"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_domain_indices = False
html_show_sphinx = False


def of_the_repository(app: Sphinx, page: str, text: list[str]) -> None:
    """Put CONTRIBUTING and CHANGELOG, which lie beside README, in the place of the pages of that name."""
    if page in ("contributing", "changelog"):
        content = (ROOT / f"{page.upper()}.md").read_text(encoding="utf-8")
        text[0] = re.sub(r"\]\((?![a-z]+:|#)(docs/)?", lambda link: "](" if link[1] else "](../", content)


def out_of_docs(app: Sphinx, page: str, text: list[str]) -> None:
    """Turn links out of ``docs/`` into addresses of the repository, but for those two files."""
    up = re.escape("../" * (page.count("/") + 1))
    pages = re.sub(rf"\]\({up}(CONTRIBUTING|CHANGELOG)\.md", lambda name: f"](/{name[1].lower()}.md", text[0])
    text[0] = re.sub(rf"\]\({up}(?!\.\./)", f"]({REPOSITORY}/blob/main/", pages)


def with_commands(app: Sphinx, page: str, text: list[str]) -> None:
    """Append the reference of all commands to its page."""
    if page == "reference/commands":
        text[0] += command_page(speechlip, {script.name for script in entry_points(group="console_scripts")})


def with_names(app: Sphinx, page: str, text: list[str]) -> None:
    """Put links to all names of a module under its heading on the page of Python."""
    if page == "reference/python":
        for module in ("speechlip", "speechlip.metrics"):
            names = import_module(module).__all__
            links = " · ".join(
                f"{{py:obj}}`{name} <{module}.{name}>`" for name in names if not name.isupper()
            )
            text[0] = text[0].replace(f"## {module}\n", f"## {module}\n\n{links}\n")


def with_field_lists_in_place(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Show the fields of a class, and the parameters of a function, as a list."""
    if what != "module":
        lines[:] = with_field_lists("\n".join(lines)).split("\n")


def without_reprs(
    app: Sphinx,
    what: str,
    name: str,
    thing: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Show defaults that are no Python, such as ``<factory>``, as ``...``: Sphinx reads no such signature."""
    return signature and re.sub(r"= ?<[^<>]*>", "= ...", signature), returns


def refuse_outside_files(app: Sphinx, error: Exception | None) -> None:
    """Raise where a built page would load a script, style, font or image from another server."""
    loads = re.compile(
        r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="(?:https?:)?//"""
        r"""|<link\b[^>]*rel="stylesheet"[^>]*href="(?:https?:)?//"""
    )
    outside = re.compile(r"""(?:@import\s+|url\()\s*["']?(?:https?:)?//""")
    for path in Path(app.outdir).rglob("*.*"):
        pattern = {".html": loads, ".css": outside}.get(path.suffix)
        if not error and pattern and (match := pattern.search(path.read_text(encoding="utf-8"))):
            raise SphinxError(f"{path.relative_to(app.outdir)} loads from outside: {match.group()}…")


def setup(app: Sphinx) -> None:
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", of_the_repository)
    app.connect("source-read", out_of_docs)
    app.connect("source-read", with_commands)
    app.connect("source-read", with_names)
    app.connect("autodoc-process-docstring", with_field_lists_in_place)
    app.connect("autodoc-process-signature", without_reprs)
    app.connect("build-finished", refuse_outside_files)
