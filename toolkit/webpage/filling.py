"""Pages of one file that ask nothing of a network: a template with style, drawing functions and data put in.

A template begins with ``{{head}}``, holds ``{{style}}`` inside a style element, and finishes with
``{{end}}``, which are the data and the scripts. What all pages share lies beside this file:
``page_head.html`` (how a page begins, and that it may load nothing), ``page_end.html``, ``page.css`` and
``page.js``, which writes names only as text.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def filled(template: Path, data: Any, *scripts: Path) -> str:
    """The page as text. Raises ValueError for numbers that JSON does not have.

    scripts: files of drawing functions of this page, beside those that all pages share.
    """
    parts = {
        "head": shared("page_head.html").rstrip(),
        "style": shared("page.css"),
        "end": shared("page_end.html").rstrip(),
        "script": "\n".join((shared("page.js"), *(path.read_text(encoding="utf-8") for path in scripts))),
        "data": embedded(data),  # last: its names may look like parts
    }
    page = template.read_text(encoding="utf-8")
    for name, part in parts.items():
        page = page.replace(f"{{{{{name}}}}}", part, 1)
    return page


def shared(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def embedded(data: Any) -> str:
    """JSON that can stand inside a script element, whatever its strings hold.

    Raises ValueError for NaN or infinity, which JSON does not have: a missing number is None.

    >>> embedded({"clip": "</script><b>&é"})
    '{"clip":"\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e\\\\u0026\\\\u00e9"}'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
