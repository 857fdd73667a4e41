"""The plan: which source goes into which shard, fixed before any work starts. ``deal`` says which split it is in.

A unit is one shard. The plan depends on the sources and the options alone, never on the number of workers.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.files.stamps import file_stamp
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.preparing.deal import dealt, split_order
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.planned_source import PlannedSource, declared, look_at
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.shards.sample_meta import OWN_META
from speechlip.shards.writer import KEY_DIGITS, key_digits
from speechlip.workers.pool import Crashed, Limits, Report, outcomes

LIPS_BYTES = {
    "jpg": 76_000,
    "png": 276_000,
}  # per second of video, as the other two: benchmarks/member_sizes.py
SPECTROGRAM_BYTES = {"stft": 64_000, "mel": 20_000}
OTHER_BYTES = 22_000
PLAN = "plan.json"
UNITS_PER_SPLIT = 8  # at the least, where there are sources enough: loaders and workers share shards, and one shard cannot be shared


@dataclass(frozen=True)
class Unit:
    """One shard to be made. crashed: sources that ended a worker process, or were over a limit, and are not tried again: name, reason, detail."""

    split: str
    index: int
    sources: tuple[PlannedSource, ...]
    crashed: tuple[tuple[str, str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.split}-{self.index:05d}"


@dataclass(frozen=True)
class Plan:
    """All units, and whether any source brings phones (then every sample carries ``phones.json``).

    refused: sources that no unit has, each with the split that its ledger row names: the declared one, that of its speaker, or none.
    """

    units: tuple[Unit, ...]
    with_phones: bool
    refused: tuple[tuple[str, PlannedSource], ...] = ()

    @property
    def sources(self) -> tuple[PlannedSource, ...]:
        prepared = (planned for unit in self.units for planned in unit.sources)
        return (*prepared, *(planned for _, planned in self.refused))


def limited(sources: Iterable[Source], options: PrepOptions) -> list[Source]:
    """The sources that this run is about, each with the same names in ``more``.

    Raises OptionError where two bear the same name, or where ``more`` has a name that every sample has of its own.
    """
    chosen = list(islice(sources, options.limit or None))
    names = [source.name for source in chosen]
    if len(set(names)) < len(names):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise OptionError(
            f"the recipe {options.recipe!r} yields two sources named {twice[0]!r}; names must be unique in a dataset"
        )
    columns = dict.fromkeys(sorted({column for source in chosen for column in source.more}), "")
    if taken := [column for column in columns if column in OWN_META]:
        raise OptionError(
            f"a column is called {taken[0]!r}, as a field that every sample has of its own; give it another name"
        )
    return [replace(source, more=columns | source.more) for source in chosen] if columns else chosen


Looks = Callable[[Sequence["Look"]], Iterable[PlannedSource]]


@dataclass(frozen=True)
class Look:
    """A source to be looked at: the ``index``-th."""

    index: int
    source: Source = field(compare=False)
    detector: str
    key_digits: int
    max_picture_px: int = MAX_PICTURE_PX


def look(task: Look, report: Report) -> PlannedSource:
    """``look_at`` as a unit of work. An error that nobody expects is left to the source's turn, when it is said."""
    report(task.source.name, 0.0)
    try:
        return look_at(task.source, task.detector, task.key_digits, task.max_picture_px)
    except Exception:
        return unseen(task)


def unseen(task: Look, refusal: tuple[str, ...] = ()) -> PlannedSource:
    """What is known of a source that could not be looked at."""
    stamp, facts = file_stamp(task.source.path), declared(task.source, task.detector)
    return PlannedSource(task.source, *stamp, 0.0, facts, task.key_digits, refusal)


def lost_look(task: Look, crash: Crashed) -> PlannedSource:
    """A source that is over a limit when it is only looked at is refused; one that kills the process is tried again at its turn."""
    return unseen(task, ("worker", crash.reason, crash.detail) if crash.limit else ())


def looks_by(workers: int, limits: Limits) -> Looks:
    """How many sources are looked at: on so many processes, none of which stops the others."""
    return lambda tasks: (
        seen
        for _, seen in outcomes(look, tasks, workers, lambda source, passed_s: None, lost_look, limits=limits)
    )


def in_turn(tasks: Sequence[Look]) -> Iterator[PlannedSource]:
    """Look at one source after another, in this process."""
    return (look(task, lambda source, passed_s: None) for task in tasks)


def make_plan(
    sources: Sequence[Source],
    options: PrepOptions,
    progress: Progress = SILENT,
    looks: Looks = in_turn,
) -> Plan:
    """Assign every source to a split and a unit. ``looks`` may end the sources in any order."""
    progress.begin("looking", len(sources), "videos")
    digits = key_digits(source.name for source in sources)
    seen: dict[str, PlannedSource] = {}
    for entry in looks(
        [
            Look(index, source, options.detector, digits[source.name], options.max_picture_px)
            for index, source in enumerate(sources)
        ]
    ):
        seen[entry.source.name] = entry
        progress.advance()
    planned = [replace(seen[source.name], source=source) for source in sources]
    by_split = defaultdict(list)
    split_of: dict[str, str] = {}
    for split, entry in dealt([entry for entry in planned if not entry.refusal], options):
        by_split[split].append(entry)
        split_of[entry.source.speaker] = split
    units = tuple(
        unit
        for split in split_order(by_split, options)
        for unit in make_units(split, by_split[split], options)
    )
    whole = split_of if options.split_by == "speaker" else {}
    refused = (
        (entry.source.split or whole.get(entry.source.speaker, ""), entry)
        for entry in planned
        if entry.refusal
    )
    return Plan(units, any(source.phones_path for source in sources), tuple(refused))


def bytes_per_second(options: PrepOptions) -> int:
    """What a second of video comes to in a shard, all members together."""
    return LIPS_BYTES[options.lips_format] + SPECTROGRAM_BYTES[options.spectrogram] + OTHER_BYTES


def make_units(split: str, planned: Sequence[PlannedSource], options: PrepOptions) -> list[Unit]:
    """Cut the sources of one split, in their order, into units of about equal length near ``--shard-size`` as far as can be foreseen.

    A source is never divided: one longer than a shard gets a shard of its own.
    """
    costs = [max(entry.part_s, 1.0) * bytes_per_second(options) for entry in planned]
    wanted = max(-(-sum(costs) // options.shard_bytes), min(UNITS_PER_SPLIT, len(planned)))
    target = sum(costs) / wanted
    groups: list[list[PlannedSource]] = [[]]
    filled = 0.0
    for entry, cost in zip(planned, costs, strict=True):
        if groups[-1] and filled + cost / 2 > target * len(groups):
            groups.append([])
        groups[-1].append(entry)
        filled += cost
    return [Unit(split, index, tuple(group)) for index, group in enumerate(groups)]


def dump_plan(plan: Plan, options: PrepOptions) -> str:
    def plain(value: object) -> object:
        if isinstance(value, Path):
            return str(value)
        raise TypeError(type(value))

    return json.dumps({"options": options.as_dict(), **asdict(plan)}, default=plain, indent=1)


def load_plan(text: str) -> tuple[Plan, dict]:
    """Read back what ``dump_plan`` wrote: the plan, and its options as a plain dict."""
    raw = json.loads(text)
    detector = raw["options"]["detector"]
    units = [
        Unit(unit["split"], unit["index"], tuple(_load_source(entry, detector) for entry in unit["sources"]))
        for unit in raw["units"]
    ]
    refused = tuple((split, _load_source(entry, detector)) for split, entry in raw.get("refused", ()))
    return Plan(tuple(units), raw["with_phones"], refused), raw["options"]


def _load_source(entry: dict, detector: str) -> PlannedSource:
    """One source of a written plan; what a plan of an older release does not say of it is taken as it is now."""
    fields = dict(entry["source"])
    for name in ("path", "phones_path", "landmarks_path"):
        fields[name] = Path(fields[name]) if fields[name] is not None else None
    source = Source(**fields)
    facts = entry["declared"] if "declared" in entry else declared(source, detector)
    digits, refusal = entry.get("key_digits", KEY_DIGITS), tuple(entry.get("refusal", ()))
    part = entry.get("first_frame", 0), entry.get("stop_frame")
    return PlannedSource(
        source, entry["bytes"], entry["modified_ns"], entry["seconds"], facts, digits, refusal, *part
    )


def at_their_places(plan: Plan, sources: Iterable[Source]) -> Plan:
    """The same plan with these sources of the same names: their folder may have moved since, or be named from elsewhere."""
    now = {source.name: source for source in sources}
    units = [
        replace(unit, sources=tuple(replace(entry, source=now[entry.source.name]) for entry in unit.sources))
        for unit in plan.units
    ]
    refused = tuple((split, replace(entry, source=now[entry.source.name])) for split, entry in plan.refused)
    return replace(plan, units=tuple(units), refused=refused)
