"""A run to a model repository: weights as safetensors, what they are, and the card; never the trainer's
state.
"""

from pathlib import Path

from speechlip.checks import check_path
from speechlip.encoders.checkpoint import FACTS, WEIGHTS, open_checkpoint
from speechlip.encoders.trained import load_run
from speechlip.format import CARD
from speechlip.hub.publication import NAME as PUBLICATION
from speechlip.hub.publication import publication
from speechlip.hub.push import Pushed, PushOptions, open_repository, push
from speechlip.hub.repository import Upload, upload_of
from speechlip.hub.token import token_of
from speechlip.licences import stated_licences
from speechlip.progress import SILENT, Progress
from speechlip.training.run import cosines, history, picture
from speechlip.training.run.card import made_anew, write_card

BESIDE = (picture.NAME, history.NAME, cosines.NAME)
DEFAULTS = PushOptions()


def push_encoder(
    run: str | Path,
    repo_id: str,
    options: PushOptions = DEFAULTS,
    *,
    token: str | None = None,
    progress: Progress = SILENT,
) -> Pushed:
    """Push the last checkpoint of a run, with its card made anew, and compare what the Hub gives back.

    Safe to repeat: only what is missing travels. ``load_run("hf://user/name")`` reads it back. token: as for
    ``push_shards``. Raises ModelError for what is no sound run, OptionError and HubError as ``push_shards``
    does.
    """
    run, token = check_path("run", run), token_of(token, wanted=not options.dry_run)
    repository = open_repository(repo_id, "model", options, token)
    return push(repository, uploads_of(run, options), options, progress)


def uploads_of(run: Path, options: PushOptions) -> list[Upload]:
    """The files that travel, the card last; ``trainer.pt``, a pickle, is not among them.

    The card is written anew, unless the run is a dry one.
    """
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
