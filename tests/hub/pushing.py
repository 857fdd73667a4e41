"""push-shards as a person calls it, and what it says."""

from click.testing import CliRunner

from speechlip.commands.cli import push_shards

REPO = "ann/talks"


def push(folder, *options, repo=REPO):
    """(exit code, stdout and stderr)"""
    done = CliRunner().invoke(push_shards, [str(folder), repo, *options])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def refused(folder, *options, repo=REPO):
    """The one line of a push that was refused."""
    code, output = push(folder, "--quiet", *options, repo=repo)
    assert code == 1 and output.startswith("error: ") and output.count("\n") == 1
    return output
