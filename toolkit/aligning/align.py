"""``speechlip.align``: videos → TextGrids with phones, which ``prepare`` finds beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from speechlip import recipes
from speechlip.aligning.records import ALIGNED, FAILED, FORMS, KEPT, AlignRow
from speechlip.aligning.source import Aligner, align_english, phones_of
from speechlip.checks import AUTO, Workers, check_out, check_path, check_workers
from speechlip.errors import NoVideos, OptionError, SourceRefused, SpeechLipError, no_such
from speechlip.files.locks import only_run
from speechlip.files.names import is_file, plain_name
from speechlip.files.writing import make_folder, whole_file
from speechlip.media.probe import probe
from speechlip.phones import SILENCE, is_ours, mean_score, write_textgrid
from speechlip.progress import SILENT, Progress
from speechlip.records import Phone, Source
from speechlip.workers.cluster import Doing, folder_above
from speechlip.workers.engines import LOCAL, EngineChoice, get_engine, settle_at_once
from speechlip.workers.events import Crashed, Report
from speechlip.workers.outcomes import spread
from speechlip.workers.processes import use_one_thread
from speechlip.workers.unexpected import unexpected_refused

ENGLISH = "en-us"
PEAK_BYTES = 500_000_000
"""Of memory that one worker takes, an estimate; a phone model comes on top."""


@dataclass(frozen=True)
class AlignOptions:
    """What a user may choose for ``align``.

    form: what phones are made from: auto, textgrid, gentle, whisperx, align, transcript, none.
    recipe: how the videos are laid out.
    again: make TextGrids anew that an earlier run wrote; those of others are never touched.
    language: of the texts, as espeak-ng names it; all but US English need a ``phone_model``.
    phone_model: a folder of transformers' Wav2Vec2ForCTC whose tokens are IPA, which aligns texts instead of
        PocketSphinx; None: PocketSphinx.
    """

    form: str = "auto"
    recipe: str = "folder"
    again: bool = False
    language: str = ENGLISH
    phone_model: str | Path | None = None

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise no_such("form", self.form, FORMS)
        if self.recipe not in recipes.names():
            raise no_such("recipe", self.recipe, recipes.names())
        if self.phone_model is None and self.language != ENGLISH:
            raise OptionError(
                f"{self.language!r} is aligned by a phone model only, US English ({ENGLISH}) without: "
                "give --phone-model, a folder of transformers' Wav2Vec2ForCTC whose tokens are espeak-ng's "
                "IPA, such as a download of facebook/wav2vec2-lv-60-espeak-cv-ft; or put TextGrids beside "
                "the videos"
            )
        if self.phone_model is not None and self.form == "none":
            raise OptionError(
                "--from none recognises US English phones by PocketSphinx, and takes no --phone-model"
            )

    def open_aligner(self) -> Aligner:
        """What aligns texts. Raises ModelError, OptionError for a phone model that cannot be used."""
        if self.phone_model is None:
            return align_english
        from speechlip.aligning.by_model import open_aligner

        return open_aligner(self.language, self.phone_model)

    @property
    def is_light(self) -> bool:
        """Whether no network computes."""
        return self.phone_model is None

    @property
    def peak_bytes(self) -> int:
        """Of memory that one worker takes, an estimate."""
        files = Path(self.phone_model).glob("*") if self.phone_model is not None else ()
        return PEAK_BYTES + 2 * max((file.stat().st_size for file in files if file.is_file()), default=0)


DEFAULTS = AlignOptions()


def align(
    videos: str | Path,
    out: str | Path | None = None,
    options: AlignOptions = DEFAULTS,
    *,
    workers: Workers = AUTO,
    engine: EngineChoice = LOCAL,
    progress: Progress = SILENT,
) -> tuple[AlignRow, ...]:
    """Write a TextGrid for each video, as ``speechlip align`` does; one row for each.

    videos: a folder, at any depth, or one video.
    out: a folder for the TextGrids; None: beside the videos, where ``prepare`` finds them.
    workers: videos at a time, or ``auto`` for as many as the machine holds.
    engine: what runs them, as ``prepare`` takes it.

    A video that fails, or kills its process twice, is a row with its reason. Raises NoVideos, OptionError,
    also where another run writes to that folder, ModelError where pocketsphinx or a phone model is wanted
    and cannot be had, WriteError.
    """
    check_workers(workers)
    videos, out = check_path("videos", videos), check_out(out) if out else None
    if not videos.exists():
        raise OptionError(f"{videos} does not exist; give a folder of videos or one video")
    sources = list(recipes.listed(options.recipe, videos, out))
    if not sources:
        raise NoVideos(f"nothing to align: the recipe {options.recipe!r} found no video in {videos}")
    get_engine(engine)
    aligner_of(options)  # what cannot be opened is said before any work
    with only_run(out or (videos if videos.is_dir() else videos.parent)):
        return align_all(sources, out, options, workers, engine, progress)


def align_all(
    sources: Sequence[Source],
    out: Path | None,
    options: AlignOptions,
    workers: Workers,
    engine: EngineChoice,
    progress: Progress,
) -> tuple[AlignRow, ...]:
    """The row of each source, in their order; what is there is not opened by a worker."""
    places = {source: place_of(source, out) for source in sources}
    rows = there(places, options)
    if (n_left := len(sources) - len(rows)) > 1:
        aligner_of.cache_clear()  # workers open their own
    at_once = settle_at_once(engine, workers, n_left, "video", options.peak_bytes, progress)
    work = partial(align_one, out=out, options=options, one_thread=min(at_once, n_left) > 1)
    videos = folder_above(source.path for source in sources)
    doing = Doing("speechlip align", (*videos, *([out] if out and out.exists() else [])))
    progress.begin("aligning", len(sources), "videos", len(rows))
    while left := {places[source]: source for source in reversed(sources) if source not in rows}:
        pending = [*reversed(left.values())]  # of two videos of one TextGrid the first
        made = spread(work, pending, at_once, progress, crashed, doing, engine, n_left < 2, options.is_light)
        for source, row in made:
            rows[source] = row
            progress.advance(1, at=source.name)
        rows |= there({source: place for source, place in places.items() if source not in rows}, options)
    return tuple(rows[source] for source in sources)


def there(places: Mapping[Source, Path], options: AlignOptions) -> dict[Source, AlignRow]:
    """The rows of videos whose TextGrid lies at its place, and stays."""
    return {source: kept for source, place in places.items() if (kept := kept_row(source, place, options))}


aligner_of = lru_cache(maxsize=1)(AlignOptions.open_aligner)
"""The aligner of these options, opened once in a process."""


def crashed(source: Source, crash: Crashed[Source]) -> AlignRow:
    """What stands for a video whose process died twice."""
    return AlignRow(plain_name(source.name), FAILED, reason=crash.reason, detail=f"{crash.detail}, twice")


def place_of(source: Source, out: Path | None) -> Path:
    """Where its TextGrid is written."""
    if out is None:
        return source.path.with_suffix(".TextGrid")
    place = out / Path(source.name).with_suffix(".TextGrid")
    if not place.resolve().is_relative_to(out.resolve()):
        raise OptionError(f"{source.name!r} does not lie below {out}")
    return place


def kept_row(source: Source, place: Path, options: AlignOptions) -> AlignRow | None:
    """The row of a video whose TextGrid is there and stays; None where it is to be written."""
    name = plain_name(source.name)
    if not is_file(place):
        return None
    if not options.again:
        return AlignRow(name, KEPT)
    if not is_ours(place):
        return AlignRow(name, KEPT, detail=f"{place.name} is not from speechlip align, and stays")
    return None


def align_one(
    source: Source, report: Report, *, out: Path | None, options: AlignOptions, one_thread: bool = False
) -> AlignRow:
    """The row of one video, whose TextGrid is written."""
    name = plain_name(source.name)
    report(name, 0.0)
    if one_thread and not options.is_light:
        use_one_thread()
    aligner, place = aligner_of(options), place_of(source, out)
    try:
        with unexpected_refused("unexpected", SpeechLipError):
            found = phones_of(source, options.form, align=aligner)
            phones = tuple(phone for heard in found.heard for phone in heard.phones)
            words = [Phone(each.start_s, each.end_s, each.word) for each in found.heard if each.word]
            length_s = max(probe(source.path).video_duration_s, phones[-1].end_s if phones else 0.0)
            write_whole(place, phones, words, length_s)
    except SourceRefused as refusal:
        return AlignRow(name, FAILED, reason=refusal.reason, detail=refusal.detail)
    return AlignRow(
        name,
        ALIGNED,
        found.form,
        sum(phone.phone != SILENCE for phone in phones),
        mean_score(phones),
        detail=found.detail,
    )


def write_whole(place: Path, phones: tuple[Phone, ...], words: list[Phone], length_s: float) -> None:
    """Write the TextGrid. Raises SourceRefused for no phones, WriteError."""
    if not phones:
        raise SourceRefused("phones", "no phones", "nothing was recognised")
    make_folder(place.parent)
    with whole_file(place) as file:
        write_textgrid(Path(file.name), phones, words, length_s)
