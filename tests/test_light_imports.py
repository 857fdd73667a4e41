"""What a command imports before it needs it: no large library at the top of a module on its way.

The graph of imports at module level is computed from the sources, without importing anything. Imports inside
functions are left out: there a library is needed.
"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from tiny_dataset import write_dataset

import speechlip

PACKAGE = Path(speechlip.__file__).parent
LARGE = {
    "ai_edge_litert",
    "datasets",
    "lpips",
    "matplotlib",
    "mediapipe",
    "pandas",
    "pyarrow",
    "scipy",
    "skimage",
    "sklearn",
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
    "webdataset",
}
ARRAYS_AND_MEDIA = {"av", "cv2", "numpy", "PIL", "soundfile", "huggingface_hub"}
"""Libraries of 0.1 s and less, which most commands use at once; help needs none of them."""
COMPUTES_AT_ONCE = {
    "train_encoder": {"torch"},
    "score_encoder": {"torch"},
    "export_features": {"torch"},
    "render_lips": {"torch"},
}
"""Commands that begin with a network."""


def file_of(module):
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def at_the_top(body):
    """Statements that run when a module is imported."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from at_the_top(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            for inner in ("body", "orelse", "finalbody"):
                yield from at_the_top(getattr(node, inner, []))
        else:
            yield node


@cache
def imports_of(module):
    """(modules of speechlip, other packages) that are imported when ``module`` is."""
    names = []
    for node in at_the_top(ast.parse(file_of(module).read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    own = {name for name in names if name.startswith("speechlip") and file_of(name).exists()}
    parents = {name.rpartition(".")[0] for name in {*own, module}} - {""}
    return own | parents, {name.partition(".")[0] for name in names} - {"speechlip"}


def with_all_that_it_imports(module):
    """Package → the way to it, through modules of speechlip."""
    ways, waiting, found = {module: (module,)}, [module], {}
    while waiting:
        now = waiting.pop()
        own, others = imports_of(now)
        for package in others:
            found.setdefault(package, ways[now])
        for name in own - ways.keys():
            ways[name] = (*ways[now], name)
            waiting.append(name)
    return found


def shown(found, forbidden):
    return {package: " → ".join(found[package]) for package in forbidden & found.keys()}


OUTPUTS = sorted(
    path.stem for path in (PACKAGE / "commands" / "output").glob("*.py") if path.stem != "__init__"
)


def test_help_imports_nothing_large_nor_arrays_nor_media():
    assert not shown(with_all_that_it_imports("speechlip.commands.cli"), LARGE | ARRAYS_AND_MEDIA)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_command_begins_without_large_libraries(name):
    found = with_all_that_it_imports(f"speechlip.commands.output.{name}")
    assert not shown(found, LARGE - COMPUTES_AT_ONCE.get(name, set()))


@pytest.mark.parametrize(
    "module",
    [
        "speechlip.gallery.write",
        "speechlip.hub.push_shards",
        "speechlip.preparing.plan.inspecting",
        "speechlip.preparing.prepare",
        "speechlip.scoring.audit.run",
        "speechlip.scoring.folder.job",
        "speechlip.shards.checks.verify",
        "speechlip.workers.pool",
    ],
)
def test_a_job_begins_without_large_libraries(module):
    assert not shown(with_all_that_it_imports(module), LARGE)


def test_these_jobs_never_import_torch(talking, tmp_path):
    """One process plans a preparation, shows shards, lists what there is; its workers are left out."""
    shards = write_dataset(tmp_path / "shards", lips_format="jpg", landmarks=True, phones=True)
    words = [
        [
            "prep-shards",
            talking,
            "-o",
            tmp_path / "out",
            "--detector",
            "cascade",
            "--dry-run",
            "--workers",
            1,
        ],
        ["inspect-shards", shards, "-o", tmp_path / "gallery", "--quiet"],
        ["recipes"],
        ["models", "list"],
    ]
    code = (
        "import sys; from speechlip.commands.cli import speechlip\n"
        f"for words in {[list(map(str, each)) for each in words]}:\n"
        "    try: speechlip(words)\n"
        "    except SystemExit as ended: assert not ended.code, (words, ended.code)\n"
        "    large = {'torch', 'webdataset', 'sklearn', 'datasets', 'transformers'} & set(sys.modules)\n"
        "    assert not large, (words, large)\n"
        "from pathlib import Path; from speechlip.media.whole_audio import read_audio\n"
        "from speechlip.preparing.plan.inspecting import InspectTask, inspect, unheard\n"
        "from speechlip.records import Source; from speechlip.scoring.audit.clip import audit_clip\n"
        f"video = next(Path({str(talking)!r}).rglob('*.mp4'))\n"
        "inspect(InspectTask(0, Source(video, 'a', 'b'), 'cascade', 12), unheard)\n"
        "audit_clip(video, 'a', 10**8), read_audio(video, 10**8)\n"
        "assert 'torch' not in sys.modules, 'what light workers do'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
