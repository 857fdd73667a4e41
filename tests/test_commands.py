"""What every command has: -h, --version, defaults in the help.

Choices in the help and for the shell are what the library takes.
"""

import re
import signal
import time
from importlib.metadata import version

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from speechlip import assets, recipes
from speechlip.aligning.records import FORMS
from speechlip.benchmarking import options as benchmark_options
from speechlip.commands.base import Named, command
from speechlip.commands.cli import speechlip
from speechlip.commands.signals import EndSoon
from speechlip.describing.talkvid import PRESETS
from speechlip.device import DEVICES
from speechlip.editing.facts import PROMISES
from speechlip.editing.merge import DOUBLES
from speechlip.encoders.networks.lips import INPUTS
from speechlip.encoders.networks.pase.sizes import ALIGNMENTS, SIZES
from speechlip.encoders.networks.registry import OPTIONS
from speechlip.encoders.registry import ENCODERS, SPEECH_NETWORKS
from speechlip.errors import SignalCame
from speechlip.exporting.clip_files import FORMATS as EXPORT_FORMATS
from speechlip.exporting.layouts import RENDERERS
from speechlip.faces import crops
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.format import LIPS_FORMATS
from speechlip.media.frames import DECODERS
from speechlip.metrics.regions import REGIONS
from speechlip.metrics.table import METRICS
from speechlip.preparing import choices as prep_choices
from speechlip.rendering import implicit_options
from speechlip.rendering.options import MAPPINGS, SPLITS
from speechlip.rendering.options import RENDERERS as LIP_RENDERERS
from speechlip.rendering.paper_table import TABLES
from speechlip.scoring import options as score_options
from speechlip.scoring.protocols import PROTOCOLS
from speechlip.scoring.sync.sync_filter import UNDECIDED_TRACKS
from speechlip.scoring.transcode.rules import GENERATIONS
from speechlip.shards.pairs.rules import PAIRS
from speechlip.spectra import SPECTROGRAM_WIDTHS
from speechlip.training import options as config
from speechlip.training.step import augment, losses
from speechlip.training.step.segment_losses import MASKS
from speechlip.workers.engines import ENGINES


def commands(group=speechlip, path=()):
    yield " ".join(path), group
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from commands(each, (*path, name))
        else:
            yield " ".join((*path, name)), each


COMMANDS = dict(commands())
KNOWN = {
    ("align", "form"): FORMS,
    ("align", "recipe"): recipes.RECIPES.choices(),
    ("prep-shards", "recipe"): recipes.RECIPES.choices(),
    ("prep-shards", "detector"): DETECTORS.choices(),
    ("prep-shards", "crop"): crops.PRESETS,
    ("prep-shards", "faces"): prep_choices.FACES,
    ("prep-shards", "pairs"): PAIRS,
    ("prep-shards", "phones"): prep_choices.PHONES,
    ("prep-shards", "spectrogram"): SPECTROGRAM_WIDTHS,
    ("prep-shards", "lips_format"): LIPS_FORMATS,
    ("prep-shards", "split_by"): prep_choices.SPLIT_BY,
    ("prep-shards", "engine"): ENGINES.choices(),
    ("edit append", "engine"): ENGINES.choices(),
    ("score-sync", "engine"): ENGINES.choices(),
    ("score-encoder", "engine"): ENGINES.choices(),
    ("export-features", "engine"): ENGINES.choices(),
    ("render-lips", "engine"): ENGINES.choices(),
    ("align", "engine"): ENGINES.choices(),
    ("prep-shards", "doubles"): prep_choices.DOUBLES,
    ("prep-shards", "speakers"): prep_choices.SPEAKERS,
    ("doubles", "recipe"): recipes.RECIPES.choices(),
    ("doubles", "detector"): DETECTORS.choices(),
    ("edit merge", "doubles"): DOUBLES,
    ("edit split", "split_by"): PROMISES,
    ("prep-shards", "decoder"): DECODERS,
    ("score-sync", "metrics"): METRICS.choices(),
    ("score-sync", "protocol"): (*PROTOCOLS, "theval"),
    ("score-sync", "ffmpeg"): GENERATIONS,
    ("score-sync", "precision"): score_options.PRECISIONS,
    ("score-sync", "region"): REGIONS,
    ("score-sync", "detector"): DETECTORS.choices(),
    ("score-sync", "device"): DEVICES,
    ("train-encoder", "encoder"): SPEECH_NETWORKS.choices(),
    ("train-encoder", "feature"): OPTIONS["feature"],
    ("train-encoder", "pool"): OPTIONS["pool"],
    ("train-encoder", "preset"): config.PRESETS | dict(config.PASE_PRESETS),
    ("train-encoder", "size"): SIZES,
    ("train-encoder", "alignment"): ALIGNMENTS,
    ("train-encoder", "negatives_mask"): MASKS,
    ("train-encoder", "loss"): losses.LOSSES,
    ("train-encoder", "schedule"): config.SCHEDULES,
    ("train-encoder", "augment"): augment.AUGMENTATIONS,
    ("train-encoder", "pairs"): PAIRS,
    ("train-encoder", "lip_input"): INPUTS,
    ("train-encoder", "device"): DEVICES,
    ("train-encoder", "precision"): config.PRECISIONS,
    ("score-encoder", "encoders"): ENCODERS.choices(),
    ("prep-shards", "undecided"): UNDECIDED_TRACKS,
    **dict.fromkeys((("prep-shards", "quality"), ("clips", "quality"), ("edit select", "quality")), PRESETS),
    ("score-encoder", "preset"): benchmark_options.PRESETS,
    ("score-encoder", "device"): DEVICES,
    ("score-encoder", "precision"): benchmark_options.PRECISIONS,
    ("judge", "detector"): DETECTORS.choices(),
    ("judge", "device"): DEVICES,
    ("export-clips", "form"): EXPORT_FORMATS,
    ("export-features", "encoder"): ENCODERS.choices(),
    ("export-features", "renderers"): RENDERERS,
    ("export-features", "device"): DEVICES,
    ("render-lips", "encoders"): ENCODERS.choices(),
    ("render-lips", "split"): SPLITS,
    ("render-lips", "mapping"): MAPPINGS,
    ("render-lips", "table"): TABLES,
    ("render-lips", "renderer"): LIP_RENDERERS,
    ("render-lips", "detector"): DETECTORS.choices(),
    ("render-lips", "device"): DEVICES,
    ("render-lips", "precision"): implicit_options.PRECISIONS,
    ("render-lips", "size"): implicit_options.SIZES,
    ("models fetch", "name"): {**assets.ASSETS, **assets.ALIASES},
    ("models path", "name"): {**assets.ASSETS, **assets.ALIASES},
}


def parameters(kind):
    return {
        (name, each.name): each
        for name, command in COMMANDS.items()
        for each in command.params
        if isinstance(each.type, kind)
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_short_help_and_a_version(name):
    words = [*name.split(), "-h"]
    assert (
        CliRunner().invoke(speechlip, words).output
        == CliRunner().invoke(speechlip, [*name.split(), "--help"]).output
    )
    shown = CliRunner().invoke(speechlip, [*name.split(), "--version"])
    assert (shown.exit_code, shown.output) == (0, f"speechlip, version {version('speechlip')}\n")


def test_choices_are_what_the_library_knows():
    choices = {key: parameter.type.choices for key, parameter in parameters(click.Choice).items()}
    assert {key: sorted(names) for key, names in choices.items()} == {
        key: sorted(names) for key, names in KNOWN.items()
    }


@pytest.mark.parametrize(
    ("name", "option"), [key for key, found in parameters(Named).items() if isinstance(found, click.Option)]
)
def test_help_lists_the_choices(name, option):
    (parameter,) = (each for each in COMMANDS[name].params if each.name == option)
    words = re.sub(r"\s+", " ", CliRunner().invoke(COMMANDS[name], ["-h"]).output)
    assert all(choice in words for choice in parameter.type.choices) or parameter.metavar


def completed(*words):
    *before, last = words
    return [
        item.value for item in ShellComplete(speechlip, {}, "speechlip", "_X").get_completions(before, last)
    ]


def test_the_shell_completes_choices_one_after_another_and_plug_ins(monkeypatch):
    assert completed("prep-shards", "--crop", "l") == ["lips", "lower-face"]
    assert completed("score-sync", "--metrics", "lse,lp") == ["lse,lpips"]
    assert completed("models", "fetch", "wavlm") == ["wavlm", "wavlm-large", "wavlm-base"]
    monkeypatch.setattr(
        "speechlip.plugins.entry_points",
        lambda group: [type("Point", (), {"name": "slurm"})] * (group == "speechlip.engines"),
    )
    assert completed("prep-shards", "--engine", "") == ["local", "ray", "slurm"]


@pytest.mark.parametrize(
    ("name", "defaults", "presets"),
    [
        ("train-encoder", config.TrainOptions(), {"fast": config.PRESETS["fast"]}),
        (
            "score-encoder",
            benchmark_options.BenchmarkOptions(),
            {"quick": benchmark_options.PRESETS["quick"]},
        ),
    ],
)
def test_help_says_what_a_preset_takes(name, defaults, presets):
    """Options that the preset fills in are None on the command line; their help says the number."""
    for option in COMMANDS[name].params:
        if option.name in vars(defaults) and option.name not in (
            "encoder",
            "feature",
            "pool",
            "size",
            "alignment",
            "compile",
            "random_init",
            "recognised_phones",
            "negatives",
            "weights",
            "split",
            "noise",
        ):
            if getattr(defaults, option.name) is None:
                assert all(f"{rate:g}" in option.help for rate in benchmark_options.RATES)
                continue
            shown = f"{getattr(defaults, option.name)}"
            also = "".join(
                f"; {preset}: {values[option.name]}"
                for preset, values in presets.items()
                if option.name in values
            )
            assert f"[default: {shown}{also}]" in option.help, option.name


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_in_one_sentence_and_cleans_up(number, code, capsys):
    cleaned = []

    @command()
    def working():
        try:
            signal.raise_signal(number)
            time.sleep(9)
        finally:
            cleaned.append(True)

    with pytest.raises(SystemExit) as ended:
        working([])
    assert (ended.value.code, capsys.readouterr().err.lstrip(), cleaned) == (
        code,
        "stopped; the same command goes on where it stopped\n",
        [True],
    )


def test_a_signal_waits_for_the_end_of_an_import(tmp_path, monkeypatch):
    """What torch imports by pybind11 would end the process by C++'s ``terminate``."""
    (tmp_path / "imports_slowly.py").write_text(
        "import signal, time\nsignal.raise_signal(signal.SIGTERM)\ntime.sleep(0.05)\nWHOLE = True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before = signal.signal(signal.SIGTERM, EndSoon())
    try:
        with pytest.raises(SignalCame):
            import imports_slowly

            time.sleep(9)
        assert imports_slowly.WHOLE
    finally:
        signal.signal(signal.SIGTERM, before)


def test_windows_is_answered_with_a_sentence(monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    done = CliRunner().invoke(speechlip, ["prep-shards", "videos", "-o", "shards"])
    assert (done.exit_code, done.output) == (
        1,
        "error: speechlip runs on Linux and macOS; on Windows take WSL: `wsl --install`, "
        "then a clone in there\n",
    )


def test_help_never_says_a_default_twice():
    for name, each in COMMANDS.items():
        for option in re.split(r"\n  (?=-)", CliRunner().invoke(each, ["-h"]).output):
            assert option.count("default:") <= 1, (name, option)
