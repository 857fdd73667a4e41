"""A training run to a model repository: weights as safetensors, what they are, and the card; never the trainer's state."""

from collections.abc import Callable
from pathlib import Path

from speechlip.encoders.checkpoint import FACTS, WEIGHTS, open_checkpoint
from speechlip.encoders.trained import load_run
from speechlip.format import CARD
from speechlip.hub.publication import NAME as PUBLICATION
from speechlip.hub.publication import publication
from speechlip.hub.push_shards import PushOptions, Told, travel
from speechlip.hub.refusals import said_plainly
from speechlip.hub.repository import Plan, Repository, Upload, upload_of
from speechlip.licences import stated_licences
from speechlip.training.run.card import made_anew, write_card

BESIDE = ("training.png", "history.csv", "cosines.csv")


def push_encoder(
    run: Path,
    repo_id: str,
    token: str,
    options: PushOptions,
    planned: Callable[[Plan], object],
    sent: Callable[[Upload], object],
    read_back: Callable[[str, int, int], object] = lambda path, done, total: None,
) -> str:
    """Push the last checkpoint of a run, with its card made anew, and compare what the Hub gives back; returns the commit, empty for a dry run.

    Safe to repeat: only what is missing travels. ``load_run("hf://user/name")`` reads it back.
    Raises ModelError for what is no sound run, OptionError and HubError as ``push_shards`` does.
    """
    with said_plainly(repo_id, token):
        repository = Repository(repo_id, "model", options.revision, token)
    uploads = uploads_of(run, options)
    with said_plainly(repo_id, token):
        return travel(repository, uploads, options, Told(planned, sent, read_back), own_folders=(), clips={})


def uploads_of(run: Path, options: PushOptions) -> list[Upload]:
    """The files that travel, the card last; ``trainer.pt``, a pickle, is not among them. The card is written anew, unless the run is a dry one."""
    checkpoint = open_checkpoint(run)
    folder, facts = checkpoint.folder, checkpoint.facts
    load_run(run)
    record = publication(stated_licences(facts.data), options.public, options.gated, options.right_stated)
    card = made_anew(run).encode() if options.dry_run else write_card(run)
    model = [
        upload_of(WEIGHTS, folder / WEIGHTS, facts.sha256, fixed=True),
        upload_of(FACTS, folder / FACTS, fixed=True),
    ]
    beside = [upload_of(name, run / name) for name in BESIDE if (run / name).is_file()]
    return [*model, *beside, upload_of(PUBLICATION, record), upload_of(CARD, card)]
