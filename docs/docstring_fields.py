"""Docstrings for the Python reference: a line for each field becomes an entry of a list."""

import re

FIELD = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*): ")
LATER_FIELD = re.compile(rf"\. {FIELD.pattern}")


def with_field_lists(docstring: str) -> str:
    """``docstring`` with its paragraphs of lines such as ``fps: frames a second`` as definition lists.

    A paragraph that names several fields in one line stays prose.

    >>> print(with_field_lists("A clip.\\n\\nfps: frames\\na second\\nlabel: of 0, 1"))
    A clip.
    <BLANKLINE>
    ``fps``
        frames
        a second
    ``label``
        of 0, 1
    """
    return "\n\n".join(map(_with_field_list, docstring.strip().split("\n\n")))


def _with_field_list(paragraph: str) -> str:
    if not FIELD.match(paragraph) or LATER_FIELD.search(paragraph):
        return paragraph
    return "\n".join(_entry(line) for line in paragraph.split("\n"))


def _entry(line: str) -> str:
    if not (field := FIELD.match(line)):
        return f"    {line.strip()}"
    names = ", ".join(f"``{name}``" for name in field[1].split(", "))
    return f"{names}\n    {line[field.end() :].strip()}"
