"""Files to a repository: sent in their order, the card last, streamed back and compared, published last."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from speechlip.errors import HubError
from speechlip.format import CARD
from speechlip.hub.read_back import differences
from speechlip.hub.refusals import said_plainly
from speechlip.hub.repository import MB, Plan, Repository, RepoType, Upload
from speechlip.progress import Progress


@dataclass(frozen=True)
class PushOptions:
    """How something is pushed.

    public: for everybody; else private, because faces and voices are biometric data.
    gated: people ask for access, and the owner lets them in by hand.
    revision: branch, made where it is not there.
    dry_run: check what is local, ask the Hub where it can be asked, change nothing.
    right_stated: whoever pushes says that they may publish data whose licence is unknown or forbids
        derivatives.
    """

    public: bool = False
    gated: bool = False
    revision: str = "main"
    dry_run: bool = False
    right_stated: bool = False


@dataclass(frozen=True)
class Pushed:
    """What was pushed, or would be.

    repo_id: ``user/name``.
    plan: what had to travel, and what was there already.
    commit: that holds everything; empty for a dry run.
    """

    repo_id: str
    plan: Plan
    commit: str


def open_repository(repo_id: str, kind: RepoType, options: PushOptions, token: str) -> Repository:
    """A repository to push to, perhaps not there yet. Raises OptionError for what is no name of one."""
    with said_plainly(repo_id, token):
        return Repository(repo_id, kind, options.revision, token)


def push(
    repository: Repository,
    uploads: Sequence[Upload],
    options: PushOptions,
    progress: Progress,
    own_folders: Sequence[str] = (),
    clips: Mapping[str, int] | None = None,
) -> Pushed:
    """Send what is missing, the card last, read everything back, and publish last where that was asked.

    own_folders: where nothing but uploads may lie. clips: of each shard, by its path. Raises HubError for
    what is refused; then a repository that was private still is.
    """
    with said_plainly(repository.repo_id, repository.token), without_bars():
        return _push(repository, uploads, options, progress, own_folders, clips or {})


@contextmanager
def without_bars() -> Iterator[None]:
    """The Hub's client shows no bars of its own."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def _push(
    repository: Repository,
    uploads: Sequence[Upload],
    options: PushOptions,
    progress: Progress,
    own_folders: Sequence[str],
    clips: Mapping[str, int],
) -> Pushed:
    if options.dry_run and (unasked := repository.unasked()):
        return Pushed(repository.repo_id, Plan(tuple(uploads), (), unasked), "")
    is_to_open = becomes_public(repository, options.public)
    if is_to_open:
        refuse_strangers(repository, uploads)
    if not options.dry_run:
        repository.create(options.gated)
    plan = repository.plan(uploads, own_folders)
    if options.dry_run:
        return Pushed(repository.repo_id, plan, "")
    progress.begin("sending", plan.bytes / MB, "MB")
    repository.send([each for each in plan.missing if each.path != CARD], progress)
    repository.send([each for each in plan.missing if each.path == CARD], progress)
    commit = repository.head()
    compare(repository, commit, uploads, clips, progress)
    if is_to_open:
        refuse_strangers(repository, uploads)
        repository.publish()
    return Pushed(repository.repo_id, plan, commit)


def becomes_public(repository: Repository, public: bool) -> bool:
    """Whether the push is to make the repository public, which it was not.

    Raises HubError where it is public and nobody said ``--public``.
    """
    is_public = repository.is_private() is False
    if is_public and not public:
        raise HubError(
            f"{repository.repo_id} is public, and --public was not given; "
            "make it private in its settings, or give --public"
        )
    return public and not is_public


def refuse_strangers(repository: Repository, uploads: Sequence[Upload]) -> None:
    """Raises HubError where files that were not checked would become public.

    The Hub shows the whole of a repository or nothing.
    """
    strangers = list(islice(repository.strangers(uploads), 4))
    if strangers:
        more = " and more" if len(strangers) > 3 else ""
        raise HubError(
            f"{repository.repo_id} holds more than was checked, and all of it would become public: "
            f"{', '.join(strangers[:3])}{more}; push to a repository of its own, or leave --public out"
        )


def compare(
    repository: Repository,
    commit: str,
    uploads: Sequence[Upload],
    clips: Mapping[str, int],
    progress: Progress,
) -> None:
    """Raises HubError where what the repository gives back is not what was sent."""
    first = next(differences(repository, commit, uploads, clips, progress), "")
    if first:
        raise HubError(
            f"{repository.repo_id} does not give back what was sent: {first}; "
            "look at the repository, then push to another name"
        )
