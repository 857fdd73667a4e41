"""The group ``speechlip`` and its commands, which are also commands of their own."""

import click

from speechlip.commands.align import align
from speechlip.commands.base import Group
from speechlip.commands.card import card
from speechlip.commands.clips import clips
from speechlip.commands.doubles import doubles
from speechlip.commands.edit import edit
from speechlip.commands.export_clips import export_clips
from speechlip.commands.export_features import export_features
from speechlip.commands.inspect_shards import inspect_shards
from speechlip.commands.judge import judge
from speechlip.commands.models import models
from speechlip.commands.prep_shards import prep_shards
from speechlip.commands.push_encoder import push_encoder
from speechlip.commands.push_shards import push_shards
from speechlip.commands.recipes import recipes
from speechlip.commands.render_lips import render_lips
from speechlip.commands.score_encoder import score_encoder
from speechlip.commands.score_sync import score_sync
from speechlip.commands.study import study
from speechlip.commands.synthesize import synthesize
from speechlip.commands.train_encoder import train_encoder
from speechlip.commands.verify_shards import verify_shards


@click.group(cls=Group)
def speechlip() -> None:
    """Shards of aligned speech and lips from raw talking videos, and scores for lips and encoders."""


for command in (
    align,
    prep_shards,
    verify_shards,
    inspect_shards,
    clips,
    doubles,
    edit,
    export_clips,
    score_sync,
    study,
    judge,
    train_encoder,
    score_encoder,
    export_features,
    render_lips,
    push_shards,
    push_encoder,
    card,
    synthesize,
    recipes,
    models,
):
    speechlip.add_command(command)
