"""Licences as the Hub's cards name them.

An identifier of the Hub's list, else ``other`` with a name and a link; ``unknown`` where nobody stated one.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

UNKNOWN = "unknown"
"""What a licence is called that nobody stated."""
LISTED = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc
cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl osl-3.0
postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
"""
"""https://huggingface.co/docs/hub/repositories-licenses, without those of single models."""
HUB_IDS = frozenset(LISTED.split())
SPDX_OTHERWISE = {"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl", "cc0": "cc0-1.0"}
SPDX_OTHERWISE |= {
    f"{name}{ending}": name
    for name in ("gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0")
    for ending in ("-only", "-or-later")
}
NO_DERIVATIVES = re.compile(r"by[\W_]*(nc[\W_]*)?nd(?![^\W\d_])|no[nt]?[\W_]*deriv", re.IGNORECASE)
"""Creative Commons' …-ND in any of its spellings, and words to the same effect."""
ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]]+")


def hub_id(licence: str) -> str | None:
    """The Hub's identifier of a licence, from its SPDX identifier or the usual way to write it, or None.

    >>> hub_id("CC-BY-4.0"), hub_id("CC BY-NC-ND 4.0"), hub_id("ODbL-1.0"), hub_id("ask Ada")
    ('cc-by-4.0', 'cc-by-nc-nd-4.0', 'odbl', None)
    """
    name = "-".join(licence.lower().split())
    name = SPDX_OTHERWISE.get(name, name)
    return name if name in HUB_IDS else None


def is_unknown(licence: str) -> bool:
    return licence.strip().lower() in ("", UNKNOWN)


def forbids_derivatives(licence: str) -> bool:
    """Whether what is made of the videos, as shards are, may not be handed on.

    >>> forbids_derivatives("CC-BY-NC-ND-4.0"), forbids_derivatives("cc by-nd 4.0")
    (True, True)
    >>> forbids_derivatives("Attribution-NoDerivs"), forbids_derivatives("CC-BY-NC-4.0")
    (True, False)
    """
    return NO_DERIVATIVES.search(licence) is not None


def stated_licences(facts: Mapping[str, Any]) -> list[str]:
    """The licences of the videos. Manifests and checkpoints of older releases have the recipe's alone.

    facts: a manifest, or the ``data`` of a checkpoint.

    >>> stated_licences({"licences": {"CC-BY-4.0": {}, "MIT": {}}, "about": {"licence": "unknown"}})
    ['CC-BY-4.0', 'MIT']
    >>> stated_licences({"about": {"licence": "MIT"}}), stated_licences({"licence": "MIT"})
    (['MIT'], ['MIT'])
    >>> stated_licences({})
    ['unknown']
    """
    return [str(licence) for licence in facts.get("licences", ())] or [
        str(facts.get("about", facts).get("licence") or UNKNOWN)
    ]


def licence_fields(licences: Iterable[str], homepage: str = "") -> dict[str, Any]:
    """``license`` and what goes with it for the YAML of a card.

    Where one of several is unknown, the whole is.

    >>> licence_fields(["CC-BY-4.0"]), licence_fields(["MIT", "CC-BY-4.0"])
    ({'license': 'cc-by-4.0'}, {'license': ['cc-by-4.0', 'mit']})
    >>> licence_fields(["CC-BY-4.0", "unknown"])
    {'license': 'unknown'}
    >>> licence_fields(["ask Ada"], "https://ada.example")
    {'license': 'other', 'license_name': 'ask Ada', 'license_link': 'https://ada.example'}
    """
    names = sorted({" ".join(licence.split()) for licence in licences})
    if not names or any(map(is_unknown, names)):
        return {"license": UNKNOWN}
    ids = sorted({identifier for identifier in map(hub_id, names) if identifier})
    if all(map(hub_id, names)):
        return {"license": ids[0] if len(ids) == 1 else ids}
    link = ADDRESS.search(" ".join([*names, homepage]))
    return {"license": "other", "license_name": ", ".join(names)} | (
        {"license_link": link[0]} if link else {}
    )


def plain_licence(licence: str) -> str:
    """A licence as ``licences`` adds it up: its words with one space between; ``unknown`` for none.

    >>> plain_licence(" CC BY  4.0"), plain_licence("")
    ('CC BY 4.0', 'unknown')
    """
    return " ".join(licence.split()) or UNKNOWN
