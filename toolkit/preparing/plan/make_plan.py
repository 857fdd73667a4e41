"""Making the plan: sources → inspected → dealt to splits → units."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from speechlip.errors import OptionError
from speechlip.preparing.choices import FILES
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.cut_long import in_parts
from speechlip.preparing.plan.deal import dealt, split_order
from speechlip.preparing.plan.doubles import judged_doubles
from speechlip.preparing.plan.inspecting import Inspect, InspectTask, inspect_in_turn
from speechlip.preparing.plan.people import called_by_face, compared_by_face, say_divided
from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.preparing.plan.units import Plan, make_units
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.shards.sample_meta import OWN_META
from speechlip.shards.writer import key_digits


def limited(sources: Iterable[Source], options: PrepOptions) -> list[Source]:
    """The sources that this run is about, each with the same names in ``more``.

    Raises OptionError where two bear the same name, or where ``more`` has a name that every sample has of its
    own.
    """
    chosen = list(islice(sources, options.limit or None))
    names = [source.name for source in chosen]
    if len(set(names)) < len(names):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise OptionError(
            f"the recipe {options.recipe!r} yields two sources named {twice[0]!r}; "
            "names must be unique in a dataset"
        )
    columns = dict.fromkeys(sorted({column for source in chosen for column in source.more}), "")
    if taken := [column for column in columns if column in OWN_META]:
        raise OptionError(
            f"a column is called {taken[0]!r}, as a field that every sample has of its own; "
            "give it another name"
        )
    return [replace(source, more=columns | source.more) for source in chosen] if columns else chosen


def make_plan(
    sources: Sequence[Source],
    options: PrepOptions,
    progress: Progress = SILENT,
    inspect: Inspect = inspect_in_turn,
) -> Plan:
    """Assign every source to a split and a unit. ``inspect`` may end the sources in any order."""
    planned = called_by_face(inspected(sources, options, progress, inspect), options, progress)
    planned = judged_doubles(planned, options, progress)
    planned, alike = compared_by_face(planned, options, progress)
    by_split: dict[str, list[PlannedSource]] = defaultdict(list)
    split_of: dict[str, str] = {}
    in_splits = dealt([entry for entry in planned if not entry.refusal], options)
    say_divided(in_splits, options, progress)
    for split, entry in in_splits:
        by_split[split] += in_parts(entry, options.cut_sources_s)
        split_of[entry.source.speaker] = split
    units = tuple(
        unit
        for split in split_order(by_split, options)
        for unit in make_units(split, by_split[split], options)
    )
    whole = split_of if options.split_by == "speaker" else {}
    refused = tuple(
        (entry.source.split or whole.get(entry.source.speaker, ""), entry)
        for entry in planned
        if entry.refusal
    )
    return Plan(units, with_phones(sources, options), refused, alike)


def with_phones(sources: Iterable[Source], options: PrepOptions) -> bool:
    """Whether every sample carries ``phones.json``."""
    return options.phones != FILES or any(source.phones_path for source in sources)


def inspected(
    sources: Sequence[Source], options: PrepOptions, progress: Progress, inspect: Inspect
) -> list[PlannedSource]:
    """The sources in their order, each with what was seen of its file."""
    progress.begin("looking", len(sources), "videos")
    digits = key_digits(source.name for source in sources)
    tasks = [
        InspectTask(
            index,
            source,
            options.detector,
            digits[source.name],
            options.max_picture_px,
            options.doubles != "keep",
            options.phones,
            options.speakers != "by-name",
        )
        for index, source in enumerate(sources)
    ]
    seen: dict[str, PlannedSource] = {}
    for entry in inspect(tasks):
        seen[entry.source.name] = entry
        progress.advance()
    return [replace(seen[source.name], source=source) for source in sources]
