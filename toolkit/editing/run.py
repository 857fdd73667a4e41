"""One edit: planned, copied, finished; killed at any moment, the same call goes on and ends with the same
bytes.

Everything under way lies in ``OUT/.work``, as while videos are prepared: a finished shard with its result
beside it, moved into place when all are there; the manifest is written last.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.cards.dataset import write_card
from speechlip.cards.kept import BEGIN, END, parts
from speechlip.checks import check_kind, check_place
from speechlip.editing.copying import Copier, NewShard
from speechlip.editing.given import GivenFolder
from speechlip.errors import ShardError
from speechlip.files.locks import LOCK, only_run
from speechlip.files.strict_json import as_json, encode_json
from speechlip.files.writing import make_folder, part_name, write_text
from speechlip.format import CARD, MANIFEST, SHARDS_FOLDER, WORK_FOLDER
from speechlip.manifest import Edit, Manifest
from speechlip.preparing.ends.local import Ends, WorkPlace, ends_of
from speechlip.preparing.place.finish import FolderFacts, finish
from speechlip.preparing.place.placing import DoneUnit, done_unit, each_whole_result, load_result, result_path
from speechlip.preparing.plan.units import Unit
from speechlip.preparing.prepared import Prepared
from speechlip.progress import Progress
from speechlip.shards.ledger import LedgerRow, line_of, without_units
from speechlip.shards.ledger_file import stored_ledger
from speechlip.shards.read.shardset import read_manifest

REQUEST = "edit.json"
"""In the work folder: which edit it is of."""
ELSEWHERE = "choose another -o, or delete that folder first"


@dataclass(frozen=True)
class Draft:
    """What an edit makes.

    given: the folders that samples are copied from.
    shards: to be written, in their order.
    rows: of the ledger, gone through once.
    facts: what the manifest says that the shards do not hold.
    """

    given: Sequence[GivenFolder]
    shards: Sequence[NewShard]
    rows: Iterable[LedgerRow]
    facts: FolderFacts


def ends_of_edit(out: str | Path, work: WorkPlace, progress: Progress) -> Ends:
    """Where an edit writes on this disk. Raises OptionError for what is neither a path nor the URL of a
    store, HubError.
    """
    check_kind("work", work, WorkPlace)
    return ends_of(Path(), check_place("out", out), work, progress)


def run_edit(
    ends: Ends, edit: Edit, given: Sequence[GivenFolder], make: Callable[[], Draft], progress: Progress
) -> Prepared:
    """Make a folder, or go on with it, or find it done, and upload it where it belongs elsewhere; what is in
    it.

    ends: where the folder is made.
    edit: what is asked.
    given: the folders that are edited.
    make: plans it; called where there is something to do.

    Raises ShardError where ``out`` holds something else, or a shard is not the one of its manifest;
    OptionError where another run writes there.
    """
    out = ends.out
    refuse_same_folder(out, given)
    if (done := finished(out, edit)) is None:
        refuse_other_content(out, edit)
        draft = make()
        with only_run(out):
            begin_work(out, edit)
            keep_words(out, given)
            lines = (line_of(without_units(row)) for row in draft.rows)
            done = finish(out, copied(out, draft, progress), lines, draft.facts, write_card)
    ends.publish(progress)
    return Prepared(out, done, stored_ledger(out))


def begin_work(out: Path, edit: Edit) -> Path:
    """The work folder, with a note of what it is for."""
    work = make_folder(out / WORK_FOLDER)
    write_text(work / REQUEST, request(edit))
    return work


def copied(out: Path, draft: Draft, progress: Progress) -> dict[Unit, DoneUnit]:
    """What came of all shards, those that an earlier run left among them."""
    work = out / WORK_FOLDER
    units = [shard.unit for shard in draft.shards]
    whole = {
        unit: done_unit(unit, result) for unit, result in each_whole_result(work, out / SHARDS_FOLDER, units)
    }
    stated = {shard.path: shard.row for folder in draft.given for shard in folder.shards}
    total = sum(shard.bytes for shard in draft.shards) / 1e6
    done = sum(shard.bytes for shard in draft.shards if shard.unit in whole) / 1e6
    progress.begin("copying", total, "MB", done)
    copier = Copier(work, stated, progress)
    for shard in draft.shards:
        if shard.unit not in whole:
            copier.copy(shard)
            whole[shard.unit] = done_unit(shard.unit, load_result(result_path(work, shard.unit)))
    return {unit: whole[unit] for unit in units}


def finished(out: Path, edit: Edit) -> Manifest | None:
    """The manifest of ``out`` where this edit made it already. Raises ShardError where something else did."""
    if not (out / MANIFEST).exists():
        return None
    manifest = read_manifest(out)
    if not manifest.edited or as_json(manifest.edited[-1]) != as_json(edit):
        raise ShardError(f"{out} is a finished folder that another command made; {ELSEWHERE}")
    shutil.rmtree(out / WORK_FOLDER, ignore_errors=True)
    return manifest


def refuse_other_content(out: Path, edit: Edit) -> None:
    """Raise ShardError where ``out`` holds what this edit did not leave there."""
    if not out.exists():
        return
    path = out / WORK_FOLDER / REQUEST
    if path.is_file():
        if path.read_text(encoding="utf-8") != request(edit):
            raise ShardError(
                f"{out} holds an unfinished edit of another kind, or of other folders or videos; {ELSEWHERE}"
            )
    elif not out.is_dir() or any(each.name != LOCK and not is_begun(each) for each in out.iterdir()):
        raise ShardError(f"{out} is not empty, and no edit began it; {ELSEWHERE}")


def is_begun(path: Path) -> bool:
    """Whether this is the work folder of an edit that was killed before it noted which one it is."""
    return path.name == WORK_FOLDER and all(each.name == part_name(REQUEST) for each in path.iterdir())


def refuse_same_folder(out: Path, given: Sequence[GivenFolder]) -> None:
    """Raise ShardError where ``out`` is one of the folders that are edited, or lies in one."""
    for folder in given:
        if folder.folder.resolve() in (out.resolve(), *out.resolve().parents):
            raise ShardError(
                f"-o {out} lies in {folder.folder}, which stays as it is; give the result a folder of its own"
            )


def request(edit: Edit) -> str:
    return encode_json(as_json(edit)).decode() + "\n"


def keep_words(out: Path, given: Sequence[GivenFolder]) -> None:
    """Put what people added to the cards of the given folders where the new card will find it.

    Raises OptionError where the marks of a card do not come in pairs.
    """
    words = []
    for folder in given:
        path = folder.folder / CARD
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        words += [text[first:last] for first, last in parts(text) if text[first:last].strip()]
    if words:
        write_text(out / CARD, "".join(f"{BEGIN}{text}{END}\n" for text in words))
