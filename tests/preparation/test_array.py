"""A preparation by an array of jobs: plan, shares in any order and process, end. The bytes are one run's."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hindered import contents, in_this_process

from preparing import prep
from speechlip.errors import OptionError
from speechlip.files.locks import beside_others, only_run
from speechlip.preparing.place import placing
from speechlip.preparing.plan.shares import Share, parse_share
from speechlip.preparing.plan.written import UnitPlace
from speechlip.preparing.prep_run import PrepRun
from speechlip.preparing.prepare_array import finish_units, plan_units, prepare_units
from speechlip.version import VERSION

OPTIONS = ("--recipe", "synthetic", "--detector", "sidecar", "--max-clip", "2s", "--workers", 1)


@pytest.fixture(scope="module")
def planned(talking, tmp_path_factory):
    out = tmp_path_factory.mktemp("planned") / "out"
    return out, prep(talking, "-o", out, *OPTIONS, "--plan-only")


@pytest.fixture
def begun(planned, tmp_path, monkeypatch):
    """A folder of its own with that plan; units are done in this process."""
    monkeypatch.setattr("speechlip.preparing.prep_run.get_engine", lambda *given: in_this_process)
    monkeypatch.setattr("speechlip.preparing.prepare_array.start_server", lambda: None)
    return shutil.copytree(planned[0], tmp_path / "out")


def test_the_plan_says_how_to_go_on_and_makes_nothing(planned, talking):
    out, said = planned
    assert said.exit_code == 0
    assert "4 videos" in said.stdout and "4 units to do: --units 0::N to --units {N-1}::N" in said.stdout
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["plan.json"]
    again = prep(talking, "-o", out, *OPTIONS, "--plan-only")
    assert (again.exit_code, again.stdout) == (0, said.stdout)


def test_shares_give_the_bytes_of_one_run_and_the_end_names_what_is_missing(
    begun, talking, undisturbed, monkeypatch
):
    """tests/faults/test_array_jobs.py has them as processes, side by side and killed."""
    said = prep(talking, "-o", begun, *OPTIONS, "--units", "1::2")
    assert said.exit_code == 0 and "2 units done: " in said.stdout
    ended = prep(talking, "-o", begun, *OPTIONS, "--finish")
    assert ended.exit_code == 1 and not (begun / "manifest.json").exists()
    assert "2 of 4 units are missing: " in ended.stderr and "no manifest.json is written" in ended.stderr
    assert prep(talking, "-o", begun, *OPTIONS, "--units", "0::2").exit_code == 0
    reads, load = [], placing.load_result
    monkeypatch.setattr(placing, "load_result", lambda path: reads.append(path.name) or load(path))
    assert prep(talking, "-o", begun, *OPTIONS, "--finish").exit_code == 0
    assert len(reads) == 4 and len(set(reads)) == 4  # each finished unit is looked at once
    whole = contents(undisturbed)
    del whole["manifest.json"]  # the fixture's has no declarations and no card
    assert {name: digest for name, digest in contents(begun).items() if name in whole} == whole
    for step in (("--plan-only",), ("--units", "0::4"), ("--finish",)):
        assert prep(talking, "-o", begun, *OPTIONS, *step).exit_code == 0


def test_a_finished_folder_that_lost_a_shard_is_not_planned_again(talking, undisturbed, tmp_path):
    """The jobs of that plan would find it finished, its end all units missing."""
    out = shutil.copytree(undisturbed, tmp_path / "out")
    shard = min((out / "data").glob("*.tar"))
    (out / ".work").mkdir()
    finish = (talking, "-o", out, *OPTIONS, "--finish")
    assert prep(*finish).exit_code == 0 and not (out / ".work").exists()
    shard.unlink()
    for step in ("--plan-only", "--finish"):
        said = prep(talking, "-o", out, *OPTIONS, step)
        assert said.exit_code == 1 and not (out / ".work").exists()
        assert (
            f"missing or cut: {shard.name}; the same command without --plan-only or --finish makes"
            in said.stderr
        )


def test_other_options_than_the_plans_are_refused(begun, talking):
    for step in (("--units", "0::1"), ("--finish",), ("--plan-only",)):
        said = prep(talking, "-o", begun, *OPTIONS, "--crop", "lower-face", *step)
        assert said.exit_code == 1 and "crop was 'lips', is now 'lower-face'" in said.stderr


def test_a_job_of_another_release_than_the_plans_is_refused(begun, talking):
    """One node of a cluster may lag behind; the shards of a folder are made by one release."""
    path = begun / ".work" / "plan.json"
    head, *lines = path.read_text().splitlines()
    assert json.loads(head)["version"] == VERSION
    path.write_text("\n".join([json.dumps(json.loads(head) | {"version": "9.9"}), *lines]) + "\n")
    said = prep(talking, "-o", begun, *OPTIONS, "--units", "0::1")
    assert said.exit_code == 1 and "install 9.9 there" in said.stderr
    assert f"speechlip 9.9 made the plan of {begun}, and {VERSION} is installed on" in said.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--units", "0::4"), "has no plan; run the same command with --plan-only first"),
        (("--finish",), "has no plan; run the same command with --plan-only first"),
        (("--units", "4::4"), "--units 4::4 is no share: jobs are counted from 0, so the last of 4 is 3::4"),
        (("--units", "0::0"), "--units 0::0 is a share of no jobs; write 0::1 for all units"),
        (("--units", ""), "cannot read --units ''; write it as 0::8"),
        (("--units", "1"), "cannot read --units '1'; write it as 0::8"),
        (("--finish", "--plan-only"), "--plan-only and --finish are steps of their own; give one of them"),
    ],
)
def test_steps_that_cannot_be_done(given, message, talking, tmp_path):
    said = prep(talking, "-o", tmp_path / "out", *OPTIONS, *given)
    assert said.exit_code == 1 and message in said.stderr and not (tmp_path / "out").exists()


def test_the_sbatch_file_of_the_docs_gives_every_job_its_share_also_where_one_is_run_again(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "cluster.md").read_text()
    script = re.search(r"(#!/bin/bash\n.*?)```", page, re.DOTALL)[1]
    (tmp_path / "prep-shards").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "prep-shards").chmod(0o755)
    given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_CPUS_PER_TASK": "4"}
    first, last = map(int, re.search(r"--array=(\d+)-(\d+)", script).groups())
    for job in (first, last):
        alone = {"SLURM_ARRAY_TASK_ID": str(job), "SLURM_ARRAY_TASK_COUNT": "1"}
        said = subprocess.run(
            ["bash", "-c", script], env=given | alone, capture_output=True, text=True, check=True
        )
        arguments = said.stdout.splitlines()
        assert parse_share(arguments[arguments.index("--units") + 1]) == Share(job, last - first + 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run": 4}, r"run is 4, wanted PrepRun\(...\)"),
        ({"options": PrepRun()}, r"options is PrepRun\(.*, wanted PrepOptions\(...\)"),
    ],
)
def test_arguments_of_another_kind(given, message, talking, tmp_path):
    for step, share in ((plan_units, ()), (prepare_units, ("0::1",)), (finish_units, ())):
        with pytest.raises(OptionError, match=message):
            step(talking, tmp_path / "out", *share, **given)
    assert not (tmp_path / "out").exists()


def test_how_it_is_run_is_checked_when_it_is_made():
    with pytest.raises(OptionError, match=r"work is '/scratch', wanted WorkPlace\(...\)"):
        PrepRun(work="/scratch")
    with pytest.raises(OptionError, match="workers is 0, wanted a whole number from 1 on, or 'auto'"):
        PrepRun(workers=0)


def test_shares_are_the_whole_plan_once_and_about_equally_long():
    units = [place(index, length_s) for index, length_s in enumerate((5, 90, 7, 80, 1, 3, 60, 2))]
    shares = [Share(job, 3).of(units) for job in range(3)]
    assert sorted(unit.index for share in shares for unit in share) == list(range(8))
    assert [unit.seconds for unit in shares[0]] == [90, 7, 2]
    assert parse_share("2::3").of(units) == shares[2] and Share(9, 10).of(units) == []


def place(index, length_s):
    return UnitPlace("train", index, length_s, 0, 0)


def test_shares_hold_a_folder_together_and_a_whole_run_alone(tmp_path):
    refused = pytest.raises(OptionError, match="another run is writing")
    with beside_others(tmp_path), beside_others(tmp_path), refused, only_run(tmp_path):
        pass
    with only_run(tmp_path), refused, beside_others(tmp_path):
        pass
