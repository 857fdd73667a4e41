"""What ``push-shards`` and ``push-encoder`` do between the command line and the Hub: token, progress, where things are."""

from pathlib import Path

from speechlip.commands.terminal import Bar, echo
from speechlip.hub.push_encoder import push_encoder
from speechlip.hub.push_shards import PushOptions, push_shards
from speechlip.hub.repository import Plan, Upload
from speechlip.hub.token import token_of
from speechlip.wording import counted


def run_shards(folder: Path, repo_id: str, token_file: Path | None, options: PushOptions, quiet: bool) -> int:
    """Push, and say where it is; returns the exit code."""
    token, progress = token_of(token_file, wanted=not options.dry_run), Progress(quiet)
    try:
        commit = push_shards(folder, repo_id, token, options, progress)
    finally:
        progress.close()
    if commit and not quiet:
        echo(
            f"{repo_id} holds what was sent: counts and SHA-256 of every file compared; {seen(options)}, commit {commit[:12]}"
        )
        echo(f'load_dataset("{repo_id}", streaming=True), or train-encoder hf://{repo_id}')
    return 0


def run_encoder(run: Path, repo_id: str, token_file: Path | None, options: PushOptions, quiet: bool) -> int:
    """Push, and say how to use it; returns the exit code."""
    token, progress = token_of(token_file, wanted=not options.dry_run), Progress(quiet)
    try:
        commit = push_encoder(
            run, repo_id, token, options, progress.planned, progress.sent, progress.read_back
        )
    finally:
        progress.close()
    if commit and not quiet:
        echo(f'{repo_id} is there, {seen(options)}, commit {commit[:12]}; load_run("hf://{repo_id}")')
    return 0


def seen(options: PushOptions) -> str:
    return f"{'public' if options.public else 'private'}{', gated' if options.gated else ''}"


class Progress:
    """How far: clips verified, megabytes sent, files read back; nothing with ``--quiet``."""

    def __init__(self, quiet: bool) -> None:
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
        self.quiet, self.what, self.total_bytes = quiet, "", 0
        self.bar: Bar | None = None

    def on_clip(self, done: int, total: int) -> None:
        self._show("verifying", "clips", total).reach(done)

    def planned(self, plan: Plan) -> None:
        """Say what is to be sent and what is there already."""
        self.close()
        self.total_bytes = plan.bytes
        if self.quiet:
            return
        there = (
            f"what is there already is not known: {plan.unasked}"
            if plan.unasked
            else f"{len(plan.there)} there already"
        )
        echo(f"{counted(len(plan.missing), 'file')} to send, {plan.bytes / 1e6:.1f} MB; {there}", err=True)
        for upload in plan.missing:
            echo(f"  {upload.path}  {upload.bytes / 1e6:.1f} MB", err=True)

    def sent(self, upload: Upload) -> None:
        self._show("sending", "MB", self.total_bytes / 1e6).add(upload.bytes / 1e6, upload.path)

    def read_back(self, path: str, done: int, total: int) -> None:
        self._show("reading back", "files", total).reach(done)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None

    def _show(self, what: str, unit: str, total: float) -> Bar:
        if self.bar is None or self.what != what:
            self.close()
            self.bar, self.what = Bar(total, what, unit, quiet=self.quiet), what
        return self.bar
