"""Every command that reads a prepared folder, given every hostile one: it ends well or in one sentence.

No path leads out of its folder, nothing is unpickled, memory stays small.
"""

import resource
import shutil
import time
from collections import Counter

import click
import pytest
import tiny_dataset
from click.testing import CliRunner
from hostile_folders import FOLDERS, OUTSIDE

from preparing import prep
from speechlip.benchmarking import row, tasks
from speechlip.benchmarking.projection import projection_head
from speechlip.benchmarking.row_records import Cost
from speechlip.commands.base import command
from speechlip.commands.cli import speechlip
from speechlip.encoders.networks import pair
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.shards.read.reader import ClipReader
from tiny_lips import TinyLips

pytestmark = pytest.mark.faults

TRAINED = "--device cpu --steps 1 --batch-size 2 --quiet"
READERS = {
    "verify-shards": "verify-shards {own} --quiet",
    "inspect-shards": "inspect-shards {own} -o {out} --quiet",
    "clips": "clips {own}",
    "edit select": "edit select {own} -o {out} --where n_frames>0 --quiet",
    "edit split": "edit split {own} -o {out} --quiet",
    "edit merge": "edit merge {own} {other} -o {out} --quiet",
    "edit append": "edit append {own} {videos} -o {out} --quiet --workers 1",
    "align": "align {own} -o {out} --quiet",
    "train-encoder": "train-encoder {own} -o {out} --encoder mel-cnn --validation-pairs 4 " + TRAINED,
    "score-encoder": "score-encoder {own} -o {out} --encoder log-mel --seeds 1 --lr 0.005 --workers 1 "
    + TRAINED,
    "export-clips": "export-clips {own} -o {out} --quiet",
    "push-shards": "push-shards {own} ann/talks --dry-run --quiet",
    "card": "card {own}",
    "iteration": "iteration {own}",
}
ENDS_WELL = (0, 2, 3)
MOST_MB, LONGEST_S = 300, 60


@command("iteration")
@click.argument("folder")
def iteration(folder):
    """Read every clip of every split."""
    for split in ("train", "validation", "test"):
        for clip in ClipReader(folder, split, fields=("lips", "spectrogram", "audio", "landmarks")):
            assert len(clip.lips) == clip.meta.n_frames
    return 0


@pytest.fixture(scope="module")
def given(talking, tmp_path_factory):
    """Two sound folders, and one of videos in which there is none."""
    root = tmp_path_factory.mktemp("given")
    shutil.copytree(talking, root / "filmed", ignore=shutil.ignore_patterns("*.TextGrid"))
    generate(root / "others", SyntheticOptions(identities=1, clips=1, seed=9))
    (root / "others" / "speaker-000").rename(root / "others" / "zoe")
    for path in root.rglob("*.TextGrid"):
        path.unlink()
    prepare(root / "filmed", root / "sound")
    prepare(root / "others", root / "other")
    (root / "videos").mkdir()
    (root / "videos" / "none.mp4").write_bytes(b"none")
    return root


def prepare(videos, out):
    """Without the table of clips, so that every reader opens the shards."""
    done = prep(videos, "-o", out, "--detector", "sidecar", "--max-clip", "2s", "--quiet")
    assert done.exit_code == 0, done.stderr
    (out / "clips.parquet").unlink()
    tiny_dataset.edit_manifest(out, lambda manifest: manifest.pop("clips"))


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair, "LipEncoder", TinyLips)
        patch.setattr(projection_head, "LipEncoder", TinyLips)
        patch.setattr(row, "measured_cost", lambda task, parameters, *rest: Cost(parameters, 1, None))
        patch.setattr(tasks, "CONTROLS", {})
        patch.setattr("speechlip.training.train.illustrate", lambda *given: None)
        yield


def call(reader, given, place, own):
    names = {"own": own, "other": given / "other", "videos": given / "videos", "out": place / "work" / "out"}
    words = [word.format(**names) for word in READERS[reader].split()]
    if reader == "iteration":
        return CliRunner().invoke(iteration, words[1:])
    return CliRunner().invoke(speechlip, words)


def tree(place):
    return {path.relative_to(place).as_posix() for path in place.rglob("*")} - {"work"}


def ended(reader, given, place, change):
    """(exit code, stderr) of one reader on one folder; what may never be is asserted here."""
    own = shutil.copytree(given / "sound", place / "in" / "deep" / "own")
    (place / "work").mkdir()
    change(own)
    before, begun_s = tree(place), time.monotonic()
    done = call(reader, given, place, own)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert "Traceback" not in done.output and time.monotonic() - begun_s < LONGEST_S
    made = {path for path in tree(place) - before if not path.startswith(("work/out", "in/deep/own/"))}
    assert not made and not any(OUTSIDE in path.name for path in place.rglob("*"))
    if done.exit_code == 1 and reader != "verify-shards":
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(said) == 1 and done.stderr.splitlines()[-1] == said[0] and said[0].isprintable(), (
            done.output
        )
    assert done.exit_code in (1, *ENDS_WELL), done.output
    return done


@pytest.mark.parametrize("reader", READERS)
def test_a_hostile_folder_ends_well_or_in_one_sentence(reader, given, tmp_path):
    sound = ended(reader, given, tmp_path / "sound", lambda folder: None)
    assert sound.exit_code in ENDS_WELL, sound.output
    before, codes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, Counter()
    for number, (kind, change) in enumerate(FOLDERS.items()):
        try:
            done = ended(reader, given, tmp_path / str(number), change)
        except AssertionError as error:
            raise AssertionError(f"{reader}, {kind}: {error}") from error
        codes[done.exit_code] += 1
        print(f"{reader}, {kind}: {done.exit_code}", done.stderr.strip().splitlines()[-1:])
        if reader == "verify-shards":
            assert done.exit_code == 1, kind
        shutil.rmtree(tmp_path / str(number))
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(f"{reader}: {len(FOLDERS)} hostile folders, exit codes {dict(codes)}, memory grew by {grown_mb} MB")
    assert grown_mb < MOST_MB
