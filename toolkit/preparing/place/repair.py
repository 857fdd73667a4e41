"""Shards of a finished folder that are missing or cut, made again: the same bytes, or none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from speechlip.errors import ShardError
from speechlip.files.names import plain_name
from speechlip.format import shard_file
from speechlip.manifest import Manifest, ShardRow
from speechlip.preparing.place.earlier_run import RESTORE
from speechlip.preparing.place.parts import was_lost
from speechlip.preparing.place.placing import load_result, result_path, shard_names, tar_path
from speechlip.preparing.plan.units import Plan, Unit


def repair(
    out: Path,
    work: Path,
    manifest: Manifest,
    rows: Sequence[dict],
    damaged: Sequence[ShardRow],
    plan: Plan,
    run: Callable[[list[Unit]], object],
) -> None:
    """Make the ``damaged`` shards of ``manifest`` again and put them in place.

    rows: of the ledger; a source that was refused because its process ended is refused again.
    run: makes units and leaves their shards in ``work``.

    Raises ShardError where a shard comes out with other bytes.
    """
    of_source = {row["source"]: row for row in rows}
    units = {
        name: unit
        for unit, name in shard_names([unit for unit in plan.units if has_clips(unit, of_source)]).items()
    }
    for row in damaged:
        if row.name not in units:
            raise ShardError(
                f"{shard_file(row.name)} is missing or cut, "
                f"and the plan as it is made now has no such shard; {RESTORE}"
            )
    again = {row.name: as_it_was(units[row.name], of_source) for row in damaged}
    run([*again.values()])
    for row in damaged:
        unit = again[row.name]
        result = load_result(result_path(work, unit))
        if result.sha256 != row.sha256:
            raise ShardError(
                f"{shard_file(row.name)} was made again and came out otherwise{why_otherwise(manifest)}; "
                f"{RESTORE}"
            )
        tar_path(work, unit).replace(out / shard_file(row.name))


def has_clips(unit: Unit, of_source: Mapping[str, dict]) -> bool:
    rows = (of_source.get(plain_name(planned.source.name), {"clips": 0}) for planned in unit.sources)
    return any(clips_in(unit, row) for row in rows)


def clips_in(unit: Unit, row: Mapping) -> int:
    """How many clips of a source, by its row of the ledger, lie in a unit that it is in."""
    if row.get("unit_clips"):
        clips: int = row["unit_clips"].get(unit.name, 0)
    elif row.get("split_clips"):
        clips = row["split_clips"].get(unit.split, 0)
    else:
        clips = row["clips"]
    return clips


def as_it_was(unit: Unit, of_source: Mapping[str, dict]) -> Unit:
    """The unit with the sources that ended a worker process or met an unexpected error the first time."""
    rows = [(planned.source.name, of_source[plain_name(planned.source.name)]) for planned in unit.sources]
    lost = tuple(
        (name, row["reason"], row["detail"])
        for name, row in rows
        if was_lost(row["stage"], row["reason"]) and unit.name in row.get("lost_in", [unit.name])
    )
    return replace(unit, crashed=lost)


def why_otherwise(manifest: Manifest) -> str:
    """Which libraries are of another version than when the folder was made."""
    others = [
        f"{name} was {was}, is {now}"
        for name, was in manifest.versions.items()
        if (now := installed(name)) != was
    ]
    return f" ({'; '.join(others)})" if others else ""


def installed(package: str) -> str:
    """Its version, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
