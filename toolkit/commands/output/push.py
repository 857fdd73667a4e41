"""What ``push-shards`` and ``push-encoder`` print: what travels, and where it is."""

from speechlip.commands.terminal import echo
from speechlip.hub.push import Pushed, PushOptions
from speechlip.wording import counted


def show_plan(pushed: Pushed) -> None:
    """What had to be sent and what was there already, on stderr."""
    plan = pushed.plan
    there = f"{len(plan.there)} there already"
    if plan.unasked:
        there = f"what is there already is not known: {plan.unasked}"
    echo(f"{counted(len(plan.missing), 'file')} to send, {plan.bytes / 1e6:.1f} MB; {there}", err=True)
    for upload in plan.missing:
        echo(f"  {upload.path}  {upload.bytes / 1e6:.1f} MB", err=True)


def show_shards(pushed: Pushed, options: PushOptions) -> None:
    """Where the shards are, and how to read them."""
    show_plan(pushed)
    if pushed.commit:
        whole = f"{pushed.repo_id} holds what was sent: counts and SHA-256 of every file compared"
        echo(f"{whole}; {access(options)}, commit {pushed.commit[:12]}")
        echo(f'load_dataset("{pushed.repo_id}", streaming=True), or train-encoder hf://{pushed.repo_id}')


def show_encoder(pushed: Pushed, options: PushOptions) -> None:
    """Where the encoder is, and how to use it."""
    show_plan(pushed)
    if pushed.commit:
        there = f"{pushed.repo_id} is there, {access(options)}, commit {pushed.commit[:12]}"
        echo(f'{there}; load_run("hf://{pushed.repo_id}")')


def access(options: PushOptions) -> str:
    return f"{'public' if options.public else 'private'}{', gated' if options.gated else ''}"
