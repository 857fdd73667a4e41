"""Pages of one file that ask nothing of a network: a template with style, drawing functions and data put in.

A template begins with ``{{head}}`` and holds ``{{style}}`` inside a style element, ``{{script}}`` inside a
script element, and ``{{data}}`` inside a script element of type ``application/json``. What all pages share
lies beside this
file: ``page.html`` (how a page begins, and that it may load nothing), ``page.css`` and ``page.js``, which
writes names only as text.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def filled(template: Path, data: Any, *scripts: Path) -> str:
    """The page as text. Raises ValueError for numbers that JSON does not have.

    scripts: files of drawing functions of this page, beside those that all pages share.
    """
    page = template.read_text(encoding="utf-8")
    page = page.replace("{{head}}", (HERE / "page.html").read_text(encoding="utf-8").rstrip(), 1)
    page = page.replace("{{style}}", (HERE / "page.css").read_text(encoding="utf-8"), 1)
    page = page.replace(
        "{{script}}", "\n".join(path.read_text(encoding="utf-8") for path in (HERE / "page.js", *scripts)), 1
    )
    return page.replace("{{data}}", embedded(data), 1)


def embedded(data: Any) -> str:
    """JSON that can stand inside a script element, whatever its strings hold.

    Raises ValueError for NaN or infinity, which JSON does not have: a missing number is None.

    >>> embedded({"clip": "</script><b>&é"})
    '{"clip":"\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e\\\\u0026\\\\u00e9"}'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
