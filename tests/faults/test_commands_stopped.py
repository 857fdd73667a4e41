"""Every command that writes results, stopped at seeded moments: SIGKILL of its group, Ctrl-C, SIGTERM.

What lies there is whole, nobody is left, nothing is said but one sentence, and the same command goes on to
the results of an undisturbed run.
"""

import os
import signal
import time

import numpy as np
import pytest
from whole_files import not_whole

pytestmark = pytest.mark.faults

SEED, KILLS = 20261130, int(os.environ.get("FAULTS_COMMAND_KILLS", "3"))
CODES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}
"""While Python starts or ends, a signal ends it at once."""


COMMANDS = (
    *("score-sync", "score-encoder", "export-features", "export-clips"),
    *("align", "render-lips", "judge", "train-encoder"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_stopped_goes_on(stage, given, tmp_path, command):
    from every_command import CASES

    case, begun_s = CASES[command], time.monotonic()
    assert stage.run(case.words(given, tmp_path / "whole"))[0] == 0
    whole_s, wanted = time.monotonic() - begun_s, case.made(tmp_path / "whole")
    rng, met = np.random.default_rng((SEED, len(command))), 0
    for signals in ([signal.SIGKILL] * KILLS, [signal.SIGINT], [signal.SIGTERM]):
        out = tmp_path / signals[0].name
        for number in signals:
            code, said = stage.killed(case.words(given, out), rng.uniform(0, 0.6 * whole_s), number)
            assert code in (0, -number, CODES[number]) and not not_whole(out), (code, said, not_whole(out))
            assert code <= 0 or said[-1].startswith("stopped"), said
            met += code != 0
        code, said = stage.run(case.words(given, out))
        assert code == 0, said
        assert case.made(out) == wanted and not list(out.rglob("*.part"))
    assert met
    print(f"{command}: {KILLS} kills −9, a Ctrl-C, a SIGTERM (seed {SEED}), {met} met it: the same results")
