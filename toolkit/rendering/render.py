"""``speechlip.render_lips``: one person's video rendered by the features of every encoder, and scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from speechlip.checks import check_kind, check_path
from speechlip.device import device_name
from speechlip.encoders.features.catalogue import check_name
from speechlip.errors import ModelError, OptionError
from speechlip.faces.detectors.opening import choose_detector
from speechlip.files.locks import only_run
from speechlip.files.names import is_file, plain_name
from speechlip.files.writing import check_writable, make_folder, remove, whole_file, write_text
from speechlip.metrics.declared import NotScored
from speechlip.progress import SILENT, Progress
from speechlip.rendering import kept
from speechlip.rendering.compose import FORM, ROWS_AT_ONCE, write_rows
from speechlip.rendering.drive import Drive, drive_of, notes_on, other_audio
from speechlip.rendering.features import FeatureSource, Recording
from speechlip.rendering.hear import hear, open_named
from speechlip.rendering.material import Material, decompose, train_frames
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.page import write_page
from speechlip.rendering.person import ENOUGH_S, TOO_SHORT, Person, find_person
from speechlip.rendering.pose import head_motion, repeated_share
from speechlip.rendering.records import FAILED, RenderRow, Renders
from speechlip.rendering.renderers.declared import Heard, Renderer
from speechlip.rendering.renderers.opening import open_renderer
from speechlip.rendering.rows import GROUND_TRUTH, RowName, plain_crops, rows_of
from speechlip.rendering.score import score_row, write_reference_landmarks
from speechlip.rendering.table import as_csv, as_json
from speechlip.scoring.clip.score_clip import given_file
from speechlip.scoring.folder.kept import versions
from speechlip.scoring.networks import find_networks, settle
from speechlip.scoring.options import ScoreOptions
from speechlip.timing import FPS
from speechlip.wording import shown

DEFAULTS = RenderOptions()
DRIVES_NOTHING = {
    "lips": "it is the true lips' own points, and the renderer's oracle row shows what they allow",
    "shuffled": "every encoder has a row -shuffled already",
}
CROPS = "canonical.npy"
"""Of each row: its crops, (T, 96, 96, 3) uint8."""


def render_lips(
    person: str | Path,
    encoders: Sequence[str],
    out: str | Path = "renders",
    options: RenderOptions = DEFAULTS,
    *,
    progress: Progress = SILENT,
) -> Renders:
    """Render the last part of a person's video by each encoder, learned from the first part.

    person: a video of one person who talks, 3 minutes and more.
    encoders: names as ``open_encoder`` takes them, of encoders that read audio.
    out: a folder; finished rows that lie there are kept.

    An encoder that fails is a row with its reason, and the others go on. Raises OptionError for a video that
    cannot be rendered, an unknown encoder, or a folder that another run writes to; ModelError for a detector
    that cannot be had; WriteError.
    """
    check_kind("options", options, RenderOptions)
    path, out = check_path("person", person), check_path("out", out)
    names = (encoders,) if isinstance(encoders, str) else tuple(encoders)
    renderer = open_renderer(options, progress)
    rows = rows_of(names, renderer.oracle, bool(options.audio))
    for name in names:
        refuse_unknown(name)
    if not is_file(path):
        raise OptionError(f"there is no file {path}; give one video of a person who talks")
    for what, name in (("audio", options.audio), ("pose", options.pose)):
        if name:
            given_file(what, name)
    detector, why = choose_detector(options.detector)
    if why:
        progress.say(why)
    scoring = ScoreOptions(
        region="mouth",
        detector=detector,
        device=options.device,
        max_picture_px=options.max_picture_px,
    )
    kept.refuse_other_person(out / kept.FOLDER, path, options.driven_by)
    scoring = settle(scoring, not options.audio, progress)
    check_writable(out)
    with only_run(make_folder(out / kept.FOLDER)):
        return _Run(path, out, options, renderer, scoring, progress).finish(rows)


def refuse_unknown(name: str) -> None:
    """Raise OptionError for a name that means no encoder; what is wrong with its weights, its row says."""
    kind = name.partition(":")[0]
    if kind in DRIVES_NOTHING:
        raise OptionError(f"{name!r} drives no lips: {DRIVES_NOTHING[kind]}; leave it out")
    try:
        check_name(name)
    except ModelError:
        return


@dataclass(frozen=True)
class _Row:
    """A row that is to be made: ``heard`` is None where it hears nothing."""

    row: RowName
    made_from: str
    heard: Heard | None = None


class _Run:
    """One run; what several rows need is computed when the first of them asks for it."""

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
        self.faces = kept.faces_made_from(path, options, scoring.detector)
        self.base = {
            "faces": self.faces,
            "split": options.split,
            "scoring": scoring.as_dict(),
            "networks": find_networks(scoring, progress).as_dict(),
            "versions": versions(scoring.detector, scoring.metrics),
            **self.renderer.facts(),
            **kept.drivers(options),
        }

    @cached_property
    def person(self) -> Person:
        folder = self.out / kept.FOLDER
        known = kept.kept_person(folder, self.path, self.options, self.faces)
        if known is None:
            known = find_person(self.path, self.options, self.scoring.detector, self.progress)
            kept.keep_person(folder, known, self.options.driven_by, self.faces)
        return known

    @cached_property
    def other(self) -> Recording | None:
        """What drives the lips instead of the person's test part."""
        return other_audio(Path(self.options.audio), self.options) if self.options.audio else None

    @cached_property
    def drive(self) -> Drive:
        given, detector = self.options.pose, self.scoring.detector
        motion = head_motion(Path(given), self.options, detector, self.progress) if given else None
        drive = drive_of(self.material, self.other, motion)
        if drive.moves is not None:
            share = repeated_share(drive.moves, self.person.size)
            self.progress.say(f"{share:.1%} of the rendered pixels repeat an edge of the person's frame")
        return drive

    @cached_property
    def material(self) -> Material:
        return decompose(self.person, self.options, self.progress)

    def finish(self, rows: list[RowName]) -> Renders:
        """Make every row that is not there, then tables and page."""
        warnings = self._warnings(rows)
        for sentence in warnings:
            self.progress.say(sentence)
        made: dict[str, RenderRow] = {}
        plan = self._plan(rows, made)
        while todo := [*islice(plan, ROWS_AT_ONCE)]:
            self.progress.begin("rendering and scoring", len(rows), "rows", len(made))
            for row in self._make(todo):
                made[row.name] = row
                self.progress.advance(1, row.name)
        renders = self._renders([made[row.name] for row in rows], warnings)
        write_text(self.out / "scores.csv", as_csv(renders))
        write_text(self.out / "scores.json", as_json(renders))
        write_page(renders)
        return renders

    def _warnings(self, rows: list[RowName]) -> tuple[str, ...]:
        length_s = len(self.person) / FPS
        short = (TOO_SHORT.format(length_s=length_s),) if length_s < ENOUGH_S else ()
        others = kept.other_rows(self.out, [row.name for row in rows])
        return (*short, *self.person.notes, *notes_on(self.options), *others)

    def _plan(self, rows: list[RowName], made: dict[str, RenderRow]) -> Iterator[_Row]:
        """Rows to be made; those that are there, and those of encoders that fail, go into ``made``."""
        yield from self._undone([row for row in rows if not row.encoder], {}, made)
        encoders = dict.fromkeys(row.encoder for row in rows if row.encoder)
        for number, encoder in enumerate(encoders):
            self.progress.begin("hearing", len(encoders), "encoders", number)
            own = [row for row in rows if row.encoder == encoder]
            try:
                source = open_named(encoder, device_name(self.options.device))
                undone = self._undone(own, source.described(), made)
                heard = self._hear(source, own[0]) if undone else None
            except NotScored as problem:
                self.progress.say(f"{shown(encoder)}: {problem}")
                made |= {row.name: self._failed(row, str(problem)) for row in own}
                continue
            yield from (_Row(each.row, each.made_from, heard) for each in undone)

    def _hear(self, source: FeatureSource, row: RowName) -> Heard:
        return hear(source, self.renderer, self.material, self._kept(row), self.progress, self.other)

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
        """Videos of some rows, written side by side, then the numbers of each."""
        crops = {each.row.name: self._crops(each) for each in rows}
        files: dict[Path, np.ndarray | None] = {}
        for each in rows:
            folder = make_folder(self.out / each.row.name)
            remove(folder / kept.ROW)
            files[folder / self.video] = own = crops[each.row.name]
            if own is not None:
                with whole_file(folder / CROPS) as file:
                    np.save(file, own)
        write_rows(self.material, self.drive, files, self.out / kept.FOLDER)
        reference = None if self.other else self.out / GROUND_TRUTH / self.video
        for each in rows:
            render = self.out / each.row.name / self.video
            if each.row.name == GROUND_TRUTH:
                write_reference_landmarks(self.material, self.drive, render, self.scoring.detector)
            row = score_row(each.row, render, reference, self.scoring, each.heard)
            kept.keep_row(self.out / row.name, row, each.made_from)
            yield row

    def _crops(self, each: _Row) -> np.ndarray | None:
        if each.heard is not None:
            return each.heard.shuffled if each.row.shuffled else each.heard.right
        if each.row.name == self.renderer.oracle:
            return self.renderer.best(self.material, self._kept(each.row), self.progress)
        return plain_crops(each.row, self.material, len(self.drive))

    def _renders(self, rows: list[RenderRow], notes: tuple[str, ...]) -> Renders:
        person, first = self.person, train_frames(self.person, self.options)
        return Renders(
            folder=self.out,
            person=plain_name(self.path.name),
            video=self.video,
            split=self.options.split,
            renderer=self.renderer.stated(),
            train_frames=first,
            learned_frames=int(person.seen[:first].sum()),
            test_frames=len(self.other) if self.other else len(person) - first,
            size=(person.size[0] // 2 * 2, person.size[1] // 2 * 2),
            notes=notes,
            rows=tuple(rows),
            mapping=self.options.mapping,
            audio=plain_name(Path(self.options.audio).name),
            pose=plain_name(Path(self.options.pose).name),
        )
