"""Which clips a folder of scores is about, so that a run of other clips does not take their results away."""

import json
from collections.abc import Sequence
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.files.writing import write_text
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.scores import Scores
from speechlip.wording import counted, listed

INDEX = "index"


def refuse_fewer(out: Path, metrics: Sequence[str]) -> None:
    """Raises OptionError where the scores in ``out`` have metrics that this run would remove."""
    before = _scores_in(out)
    left_out = [family for family in before.options.get("metrics", ()) if family not in metrics]
    if left_out:
        raise OptionError(
            f"{out} holds scores of {','.join(left_out)} as well, which this run leaves out "
            "and would remove; ask for them too, or choose another -o"
        )


def claim(out: Path, clips: Path, tasks: Sequence[ScoreTask]) -> None:
    """Note in ``clips`` that the scores in ``out`` are of ``tasks``.

    Raises OptionError where they are of other clips as well that are still there: a sub-folder scored into
    its parent's scores would remove the rows and the results of all others.
    """
    now = {str(task.render.absolute()): task.clip for task in tasks}
    left_out = [
        clip for render, clip in known(out, clips).items() if render not in now and Path(render).exists()
    ]
    if left_out:
        raise OptionError(
            f"{out} holds the scores of {counted(len(left_out), 'clip')} that this run leaves out "
            f"({listed([*map(repr, left_out)])}) and would remove; "
            "score all of them together, or choose another -o"
        )
    write_text(clips / INDEX, json.dumps(now))


def known(out: Path, clips: Path) -> dict[str, str]:
    """Path of each render that was scored into ``out`` → its clip; from ``scores.json`` where there is no
    index.
    """
    try:
        return dict(json.loads((clips / INDEX).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {str(Path(clip.render).absolute()): clip.clip for clip in _scores_in(out).clips}


def _scores_in(out: Path) -> Scores:
    """The scores of an earlier run; none where there are none, or they are damaged."""
    try:
        return Scores.load(out)
    except OptionError:
        return Scores()
