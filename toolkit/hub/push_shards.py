"""A prepared folder to a dataset repository: verified, sent (shards first, card last), streamed back and
compared.
"""

from pathlib import Path

from speechlip.checks import AUTO, check_path
from speechlip.errors import ShardError
from speechlip.format import (
    CARD,
    CLIPS,
    CROISSANT,
    IMAGES_FOLDER,
    LEDGER,
    MANIFEST,
    PAIRS_FOLDER,
    SHARDS_FOLDER,
    pairs_file,
    shard_file,
)
from speechlip.hub.publication import NAME as PUBLICATION
from speechlip.hub.publication import publication
from speechlip.hub.push import Pushed, PushOptions, open_repository, push
from speechlip.hub.repository import Upload, upload_of
from speechlip.hub.token import token_of
from speechlip.manifest import Manifest
from speechlip.progress import SILENT, Progress
from speechlip.shards.checks.verify import verify

OWN_FOLDERS = (SHARDS_FOLDER, PAIRS_FOLDER)
DEFAULTS = PushOptions()


def push_shards(
    folder: str | Path,
    repo_id: str,
    options: PushOptions = DEFAULTS,
    *,
    token: str | None = None,
    progress: Progress = SILENT,
) -> Pushed:
    """Push a finished folder to the dataset ``repo_id`` (user/name).

    Safe to repeat: only what is missing travels.

    token: by default that of ``HF_TOKEN``, else that of ``hf auth login``. A dry run checks all that is local
    without token or network, and asks the Hub where it can. A repository that was not public is private until
    everything is there and read back; a public push makes it public last. Raises ShardError for a folder that
    is not sound, OptionError for what cannot be asked, HubError for what the Hub or the network refuses.
    """
    folder, token = check_path("folder", folder), token_of(token, wanted=not options.dry_run)
    repository = open_repository(repo_id, "dataset", options, token)
    uploads, manifest = uploads_of(folder, options, progress)
    clips = {shard_file(row.name): row.clips for row in manifest.shards}
    return push(repository, uploads, options, progress, OWN_FOLDERS, clips)


def uploads_of(folder: Path, options: PushOptions, progress: Progress) -> tuple[list[Upload], Manifest]:
    """The files that travel, in their order, nothing else that lies in the folder; and its manifest.

    Raises ShardError where verify-shards finds a problem.
    """
    verification = verify(folder, workers=AUTO, progress=progress)
    manifest = verification.manifest
    if manifest is None or not verification.ok:
        more = len(verification.problems) + verification.more - 1
        raise ShardError(
            f"not pushed: {verification.problems[0]}{f' (and {more} more)' if more else ''}; "
            f"the shards changed since the manifest, or are damaged: verify-shards {folder} says all"
        )
    if not (folder / CARD).is_file():
        raise ShardError(
            f"{folder} has no {CARD}, so nobody would know what it is; run the same prep-shards command again"
        )
    licences = sorted({*manifest.stated_licences, *verification.licences})
    record = publication(licences, options.public, options.gated, options.right_stated)
    stated = [
        *((shard_file(row.name), row.sha256) for row in manifest.shards),
        *((pairs_file(split), file.sha256) for split, file in manifest.pairs.items()),
        (LEDGER, ""),
        *([(CLIPS, manifest.clips.sha256)] if manifest.clips else []),
        (MANIFEST, ""),
    ]
    images = [path.relative_to(folder) for path in sorted((folder / IMAGES_FOLDER).glob("*.png"))]
    beside = [path.as_posix() for path in (*images, Path(CROISSANT)) if (folder / path).is_file()]
    uploads = [
        *(upload_of(name, folder / name, sha256, fixed=True) for name, sha256 in stated),
        *(upload_of(name, folder / name) for name in beside),
        upload_of(PUBLICATION, record),
        upload_of(CARD, folder / CARD),
    ]
    return uploads, manifest
