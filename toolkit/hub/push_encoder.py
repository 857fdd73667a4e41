"""A training run to a model repository: weights as safetensors, what they are, and the card; never the trainer's state."""

from collections.abc import Callable
from pathlib import Path

from speechlip.cards.encoder import write_card
from speechlip.encoders.trained import FACTS, WEIGHTS, last_checkpoint, load_run, read_facts

from .publication import NAME as PUBLICATION
from .publication import publication
from .push_shards import CARD, PushOptions, refuse_public
from .refusals import said_plainly
from .repository import Plan, Repository, Upload, upload_of

BESIDE = ("training.png", "history.csv", "cosines.csv")


def push_encoder(
    run: Path, repo_id: str, token: str, options: PushOptions, planned: Callable[[Plan], object], sent: Callable[[Upload], object]
) -> str:
    """Push the last checkpoint of a run; returns the commit, empty for a dry run. Safe to repeat: only what is missing travels.

    ``load_run("hf://user/name")`` reads it back. Raises ModelError for what is no sound run, OptionError and HubError as ``push_shards`` does.
    """
    uploads = uploads_of(run, options)
    with said_plainly(repo_id, token):
        repository = Repository(repo_id, "model", options.revision, token)
        refuse_public(repository, options.public)
        if not options.dry_run:
            repository.create(options.gated)
        plan = repository.plan(uploads)
        planned(plan)
        if options.dry_run:
            return ""
        repository.send([each for each in plan.missing if each.path != CARD], sent)
        repository.send([each for each in plan.missing if each.path == CARD], sent)
        commit = repository.head()
        if options.public:
            repository.publish()
    return commit


def uploads_of(run: Path, options: PushOptions) -> list[Upload]:
    """The files that travel, the card last; ``trainer.pt``, a pickle, is not among them."""
    folder = last_checkpoint(run)
    facts = read_facts(folder)
    load_run(run)
    if not (run / CARD).is_file():
        write_card(run)
    licence = str(facts.get("data", {}).get("licence", "unknown"))
    record = publication([licence], options.public, options.gated, options.right_stated)
    model = [upload_of(WEIGHTS, folder / WEIGHTS, facts["sha256"], fixed=True), upload_of(FACTS, folder / FACTS, fixed=True)]
    beside = [upload_of(name, run / name) for name in BESIDE if (run / name).is_file()]
    return [*model, *beside, upload_of(PUBLICATION, record), upload_of(CARD, run / CARD)]
