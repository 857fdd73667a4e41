"""A benchmark that never happened: twelve scored encoders, one that failed, numbers in the order that one
would expect, hostile names.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from speechlip.benchmarking.columns import AMBIGUITY_COLUMNS, COLUMNS
from speechlip.benchmarking.records import JSON_NAME, SHIFTS, TOKENS_FOLDER, Benchmark, ShardsFacts
from speechlip.benchmarking.row_records import Ambiguity, Cost, Difference, EncoderRow, Score, SeedResult

HOSTILE = "features:</script><img src=x onerror=\"document.title='taken'\">\u202e & {{data}} ${1+1}"
VISEMES = (
    "P B M",
    "T D N",
    "K G NG",
    "F V",
    "TH DH",
    "S Z",
    "SH ZH CH JH",
    "L",
    "R",
    "HH",
    "AA",
    "AO",
    "AE AH",
    "IY IH",
    "UW W",
    "EH EY",
    "OW",
)
CONSONANTS = tuple(phone for viseme in VISEMES[:8] for phone in viseme.split())
ROWS = (  # name, role, mode, how well it finds lips, AR, NV, real-time factor, parameters, look-ahead ms
    ("runs/se4lip", "encoder", "as trained", 0.93, 0.16, 0.84, 0.011, 12_215_808, 96),
    ("runs/se4lip", "encoder", "head", 0.88, 0.16, 0.84, 0.011, 12_215_808, 96),
    ("runs/mel-cnn", "encoder", "as trained", 0.81, 0.21, 0.75, 0.004, 3_403_264, 106),
    ("hubert", "encoder", "head", 0.90, 0.78, 0.95, 0.092, 94_371_712, None),
    ("hubert@9", "encoder", "head", 0.89, 0.70, 0.96, 0.083, 94_371_712, None),
    ("wavlm", "encoder", "head", 0.87, 0.81, 0.95, 0.104, 94_381_936, None),
    (HOSTILE, "encoder", "head", 0.55, 0.62, 0.71, 0.0, 0, 20),
    ("random:se4lip", "control", "head", 0.42, 0.34, 0.38, 0.011, 12_215_808, 96),
    ("shuffled:log-mel", "control", "head", 0.0, 0.40, 0.02, 0.001, 0, 20),
    ("log-stft", "control", "head", 0.70, 0.66, 0.86, 0.001, 0, 36),
    ("log-mel", "control", "head", 0.74, 0.58, 0.87, 0.001, 0, 36),
    ("lips", "control", "head", 0.97, 0.10, 0.70, 0.0, 0, 20),
)
CHANCE = {"r1": 1 / 512, "r5": 5 / 512, "average_precision": 0.5}


def made_benchmark(
    folder: Path, rows=ROWS, clips: int = 48, tokens: int = 30, map_seed: int = 0
) -> Benchmark:
    """Written to ``folder``: benchmark.json, and the tokens of the maps, ``tokens`` of each phone."""
    draw = np.random.default_rng(11)
    scored = [_scored(row, number, folder, clips, tokens, draw) for number, row in enumerate(rows)]
    failed = EncoderRow(
        "whisper",
        "whisper",
        "encoder",
        "head",
        "failed",
        reason="ModelError: no weights of whisper:base here and no network; get them",
    )
    best = max(
        scored, key=lambda row: row.scores["pair_auc"].value if row.role == "encoder" else 0, default=None
    )
    rows = (*(_against(row, best) for row in scored), failed)
    made = Benchmark(
        shards=ShardsFacts(
            "drawn <b>heads</b>",
            "5f2b" * 16,
            "lips 96×96",
            "test",
            {
                name: {"clips": count, "speakers": speakers, "seconds": 6.5 * count}
                for name, count, speakers in (("train", 240, 9), ("test", clips, 3))
            },
            {"positive": 512, "shift": 256, "clip": 128},
            {"speaker": "the split has one speaker only"},
            512,
            3,
            "landmarker",
        ),
        options={
            "preset": "full",
            "seeds": 3,
            "steps": 3000,
            "batch_size": 64,
            "loss": "nce",
            "device": "cuda",
            "split": "test",
        },
        clips=tuple(f"clip-{number:03d}" for number in range(clips)),
        rows=rows,
        command="score-encoder 'drawn <b>heads</b>/' --encoder hubert --encoder runs/se4lip -o benchmark/",
        head="per frame linear to 128, ReLU, five frames side by side, linear to 512",
        notes=("drawn mouths: /t/ and /d/ are equal by construction",),
        unlike_paper={"loss": "nce, the paper has relu", "steps": "3000, not stated"},
        versions={"python": "3.12", "torch": "2.14"},
        speechlip="0.1.0",
    )
    (folder / JSON_NAME).write_text(made.dump(), encoding="utf-8")
    return made


def _scored(row, number, folder, clips, tokens, draw) -> EncoderRow:
    name, role, mode, quality, ar, nv, speed, parameters, look_ahead = row
    scores = {column: _score(column, quality, draw) for column in COLUMNS}
    scores |= {
        name: Score(None, reason="the split has one speaker only")
        for name in COLUMNS
        if name.endswith("speaker")
    }
    seeds = tuple(_seed(seed, quality, clips, draw) for seed in range(1 if mode == "as trained" else 3))
    cost = Cost(
        parameters, 0 if mode == "as trained" else 393_856, look_ahead, speed, 480 + parameters * 4e-6
    )
    cost = (
        cost if name != HOSTILE else Cost(None, 393_856, 20, reason="features from files cost nothing here")
    )
    trained = (
        {"loss": "nce, the paper has relu", "steps": "20000, not stated"} if name.startswith("runs/") else {}
    )
    return EncoderRow(
        name,
        f"{name} ({mode})" if mode == "as trained" else name,
        role,
        mode,
        "scored",
        dim=512,
        frame_dim=512,
        rate_hz=25,
        centre_ms=20,
        note="landmarks from landmarker" if name == "lips" else "",
        scores=scores,
        seeds=seeds,
        cost=cost,
        unlike_paper=trained,
        seconds=200,
        ambiguity=_ambiguity(name, number, ar, nv, folder, tokens, draw),
    )


def _score(name: str, quality: float, draw) -> Score:
    column = COLUMNS[name]
    chance = next((value for start, value in CHANCE.items() if name.startswith(start)), column.chance)
    share = quality * (0.93 if name.endswith("shift") else 1) * (0.45 if name.startswith("r1") else 1)
    if name.startswith("sync"):
        value, width = (1 + 6 * quality, 0.4) if name.endswith("confidence") else (14 - 6 * quality, 0.3)
    else:
        value = chance + share * ((0 if name.startswith("eer") else 1) - chance) + 0.004 * draw.normal()
        value, width = float(np.clip(value, 0, 1)), 0.03 * (1.15 - quality)
    top = 99 if name.startswith("sync") else 1
    ends = (value - width, value + width, value - 0.4 * width, value + 0.4 * width)
    return Score(value, *(float(np.clip(end, 0, top)) for end in ends))


def _seed(seed: int, quality: float, clips: int, draw) -> SeedResult:
    shifts = np.array(SHIFTS)
    curve = (
        14
        - 6 * quality * np.exp(-((shifts / (2.5 + 1.5 * (1 - quality))) ** 2))
        + 0.06 * draw.normal(size=31)
    )
    many = (None,) * clips
    return SeedResult(
        seed,
        3000,
        0.4,
        {"pair_auc": 0.5 + quality / 2},
        many,
        many,
        many,
        tuple(float(value) for value in curve),
    )


def _ambiguity(name, number, ar, nv, folder, tokens, draw) -> Ambiguity:
    if name == "shuffled:log-mel":
        return Ambiguity(reason="speech of another clip has no phones of this one")
    values = {
        "va": 2 * nv * (1 - ar) / (nv + 1 - ar),
        "ar": ar,
        "ar_star": (ar - 0.1) / 0.48,
        "nv": nv,
        "np": nv - 0.03,
        "kv": 0.2 + nv * 0.6,
    }
    values |= {"kp": ar / 1.2 + 0.2, "control_contrast": 0.2 + 0.7 * nv}
    scores = {key: Score(values[key], values[key] - 0.03, values[key] + 0.03) for key in AMBIGUITY_COLUMNS}
    viseme = [next(i for i, group in enumerate(VISEMES) if phone in group.split()) for phone in CONSONANTS]
    far = draw.uniform(0.7, 1.3, size=(len(CONSONANTS),) * 2)
    ratio = [
        [
            None if i == j else float((ar if viseme[i] == viseme[j] else 1) * (far[i, j] + far[j, i]) / 2)
            for j in range(len(CONSONANTS))
        ]
        for i in range(len(CONSONANTS))
    ]
    tied = {
        f"{one}/{other}": ratio[CONSONANTS.index(one)][CONSONANTS.index(other)]
        for one, other in (("T", "D"), ("P", "B"), ("K", "G"))
    }
    file = f"{TOKENS_FOLDER}/{number}.npz"
    _tokens(folder / file, ar, nv, tokens, draw)
    return Ambiguity(
        scores=scores,
        tokens=tokens * 33,
        phones=33,
        viseme_map="sapi",
        pairs=tied,
        matrix_phones=CONSONANTS,
        matrix=tuple(map(tuple, ratio)),
        tokens_file=file,
    )


def _tokens(file: Path, ar: float, nv: float, tokens: int, draw) -> None:
    phones = [phone for group in VISEMES for phone in group.split()]
    group = np.array([number for number, viseme in enumerate(VISEMES) for _ in viseme.split()])
    centre = draw.normal(size=(len(VISEMES), 20))[group] * (0.2 + 1.1 * nv) + np.sqrt(ar) * 1.3 * draw.normal(
        size=(len(phones), 20)
    )
    points = np.repeat(centre, tokens, axis=0) + draw.normal(size=(len(phones) * tokens, 20))
    file.parent.mkdir(exist_ok=True)
    np.savez(file, points=points.astype(np.float32), phones=np.repeat(phones, tokens))


def _against(row: EncoderRow, best: EncoderRow) -> EncoderRow:
    if row is best:
        return replace(row, is_best=True)
    value = row.scores["pair_auc"].value - best.scores["pair_auc"].value
    p = 0.21 if abs(value) < 0.02 else 0.03 if abs(value) < 0.05 else 0.0005
    return replace(
        row, differences={"pair_auc": Difference(best.label, value, value - 0.02, value + 0.02, p)}
    )
