"""One run of ``render_lips``: rows that are not there are made, each of which may fail alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from speechlip.checks import AUTO
from speechlip.device import device_name
from speechlip.files.names import is_file, plain_name
from speechlip.files.writing import make_folder, remove, whole_file, write_array, write_text
from speechlip.metrics.declared import NotScored
from speechlip.progress import Progress
from speechlip.rendering import kept
from speechlip.rendering.compose import FORM, ROWS_AT_ONCE, write_rows
from speechlip.rendering.drive import notes_on
from speechlip.rendering.features import FeatureSource
from speechlip.rendering.hear import hear, open_named, reasons
from speechlip.rendering.inputs import Inputs
from speechlip.rendering.material import train_frames
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.page import write_page
from speechlip.rendering.person import ENOUGH_S, TOO_SHORT
from speechlip.rendering.pose import turns_left_out
from speechlip.rendering.records import FAILED, RenderRow, Renders
from speechlip.rendering.renderers.declared import Heard, Renderer
from speechlip.rendering.renderers.opening import open_renderer
from speechlip.rendering.rows import GROUND_TRUTH, RowName, plain_crops
from speechlip.rendering.score import score_row, write_reference_landmarks
from speechlip.rendering.table import as_csv, as_json
from speechlip.rendering.units import RenderJob, RenderUnit, Reported, units_of
from speechlip.scoring.folder.kept import versions
from speechlip.scoring.networks import find_networks
from speechlip.scoring.options import ScoreOptions
from speechlip.timing import FPS
from speechlip.wording import shown
from speechlip.workers.cluster import Doing
from speechlip.workers.engines import LOCAL, EngineChoice, device_of, engine_name, settle_at_once
from speechlip.workers.events import Crashed, Report
from speechlip.workers.outcomes import spread

PEAK_BYTES = 3_000_000_000
"""Of memory that one unit takes on another engine, an estimate."""
CROPS = "canonical.npy"
"""Of each row: its crops, (T, 96, 96, 3) uint8."""


@dataclass(frozen=True)
class _Row:
    """A row that is to be made: ``heard`` is None where it hears nothing."""

    row: RowName
    made_from: str
    heard: Heard | None = None


class Run:
    """One run of ``render_lips``."""

    def __init__(
        self,
        path: Path,
        out: Path,
        options: RenderOptions,
        renderer: Renderer,
        scoring: ScoreOptions,
        progress: Progress,
    ) -> None:
        self.path, self.out, self.options, self.scoring = path, out, options, scoring
        self.renderer, self.progress = renderer, progress
        self.video = f"{plain_name(path.stem)}.{FORM}"
        self.videos = {path.name, *([Path(options.audio).name] if options.audio else [])}
        self.inputs = Inputs(path, out / kept.FOLDER, options, scoring.detector, progress)
        self.base = {
            "faces": self.inputs.faces,
            "split": options.split,
            "scoring": scoring.as_dict(),
            "networks": find_networks(scoring, progress).as_dict(),
            "versions": versions(scoring.detector, scoring.metrics),
            **self.renderer.facts(),
            **kept.drivers(options),
        }

    def finish(self, rows: list[RowName], engine: EngineChoice = LOCAL) -> Renders:
        """Make every row that is not there, then tables and page."""
        warnings = self._warnings(rows)
        for sentence in warnings:
            self.progress.say(sentence)
        made = self.make(rows) if engine_name(engine) == LOCAL else self._made_on(engine, rows)
        renders = self._renders([made[row.name] for row in rows], warnings)
        write_text(self.out / "scores.csv", as_csv(renders))
        write_text(self.out / "scores.json", as_json(renders))
        write_page(renders)
        return renders

    def make(self, rows: Sequence[RowName]) -> dict[str, RenderRow]:
        """Name → row of all rows; those that are not there are made here."""
        made: dict[str, RenderRow] = {}
        plan, inputs = self._plan(rows, made), self.inputs
        while todo := [*islice(plan, ROWS_AT_ONCE)]:
            _ = inputs.material, inputs.drive  # what no row can do without, with stages of their own
            self.progress.begin("rendering and scoring", len(rows), "rows", len(made))
            for row in self._make(todo):
                made[row.name] = row
                self.progress.advance(1, row.name)
        return made

    def _made_on(self, engine: EngineChoice, rows: list[RowName]) -> dict[str, RenderRow]:
        """The same; what is compared with first and here, each encoder's rows as a unit of an engine."""
        first, units = units_of(rows)
        made = self.make(first)
        at_once = settle_at_once(engine, AUTO, len(units), "unit", PEAK_BYTES, self.progress)
        device = device_of(engine, self.options.device)
        job = RenderJob(self.path, self.out, replace(self.options, device=device), self.scoring)
        self.progress.begin("rendering and scoring", len(rows), "rows", len(made))
        work, doing = partial(render_unit, job=job), Doing("render-lips", (self.path, self.out))
        for unit, own in spread(work, units, at_once, self.progress, self._crashed, doing, engine):
            made |= {row.name: row for row in own}
            self.progress.advance(len(own), unit.name)
            for reason in dict.fromkeys(row.reason for row in own if row.status == FAILED):
                self.progress.say(f"{shown(unit.name)}: {reason}")
        return made

    def _crashed(self, unit: RenderUnit, crash: Crashed[RenderUnit]) -> tuple[RenderRow, ...]:
        """What stands for the rows of a unit whose process died twice."""
        return tuple(self._failed(row, f"{crash.reason}: {crash.detail}, twice") for row in unit.rows)

    def _warnings(self, rows: list[RowName]) -> tuple[str, ...]:
        person, motion = self.inputs.person, self.inputs.motion
        length_s = len(person) / FPS
        short = (TOO_SHORT.format(length_s=length_s),) if length_s < ENOUGH_S else ()
        others = kept.other_rows(self.out, [row.name for row in rows])
        turns = turns_left_out(Path(self.options.pose).name, motion) if motion else []
        return (*short, *person.notes, *notes_on(self.options), *turns, *others)

    def _plan(self, rows: Sequence[RowName], made: dict[str, RenderRow]) -> Iterator[_Row]:
        """Rows to be made; those that are there, and those of encoders that fail, go into ``made``."""
        yield from self._undone([row for row in rows if not row.encoder], {}, made)
        encoders = dict.fromkeys(row.encoder for row in rows if row.encoder)
        for number, encoder in enumerate(encoders):
            self.progress.begin("hearing", len(encoders), "encoders", number)
            own = [row for row in rows if row.encoder == encoder]
            try:
                source = open_named(encoder, device_name(self.options.device))
                with reasons("encoder"):
                    described = source.described(self.videos)
                undone = self._undone(own, described, made)
                heard = self._hear(source, own[0]) if undone else None
            except NotScored as problem:
                self.progress.say(f"{shown(encoder)}: {problem}")
                made |= {row.name: self._failed(row, str(problem)) for row in own}
                continue
            yield from (_Row(each.row, each.made_from, heard) for each in undone)

    def _hear(self, source: FeatureSource, row: RowName) -> Heard:
        inputs = self.inputs
        return hear(source, self.renderer, inputs.material, self._kept(row), self.progress, inputs.other)

    def _kept(self, row: RowName) -> Path:
        """Where a renderer keeps what it has learned so far."""
        return self.out / kept.FOLDER / row.name

    def _undone(self, rows: list[RowName], encoder: dict, made: dict[str, RenderRow]) -> list[_Row]:
        undone = []
        for row in rows:
            made_from = kept.digest({**self.base, "row": row.name, "encoder": encoder})
            if there := kept.kept_row(self.out / row.name, made_from, self.video):
                made[row.name] = there
            else:
                undone.append(_Row(row, made_from))
        return undone

    def _failed(self, row: RowName, reason: str) -> RenderRow:
        """What stands for a row of which nothing could be rendered; what an earlier run left of it goes."""
        for name in (kept.ROW, self.video, CROPS):
            remove(self.out / row.name / name)
        return RenderRow(row.name, row.encoder, row.shuffled, FAILED, reason)

    def _make(self, rows: list[_Row]) -> Iterator[RenderRow]:
        """Videos of some rows, written side by side, then the numbers of each; a row may fail alone."""
        crops: dict[str, np.ndarray | None] = {}
        problems: dict[str, str] = {}
        for each in rows:
            try:
                with reasons("rendering"):
                    crops[each.row.name] = self._crops(each)
            except NotScored as problem:
                problems[each.row.name] = str(problem)
        problems |= self._write(crops)
        for each in rows:
            if reason := problems.get(each.row.name):
                self.progress.say(f"{each.row.name}: {reason}")
                yield self._failed(each.row, reason)
            else:
                yield self._scored(each)

    def _write(self, crops: Mapping[str, np.ndarray | None]) -> dict[str, str]:
        """Write crops and videos of some rows; returns name → reason of those that cannot be written."""
        files: dict[Path, np.ndarray | None] = {}
        for name, own in crops.items():
            folder = make_folder(self.out / name)
            remove(folder / kept.ROW)
            files[folder / self.video] = own
            if own is not None:
                with whole_file(folder / CROPS) as file:
                    write_array(file, own)
        try:
            with reasons("rendering"):
                write_rows(self.inputs.material, self.inputs.drive, files, self.out / kept.FOLDER)
        except NotScored as problem:
            if len(crops) == 1:
                return dict.fromkeys(crops, str(problem))
            alone = [self._write({name: own}) for name, own in crops.items()]
            return {name: reason for problems in alone for name, reason in problems.items()}
        return {}

    def _scored(self, each: _Row) -> RenderRow:
        """The numbers of a row that is written; kept where nothing that it is compared with is missing."""
        render = self.out / each.row.name / self.video
        reference = None if self.inputs.other else self.out / GROUND_TRUTH / self.video
        if each.row.name == GROUND_TRUTH:
            write_reference_landmarks(self.inputs.material, self.inputs.drive, render, self.scoring.detector)
        there = reference if reference and is_file(reference) else None
        row = score_row(each.row, render, there, self.scoring, each.heard)
        if there == reference:
            kept.keep_row(self.out / row.name, row, each.made_from)
        return row

    def _crops(self, each: _Row) -> np.ndarray | None:
        if each.heard is not None:
            return each.heard.shuffled if each.row.shuffled else each.heard.right
        if each.row.name == self.renderer.oracle:
            return self.renderer.best(self.inputs.material, self._kept(each.row), self.progress)
        return plain_crops(each.row, self.inputs.material, len(self.inputs.drive))

    def _renders(self, rows: list[RenderRow], notes: tuple[str, ...]) -> Renders:
        person, first = self.inputs.person, train_frames(self.inputs.person, self.options)
        return Renders(
            folder=self.out,
            person=plain_name(self.path.name),
            video=self.video,
            split=self.options.split,
            renderer=self.renderer.stated(),
            train_frames=first,
            learned_frames=int(person.seen[:first].sum()),
            test_frames=len(self.inputs.other) if self.inputs.other else len(person) - first,
            size=(person.size[0] // 2 * 2, person.size[1] // 2 * 2),
            notes=notes,
            rows=tuple(rows),
            mapping=self.options.mapping,
            audio=plain_name(Path(self.options.audio).name),
            pose=plain_name(Path(self.options.pose).name),
        )


def render_unit(unit: RenderUnit, report: Report, *, job: RenderJob) -> tuple[RenderRow, ...]:
    """The rows of one unit, wherever it runs: the person's faces are kept in the folder, the rest is made
    from the video anew.
    """
    report(unit.name, 0.0)
    progress = Reported(report, unit.name)
    renderer = open_renderer(job.options, progress)
    run = Run(job.path, job.out, job.options, renderer, job.scoring, progress)
    made = run.make(unit.rows)
    return tuple(made[row.name] for row in unit.rows)
