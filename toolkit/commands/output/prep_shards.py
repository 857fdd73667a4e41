"""What ``prep-shards`` does between the command line and the job: resolve names, show plan and progress, print the funnel."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from speechlip import recipes
from speechlip.cards.dataset import write_card
from speechlip.commands.terminal import Bar, echo, say
from speechlip.errors import NOTHING_KEPT, OptionError
from speechlip.faces.crops import check_preset
from speechlip.faces.detectors import choose_detector, detector_class
from speechlip.media.decord_frames import DECORD_LIMITS
from speechlip.media.frames import DECODERS
from speechlip.preparing.engine import Advanced, Crashed, Event, Replaced, get_engine
from speechlip.preparing.job import Job, prepare
from speechlip.preparing.options import (
    PEOPLE,
    SPLIT_BY,
    PrepOptions,
    parse_bytes,
    parse_duration,
    parse_limits,
    parse_pixels,
    parse_split,
)
from speechlip.preparing.plan import Plan, limited, looks_by, make_plan
from speechlip.preparing.spans import TOO_SMALL
from speechlip.scoring.sync.sync_filter import SyncFilter, open_model, parse_filter
from speechlip.scoring.sync.verdict import read_rules
from speechlip.shards.ledger import LedgerRow, empty_splits, format_funnel, read_ledger
from speechlip.wording import clock, counted, listed, shown

ADVICE = {
    "speaker": "a speaker is in one split only: bring more speakers, other shares by --split, or cut videos in time by --split-by time",
    "file": "a video is in one split only: bring more videos, other shares by --split, or cut them in time by --split-by time",
    "time": "what falls to it is shorter than --min-clip, or gave nothing: give it a larger share by --split, or take a shorter --min-clip",
}
"""What to do where a split came out empty, by what is dealt."""


def run(
    video_dir: Path,
    out: Path,
    workers: int,
    engine: str,
    dry_run: bool,
    quiet: bool,
    accept_losses: bool,
    max_wait: str,
    max_memory: str,
    chosen: dict[str, Any],
) -> int:
    """Prepare ``video_dir`` into ``out`` and say what came of it; returns the exit code."""
    limits = parse_limits(max_wait, max_memory)
    sync = read_sync_filter(chosen)
    options = read_options(chosen)
    engine_function = get_engine(engine, limits)
    if not video_dir.exists():
        raise OptionError(f"{video_dir} does not exist; give a folder of videos or one video")
    if out.resolve() == video_dir.resolve():
        raise OptionError("-o must not be the video folder itself; give it a folder of its own")
    recipe = recipes.get(options.recipe)
    sources = limited(recipes.listed(options.recipe, video_dir, out), options)
    if not sources:
        echo(f"nothing to prepare: the recipe {options.recipe!r} found no video in {video_dir}", err=True)
        return NOTHING_KEPT
    progress, looks = Progress(len(sources), quiet), looks_by(workers, limits)
    if dry_run:
        return show_plan(make_plan(sources, options, progress.looked, looks), options)
    options = resolve_detector(options, out, quiet)
    check_preset(options.crop, detector_class(options.detector).has_landmarks)
    if options.decoder == "decord" and not quiet:
        echo(DECORD_LIMITS, err=True)
    if sync:
        model = open_model(sync)
        options = replace(
            options,
            sync_model=f"{model.name} {model.sha256}" + ("" if model.official else " (unknown weights)"),
        )
    with progress:
        job = Job(out, sources, options, about(recipe), sync, accept_losses, looks)
        manifest = prepare(job, engine_function, workers, write_card, progress)
    return report(out, manifest, quiet)


def read_sync_filter(chosen: dict[str, Any]) -> SyncFilter | None:
    """Take the options that only the sync stage knows out of ``chosen``. Raises OptionError where they do not go together."""
    weights, unknown = chosen.pop("syncnet_weights"), chosen.pop("allow_unknown_weights")
    model = chosen.pop("sync_model") or ""
    if not chosen["sync_filter"]:
        if chosen["sync_correct"] or weights or model:
            raise OptionError(
                "--sync-correct, --sync-model and --syncnet-weights go with --sync-filter, such as --sync-filter 'conf>=3'"
            )
        return None
    rules = read_rules(chosen["correct_confidence"], chosen["correct_frames"])
    return SyncFilter(
        parse_filter(chosen["sync_filter"]), chosen["sync_correct"], model, weights, unknown, rules
    )


def read_options(chosen: dict[str, Any]) -> PrepOptions:
    """Texts of the command line to options. Raises OptionError."""
    given = dict(chosen)
    split = given.pop("split")
    options = PrepOptions(
        split=parse_split(split) if split is not None else SPLIT_BY.get(given["split_by"], PEOPLE),
        shard_bytes=parse_bytes(given.pop("shard_size")),
        min_clip_s=parse_duration(given.pop("min_clip")),
        max_clip_s=parse_duration(given.pop("max_clip")),
        max_picture_px=parse_pixels(given.pop("max_picture")),
        **given,
    )
    check_preset(options.crop, has_landmarks=True)
    if options.decoder not in DECODERS:
        raise OptionError(f"no decoder {options.decoder!r}; there are: {', '.join(DECODERS)}")
    return options


def resolve_detector(options: PrepOptions, out: Path, quiet: bool) -> PrepOptions:
    """Settle ``auto``: what an earlier run into the same folder took, else what is there, said once."""
    if options.detector == "auto":
        for record in (out / "manifest.json", out / ".work" / "plan.json"):
            try:
                return replace(
                    options,
                    detector=str(json.loads(record.read_text(encoding="utf-8"))["options"]["detector"]),
                )
            except (OSError, ValueError, KeyError, TypeError):
                continue  # there is none, or it is damaged, which prepare says
    name, why = choose_detector(options.detector)
    if why and not quiet:
        echo(why, err=True)
    return replace(options, detector=name)


def about(recipe: recipes.Recipe) -> dict[str, str]:
    """What the recipe declares, for manifest and card. A recipe may also declare LANGUAGE, the ISO 639 code of what is spoken."""
    return {
        "title": recipe.TITLE,
        "licence": recipe.LICENCE,
        "citation": recipe.CITATION,
        "access": recipe.ACCESS,
        "homepage": recipe.HOMEPAGE,
        "language": getattr(recipe, "LANGUAGE", ""),
    }


def show_plan(plan: Plan, options: PrepOptions) -> int:
    """Print what would be done: sources, seconds and shards by split."""
    length_s = sum(planned.part_s for planned in plan.sources)
    videos = counted(len({planned.source.name for planned in plan.sources}), "video")
    echo(f"{videos}, {clock(length_s)}, detector {options.detector}, crop {options.crop}")
    for split in dict.fromkeys(unit.split for unit in plan.units):
        units = [unit for unit in plan.units if unit.split == split]
        planned = [entry for unit in units for entry in unit.sources]
        counts = (
            counted(len({entry.source.name for entry in planned}), "video"),
            counted(len({entry.source.speaker for entry in planned}), "speaker"),
            counted(len(units), "shard"),
        )
        split_s = sum(entry.part_s for entry in planned)
        echo(f"  {split:<12}{counts[0]:>12} {counts[1]:>14} {clock(split_s):>10} {counts[2]:>12}")
    filled = {unit.split for unit in plan.units}
    if empty := empty_splits(dict(options.split), filled, (entry.declared for entry in plan.sources)):
        echo(f"  nothing for {', '.join(empty)}: {ADVICE[options.split_by]}")
    for (_, reason, _), names in refusals(plan).items():
        echo(f"  {len(names)} will be refused, {reason}: {listed(names)}")
    unknown = [
        shown(planned.source.name) for unit in plan.units for planned in unit.sources if not planned.seconds
    ]
    if unknown:
        echo(f"  {len(unknown)} of them state no length: {listed(unknown)}")
    return 0


def refusals(plan: Plan) -> dict[tuple[str, ...], list[str]]:
    """Names of refused sources by stage and reason."""
    found: dict[tuple[str, ...], list[str]] = {}
    for _, planned in plan.refused:
        found.setdefault((*planned.refusal[:2], ""), []).append(shown(planned.source.name))
    return found


def report(out: Path, manifest: dict, quiet: bool) -> int:
    """Print the funnel, where things are and what to look at; returns the exit code."""
    totals, rows = manifest["funnel"], read_ledger(out)
    if not totals["clips"]:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in totals["skipped"].items())
        videos = counted(totals["sources"], "video")
        echo(
            f"nothing was kept of {videos} ({reasons}); {out / 'ledger.jsonl'} says why, one row each",
            err=True,
        )
        for reason, names in skipped_names(rows).items():
            echo(f"skipped, {reason}: {listed(names)}", err=True)
        return NOTHING_KEPT
    if not quiet:
        echo(format_funnel(totals))
        splits = ", ".join(
            f"{name} {counted(facts['clips'], 'clip')} of {counted(facts['speakers'], 'speaker')}"
            for name, facts in manifest["splits"].items()
        )
        shards = counted(len(manifest["shards"]), "shard")
        echo(f"{shards} in {out / 'data'}: {splits}; detector {manifest['options']['detector']}")
        for reason, names in skipped_names(rows).items():
            echo(f"skipped, {reason}: {listed(names)}")
        if totals["sources_skipped"]:
            echo(f"{out / 'ledger.jsonl'} says what became of every video")
    for warning in warnings(manifest, rows):
        echo(warning, err=True)
    return 0


def skipped_names(rows: Iterable[LedgerRow]) -> dict[str, list[str]]:
    """Names of the videos that gave nothing, by reason."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.status == "skipped":
            width = f" ({row.small_face_px:g} px wide)" if row.reason == TOO_SMALL else ""
            found.setdefault(row.reason, []).append(shown(row.source) + width)
    return found


def warnings(manifest: dict, rows: Sequence[LedgerRow]) -> Iterator[str]:
    """What a person should know before training on it."""
    shares = manifest["options"]["split"]
    if empty := empty_splits(shares, manifest["splits"], (row.declared for row in rows)):
        speakers = counted(len({row.speaker for row in rows if row.clips}), "speaker")
        names = ", ".join(f"{name} ({shares[name]:.3g})" for name in empty)
        advice = ADVICE[manifest["options"].get("split_by", "speaker")]
        yield f"no clip came into {names}, which has a share: there is speech of {speakers}; {advice}"
    several = [row for row in rows if row.several_faces_seconds]
    if several and not manifest["options"].get("sync_filter"):
        taken = "every one of them was" if manifest["options"].get("faces") == "all" else "the largest was"
        where = f"{counted(len(several), 'video')} ({clock(sum(row.several_faces_seconds for row in several))} of the clips)"
        advice = "--sync-filter 'conf>=3' keeps those whose lips fit, with SyncNet's weights or --sync-model runs/NAME"
        yield f"several faces at once in {where}, {listed([shown(row.source) for row in several])}: {taken} paired with the sound, whoever spoke; {advice}"


class Progress:
    """First over files looked at, then over seconds of video; nothing with ``--quiet``."""

    def __init__(self, n_sources: int, quiet: bool) -> None:
        self.quiet, self.n_sources = quiet, n_sources
        self.looking: Bar | None = None
        self.seconds: Bar | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for bar in (self.looking, self.seconds):
            if bar is not None:
                bar.close()

    def looked(self) -> None:
        if self.looking is None:
            self.looking = Bar(self.n_sources, "looking", "videos", quiet=self.quiet)
        self.looking.add()

    def planned(self, total_s: float, done_s: float) -> None:
        self.seconds = Bar(total_s, "preparing", "s of video", done=done_s, quiet=self.quiet)

    def event(self, event: Event) -> None:
        if isinstance(event, Crashed):
            what = (
                f"{event.source!r} is given up, {event.detail}"
                if event.limit
                else f"a worker died at {event.source!r} ({event.detail})"
            )
            say(f"{what}; its shard is begun again")
        if isinstance(event, Replaced):
            say(str(event))
        if isinstance(event, Advanced) and self.seconds is not None:
            self.seconds.add(event.seconds, event.source[-40:])
