"""The group ``speechlip`` and its commands, which are also commands of their own."""

import click

from .commands.base import Group
from .commands.card import card
from .commands.export_features import export_features
from .commands.inspect_shards import inspect_shards
from .commands.models import models
from .commands.prep_shards import prep_shards
from .commands.push_encoder import push_encoder
from .commands.push_shards import push_shards
from .commands.recipes import recipes
from .commands.score_encoder import score_encoder
from .commands.score_sync import score_sync
from .commands.synthesize import synthesize
from .commands.train_encoder import train_encoder
from .commands.verify_shards import verify_shards


@click.group(cls=Group)
def speechlip() -> None:
    """Shards of aligned speech and lips from raw talking videos, and scores for lips and encoders."""


for command in (
    prep_shards,
    verify_shards,
    inspect_shards,
    score_sync,
    train_encoder,
    score_encoder,
    export_features,
    push_shards,
    push_encoder,
    card,
    synthesize,
    recipes,
    models,
):
    speechlip.add_command(command)
