"""Text of files as text of a card, and templates filled with it.

What is put into a template is escaped unless it is ``Markdown`` already. Goal: whatever a name, a licence or
a reason holds, the card shows it and does nothing else: no HTML, no link, no image, no new table cell, no
heading, no end of a code block, no mark of ``kept``.
"""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechlip.files.shareable import without_folders_anywhere
from speechlip.wording import clock, counted

MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown, as GitHub and the Hub have it, acts on within a line; an underscore within a word is none of
it."""
TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of all text that follows."""
STARTS = ((re.compile(r"^([#+=-])(?!\w)"), r"\\\1"), (re.compile(r"^(\d+)([.)])(?=\s|$)"), r"\1\\\2"))
"""What makes a heading, a list or a line of the text that it begins."""


class Markdown(str):
    """Text that is Markdown on purpose and goes into a card as it is."""


def plain(value: Any) -> str:
    r"""One line of text that shows ``value`` as it is, unless it is ``Markdown``.

    >>> print(plain("a | <b>\n`c` [d](e) snake_case"))
    a \| &lt;b&gt; \`c\` \[d\](e) snake_case
    """
    if isinstance(value, Markdown):
        return value
    text = MARKUP.sub(r"\\\g<0>", html.escape(one_line(value), quote=False))
    for start, escaped in STARTS:
        text = start.sub(escaped, text)
    return text


def code(value: Any) -> Markdown:
    """A code span that holds ``value`` in one line, also within a table.

    >>> code("a`b|c"), code("")
    ('`` a`b\\\\|c ``', '` `')
    """
    text = one_line(value).replace("|", r"\|")
    mark = "`" * (1 + longest_run(text))
    return Markdown(f"{mark} {text} {mark}" if "`" in text else f"`{text or ' '}`")


def fenced(text: str, language: str = "") -> Markdown:
    """A code block that ends where it should.

    >>> print(fenced("a", "python"))
    ```python
    a
    ```
    """
    mark = "`" * max(3, 1 + longest_run(text))
    return Markdown(f"{mark}{language}\n{without_comments(text).rstrip()}\n{mark}")


def one_line(value: Any) -> str:
    return " ".join(TURNS.sub("", str(value)).split())


def without_comments(text: str) -> str:
    """Text in which nothing is a comment of HTML, and so no mark of ``kept``, where escapes would show."""
    return text.replace("<!--", "<!- -")


def longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def quoted(value: str) -> Markdown:
    """A string as source code of Python."""
    return Markdown(json.dumps(value, ensure_ascii=False))


def filled(template: str, header: str, facts: Mapping[str, Any]) -> str:
    """A card: the YAML ``header``, then the template of this folder filled with ``facts``, without folders of
    this machine.

    Raises KeyError for a fact that is missing.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

    room = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        finalize=plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters |= {"code": code, "fenced": fenced, "quoted": quoted, "clock": clock, "counted": counted}
    try:
        text = room.get_template(template).render(without_folders_anywhere(dict(facts)))
    except UndefinedError as error:
        raise KeyError(str(error)) from error
    body = re.sub(r"\n{3,}", "\n\n", text).strip()
    return f"---\n{without_comments(header).strip()}\n---\n\n{body}\n"
