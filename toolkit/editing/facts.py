"""What manifest and card of an edited folder say beside its shards: options, versions, what was edited."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from speechlip.editing.given import GivenFolder
from speechlip.manifest import Edit
from speechlip.preparing.place.finish import FolderFacts
from speechlip.preparing.place.placing import TRAIN

PROMISES = ("speaker", "file", "time")
"""What is in one split only (``split_by``), the strongest first."""


def facts_of(given: GivenFolder, edit: Edit, **changed: Any) -> FolderFacts:
    """The facts of one folder after an edit. changed: options that are others now."""
    manifest = given.manifest
    return FolderFacts(
        given.about,
        {**stated_anyway(given), **manifest.options, **changed},
        manifest.columns,
        is_frozen(given),
        manifest.versions,
        (*(manifest.edited or ()), edit),
        manifest.alike,
    )


def stated_anyway(given: GivenFolder) -> dict[str, Any]:
    """Options that a manifest needs, of an older release that did not write them."""
    first = given.samples[0].meta if given.samples else None
    return {
        "seed": given.manifest.seed,
        "detector": (first and first.detector) or "unknown",
        "crop": given.manifest.crop,
        "sync_filter": "",
    }


def is_frozen(given: GivenFolder) -> bool:
    """Whether evaluation pairs are frozen; a folder without any split for them does not say."""
    return bool(given.manifest.pairs) or not set(given.manifest.splits) - {TRAIN}


def merged_facts(given: Sequence[GivenFolder], edit: Edit) -> FolderFacts:
    """The facts of several folders in one: the first one's words, and options as far as all have the same.

    ``split_by`` is the weakest of theirs; versions that differ are named side by side.
    """
    first, manifests = given[0], [each.manifest for each in given]
    options = stated_anyway(first) | common([manifest.options for manifest in manifests])
    options["split_by"] = max((manifest.split_by for manifest in manifests), key=PROMISES.index)
    options.setdefault("split", {})
    if fits := brisque_fits(given):
        options["brisque"] = fits[0]
    names = sorted({name for manifest in manifests for name in manifest.versions})
    versions = {
        name: " and ".join(
            dict.fromkeys(manifest.versions[name] for manifest in manifests if name in manifest.versions)
        )
        for name in names
    }
    alike = [manifest.alike for manifest in manifests]
    before = [each for manifest in manifests for each in manifest.edited or ()]
    return FolderFacts(
        first.about,
        options,
        first.manifest.columns,
        all(map(is_frozen, given)),
        versions,
        (*before, edit),
        None if None in alike else tuple(dict.fromkeys(chain.from_iterable(filter(None, alike)))),
    )


def brisque_fits(given: Sequence[GivenFolder]) -> list[str]:
    """The fits by which clips of these folders have BRISQUE, each once: names and SHA-256 of the files."""
    return list(dict.fromkeys(filter(None, (each.manifest.options.get("brisque") for each in given))))


def common(options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The options that all have, with the same value."""
    first, *others = options
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }
