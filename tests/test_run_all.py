"""``make bench`` runs for an hour: that each of its scripts would begin is asked here."""

import argparse
import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


class Begun(Exception):
    """A script accepted its arguments."""


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name.removesuffix('.py')}", BENCHMARKS / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "given", [[], ["clips", "--detector", "landmarker"]], ids=["synthetic", "real clips"]
)
def test_every_script_takes_what_run_all_gives_it(given, tmp_path, monkeypatch):
    run_all, calls = loaded("run_all.py"), []
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for folder in ("clips", "made/speaker-1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.mp4").touch()
    monkeypatch.setattr(run_all, "synthetic", lambda videos: tmp_path / "made")
    monkeypatch.setattr(run_all, "command", lambda *line, **ends: None)
    monkeypatch.setattr(run_all, "script", lambda name, *line: calls.append((name, [*map(str, line)])))
    monkeypatch.setattr(sys, "argv", ["run_all.py", *given])
    run_all.main()
    assert len(calls) >= 18
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser, *line):
        parse(parser, *line)
        raise Begun

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    for name, line in calls:
        monkeypatch.setattr(sys, "argv", [name, *line])
        with pytest.raises(Begun):
            loaded(name).main()
