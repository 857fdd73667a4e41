"""What a long command says of itself where stderr is a terminal, a file, or nobody's."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechlip.commands import cli, terminal
from speechlip.commands.terminal import Bar, Bars


@pytest.fixture
def clock_s(monkeypatch):
    """A clock that is moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def said(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_log_gets_a_line_every_half_minute_with_what_is_left(capsys, clock_s):
    bar = Bar(120.4, "preparing", "s of video", done=20.4)
    for passed_s in (10, 29, 30, 40, 59, 60):
        clock_s[0] = 1000.0 + passed_s
        bar.reach(20.4 + passed_s / 3, "b.mp4")
    bar.close()
    assert said(capsys) == [
        "preparing: 30 of 120 s of video (25%) after 30 s, about 4:30 min left; b.mp4",  # 90 s, 10 in 30
        "preparing: 40 of 120 s of video (34%) after 1:00 min, about 4:00 min left; b.mp4",
    ]


def test_in_a_long_run_lines_become_fewer_but_never_stop(capsys, clock_s):
    bar = Bar(100_000, "se4lip", "steps")
    for second in range(1, 24 * 3600):
        clock_s[0] = 1000.0 + second
        bar.add()
    assert (
        20 + 34 < len(said(capsys)) < 24 * 12 + 50
    )  # every 30 s for ten minutes, then by 5 % of the time, at last every 5 minutes


def test_what_is_soon_over_and_what_is_quiet_says_nothing(capsys, clock_s):
    with Bar(2, "drawing", "clips") as bar:
        assert list(bar.over("ab")) == ["a", "b"]
    with Bar(2, "drawing", "clips", quiet=True) as bar:
        clock_s[0] += 1000
        bar.add()
    assert said(capsys) == []


@pytest.mark.parametrize(
    ("quiet", "words"), [(False, ["detector cascade", "a worker died"]), (True, ["a worker died"])]
)
def test_a_quiet_command_says_what_happens_and_not_what_was_chosen(capsys, quiet, words):
    with Bars(quiet) as progress:
        progress.say("detector cascade")
        progress.begin("preparing", 10, "s of video")
        progress.say("a worker died")
    assert said(capsys) == words


def test_a_bar_has_whole_numbers_and_never_more_than_all(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    bar = Bar(10.04, "preparing", "s of video")
    for _ in range(7):
        bar.add(0.48)
    assert " 3/10 s of video [" in str(bar.bar)
    bar.add(100, "x.mp4")
    assert "100%" in str(bar.bar) and " 10/10 s of video [" in str(bar.bar) and "x.mp4" in str(bar.bar)
    bar.close()


def test_a_total_may_be_known_late(capsys, clock_s):
    with Bar(0, "verifying", "clips") as bar:
        clock_s[0] += 31
        bar.reach(3, total=12)
    assert said(capsys) == ["verifying: 3 of 12 clips (25%) after 31 s, about 1:33 min left"]


HOSTILE = "a\x1b[2J\x1b]0;owned\x07\r\u202e.mp4"


def test_no_name_acts_on_the_terminal(capsys, clock_s):
    """In a bar, a log, a message, and whatever a command echoes."""
    bar = Bar(10, "scoring", "clips")
    clock_s[0] += 40
    bar.add(1, HOSTILE)
    bar.tell(f"said: {HOSTILE}")
    bar.close()
    terminal.say(f"{HOSTILE} is replaced")
    terminal.echo(f"one\n{HOSTILE}", err=True)
    for line in capsys.readouterr().err.split("\n"):
        assert line.isprintable(), line


@pytest.mark.parametrize(
    "command",
    ["verify-shards", "prep-shards", "score-sync", "export-features", "inspect-shards", "train-encoder"],
)
def test_no_path_in_an_error_acts_on_the_terminal(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(getattr(cli, command.replace("-", "_")), [HOSTILE])
    assert done.exit_code and all(line.isprintable() for line in done.output.split("\n")), done.output


def test_commands_speak_through_the_terminals_room_alone():
    """No module prints by itself: whatever it prints may hold a name."""
    for path in Path(terminal.__file__).parent.rglob("*.py"):
        calls = re.findall(
            r"\bclick\.(?:s?echo|secho)\(|tqdm\.write\(|sys\.std(?:out|err)\.write\(", path.read_text()
        )
        assert not calls or path.name == "terminal.py", (path, calls)
