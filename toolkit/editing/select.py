"""``speechlip.select_clips``: a folder of the clips that fulfil a condition."""

from pathlib import Path

from speechlip.checks import check_type
from speechlip.editing.facts import facts_of
from speechlip.editing.given import open_given
from speechlip.editing.packing import packed
from speechlip.editing.rows import rows_of_kept
from speechlip.editing.run import Draft, ends_of_edit, run_edit
from speechlip.errors import OptionError
from speechlip.manifest import Edit
from speechlip.preparing.ends.local import DEFAULT_WORK, WorkPlace
from speechlip.preparing.prepared import Prepared
from speechlip.progress import SILENT, Progress
from speechlip.shards.clips.query import clips
from speechlip.wording import counted

NOT_SELECTED = "not selected"
"""The reason in the ledger."""


def select_clips(
    folder: str | Path,
    out: str | Path,
    where: str,
    *,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Copy the clips that fulfil a condition into the folder ``out``, as ``speechlip edit select`` does.

    folder: a finished folder, here or elsewhere (``s3://…``); it stays as it is.
    out: a folder, or a URL of a store, to which the finished folder is uploaded from ``work``.
    work: where on this disk it works where ``out`` is a URL; ``Prepared.folder`` is there then.
    where: such as ``seconds >= 2 and abs(yaw_deg) < 40`` (``shards.clips.where``).

    The other clips are counted in the ledger as ``not selected``. Raises OptionError for what is no
    condition, and where no clip fulfils it; ShardError for a folder that is not finished or was
    altered, and where ``out`` holds something else.
    """
    check_type("where", where, str)
    ends, given = ends_of_edit(out, work, progress), open_given(folder, progress)
    edit = Edit(operation="select", of=(given.digest,), arguments={"where": where})

    def draft() -> Draft:
        keys = clips(given.folder, where).keys
        kept = [sample for sample in given.samples if sample.key in keys]
        if not kept:
            raise OptionError(
                f"none of {counted(len(given.samples), 'clip')} fulfils {where!r}, so nothing is written; "
                "`speechlip clips FOLDER --plot curves.png` shows what thresholds keep"
            )
        rows = rows_of_kept(given.rows, given.samples, keys, NOT_SELECTED)
        return Draft([given], packed(kept, {}, given), rows, facts_of(given, edit))

    return run_edit(ends, edit, [given], draft, progress)
