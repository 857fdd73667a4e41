"""Finishing a folder: shards put in place, then pairs, ledger and card, and the manifest last."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from speechlip.cards.dataset import write_card
from speechlip.errors import ShardError
from speechlip.faces.detectors.opening import packages
from speechlip.files.stamps import sha256_of
from speechlip.files.writing import remove, write_text
from speechlip.format import FORMAT, LEDGER, MANIFEST, PAIRS_FOLDER, SHARDS_FOLDER, WORK_FOLDER, pairs_file
from speechlip.identity.network import packages_here
from speechlip.libraries import there
from speechlip.manifest import About, Edit, LookAlike, Manifest, PairsFile, RowsFile, SplitTotals
from speechlip.preparing.choices import FILES
from speechlip.preparing.place.placing import TRAIN, DoneUnit, Results, place_shards
from speechlip.shards.clips.table import clips_from_shards, write_clips
from speechlip.shards.ledger import funnel, licences
from speechlip.shards.ledger_file import StoredLedger, write_ledger
from speechlip.shards.pairs.freeze import freeze_pairs
from speechlip.shards.pairs.frozen import write_pairs
from speechlip.shards.pairs.rules import SAMPLING, PairClip, PairRules, rules_for
from speechlip.timing import seconds
from speechlip.version import VERSION

VERSIONS_THAT_SHOW = (
    "av",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "scikit-image",
    "silero-vad",
    "soundfile",
    "torch",
    "torchaudio",
)
CardWriter = Callable[[Path, Manifest, StoredLedger], object]
"""Writes what a person reads into a folder, from its manifest and ledger."""


VERSIONS_OF_PHONES = {"pocketsphinx": "pocketsphinx", "espeakng_loader": "espeakng-loader"}
"""Module → package, where phones are aligned or recognised and it is installed."""


def versions(detector: str, phones: str = FILES) -> dict[str, str]:
    """Library → version, of those that shards depend on."""
    own = {name: version(name) for name in (*VERSIONS_THAT_SHOW, *packages(detector))}
    return own if phones == FILES else own | versions_of_phones()


def versions_of_phones() -> dict[str, str]:
    """Library → version, of those that align and recognise phones, as far as they are installed."""
    return {name: version(name) for module, name in VERSIONS_OF_PHONES.items() if there(module)}


@dataclass(frozen=True)
class FolderFacts:
    """What a manifest says that its shards do not hold.

    about: the dataset: title, licence, citation, access, homepage, language.
    options: those that the shards were made with.
    columns: names of the users' own fields in every sample.
    frozen: whether evaluation pairs are frozen, for every split but train.
    versions: of the libraries that made the samples; None: those that are here.
    edited: the edits that made the folder.
    alike: speakers in whose videos the same person is seen; None where nobody compared them.
    """

    about: About
    options: Mapping[str, Any]
    columns: Sequence[str] = ()
    frozen: bool = True
    versions: Mapping[str, str] | None = None
    edited: Sequence[Edit] = ()
    alike: Sequence[LookAlike] | None = None


def versions_of(facts: FolderFacts) -> dict[str, str]:
    """Library → version, of those that made the samples."""
    if facts.versions is not None:
        return dict(facts.versions)
    made_with = versions(facts.options.get("detector", ""), facts.options.get("phones", FILES))
    by_name = facts.options.get("speakers", "by-name") == "by-name"
    return made_with if by_name else made_with | packages_here()


def finish(
    out: Path,
    results: Results,
    lines: Iterable[bytes],
    facts: FolderFacts,
    card: CardWriter = write_card,
) -> Manifest:
    """Finish the folder ``out`` from the shards in its work folder; returns the manifest. Safe to repeat.

    lines: of the ledger, in its order; one is held at a time.
    card: writes what a person reads.

    Raises ShardError where a shard went away, or samples differ in their members.
    """
    work, splits, columns = out / WORK_FOLDER, units_by_split(results), tuple(sorted(facts.columns))
    fields = common_fields(results.values())
    shards = place_shards(work, out / SHARDS_FOLDER, results)
    pairs = freeze(out, splits if facts.frozen else {}, facts.options["seed"], frozen_rules(facts.options))
    rows = write_ledger(out / LEDGER, lines)
    manifest = Manifest(
        format=FORMAT,
        speechlip=VERSION,
        about=facts.about,
        options=dict(facts.options),
        versions=versions_of(facts),
        fields=fields,
        columns=columns,
        shards=tuple(shards),
        splits={split: describe_split(units) for split, units in splits.items()},
        pairs=pairs,
        funnel=funnel(rows),
        licences=licences(rows),
        ledger=describe_ledger(out / LEDGER, len(rows)),
        edited=tuple(facts.edited) or None,
        alike=None if facts.alike is None else tuple(facts.alike),
        clips=write_clips(out, clips_from_shards(out, shards, columns)),
    ).sealed()
    card(out, manifest, rows)
    write_text(out / MANIFEST, manifest.dump())
    shutil.rmtree(work)
    return manifest


def units_by_split(results: Results) -> dict[str, list[DoneUnit]]:
    """The units with clips of every split that has any."""
    units: dict[str, list[DoneUnit]] = {}
    for unit, result in results.items():
        if result.n_clips:
            units.setdefault(unit.split, []).append(result)
    return units


def common_fields(results: Iterable[DoneUnit]) -> tuple[str, ...]:
    """The members of every sample, sorted. Raises ShardError where shards differ in them."""
    kinds = {result.fields for result in results if result.fields}
    if len(kinds) > 1:
        raise ShardError(
            f"the samples of one dataset must have the same members, but these have {sorted(kinds)}; "
            "please report this"
        )
    return kinds.pop() if kinds else ()


def describe_split(units: Sequence[DoneUnit]) -> SplitTotals:
    n_frames = sum(unit.n_frames for unit in units)
    return SplitTotals(
        clips=sum(unit.n_clips for unit in units),
        frames=n_frames,
        seconds=seconds(n_frames),
        speakers=len(frozenset[str]().union(*(unit.speakers for unit in units))),
    )


def describe_ledger(path: Path, n_rows: int) -> RowsFile:
    return RowsFile(sha256=sha256_of(path), bytes=path.stat().st_size, rows=n_rows)


def frozen_rules(options: Mapping[str, Any]) -> PairRules:
    """The rules of the frozen pairs of a folder with these options."""
    return rules_for(options.get("pairs", "speech"))


def freeze(
    out: Path, splits: Mapping[str, Sequence[DoneUnit]], seed: int, rules: PairRules
) -> dict[str, PairsFile]:
    """Write the evaluation pairs of every split but train; what the manifest says of them.

    Pairs that an end which came out otherwise has left are removed.
    """
    pairs = {
        split: write_pairs_of(out, split, [clip for unit in units for clip in unit.clips], seed, rules)
        for split, units in splits.items()
        if split != TRAIN
    }
    for path in (out / PAIRS_FOLDER).glob("*.parquet"):
        if path.stem not in pairs:
            remove(path)
    return pairs


def write_pairs_of(
    out: Path, split: str, clips: Sequence[PairClip], seed: int, rules: PairRules
) -> PairsFile:
    """Freeze the evaluation pairs of a split; what the manifest says of them."""
    frozen = freeze_pairs(clips, seed, rules=rules)
    digest = write_pairs(out / pairs_file(split), frozen.rows)
    return PairsFile(
        sha256=digest,
        rows=len(frozen.rows),
        kinds=frozen.counts,
        off=frozen.off,
        drawing=SAMPLING,
        least_speech=rules.least_speech or None,
    )
