"""The card of a trained encoder: what it is, what it learned from, how well it tells pairs apart, how to use it.

Made from what a run leaves (``checkpoint.json``, ``history.csv``, ``cosines.csv``) and never typed; what a person adds between the marked lines
stays when it is made anew.
"""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from speechlip.encoders.trained import last_checkpoint, read_facts
from speechlip.errors import ModelError
from speechlip.files import write_text
from speechlip.shards.ledger import clock
from speechlip.training.cosines import auc_by_kind, read_cosines
from speechlip.training.picture import NAME as PICTURE

from .kept import YOURS, with_kept

NAME = "README.md"
TAGS = ["speechlip", "lip-sync", "talking-head", "audio-visual", "speech", "feature-extraction"]
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""What the Hub takes for the name of a dataset; other titles stay in the text."""


def write_card(run: Path) -> Path:
    """Write ``README.md`` of a run, keeping what a person added; returns its path.

    Raises ModelError for a folder without a whole checkpoint, OptionError where the marks of the card that is there do not come in pairs.
    """
    facts, path = read_facts(last_checkpoint(run)), run / NAME
    try:
        card = encoder_card(run.resolve().name, facts, auc_by_kind(read_cosines(run)), (run / PICTURE).is_file())
    except (KeyError, TypeError) as error:
        raise ModelError(
            f"the checkpoint of {run} lacks {error}, which its card tells; train on with this release, or train again"
        ) from error
    write_text(path, with_kept(card, path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else card)
    return path


def encoder_card(name: str, facts: Mapping[str, Any], auc: Mapping[str, tuple[float, int]], pictured: bool) -> str:
    """The whole card. facts: ``checkpoint.json``. auc: as ``auc_by_kind`` gives it, possibly empty. pictured: whether the picture lies beside it."""
    header = yaml.safe_dump(card_data(facts["data"]), sort_keys=False, allow_unicode=True, width=1000)
    picture = f"![Loss, pair AUC and cosines of validation pairs]({PICTURE})\n\n" if pictured else ""
    parts = [opening(name, facts), scores(auc), picture + making(facts), learned_from(facts), use(name, facts["crop"]), LIMITS, YOURS]
    return f"---\n{header}---\n\n" + "\n".join(parts)


def card_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The YAML part: the licence is that of the videos, because no other is known for what was learned from them.

    >>> card_data({"licence": "CC BY 4.0", "title": "someone/talks"})["datasets"]
    ['someone/talks']
    """
    licence, title = " ".join(data.get("licence", "unknown").split()), data.get("title", "")
    said = {"license": "unknown"} if licence == "unknown" else {"license": "other", "license_name": licence}
    named = {"datasets": [title]} if HUB_NAME.fullmatch(title) else {}
    return {"library_name": "speechlip", "pipeline_tag": "feature-extraction", **said, **named, "tags": TAGS}


def opening(name: str, facts: Mapping[str, Any]) -> str:
    options = facts["options"]
    return f"""# {plain(name)}

A pair of encoders that brings speech and lips into one space of 512 numbers: windows of 200 ms that belong together lie close. The speech network is
`{plain(options["encoder"])}`, the lip network is SE4Lip's Table 2. Trained by speechlip {plain(facts["speechlip"])} for {facts["step"]} steps of
{options["batch_size"]} pairs with loss `{plain(options["loss"])}`.
"""


def scores(auc: Mapping[str, tuple[float, int]]) -> str:
    if not auc:
        return "## How well it tells pairs apart\n\nIt was not measured: the shards have no frozen validation pairs.\n"
    rows = "\n".join(
        f"| {'all' if kind == 'all' else f'`{plain(kind)}`'} | {value:.3f} | {count} |" for kind, (value, count) in auc.items()
    )
    return f"""## How well it tells pairs apart

Pair AUC on the validation pairs that were looked at while training, 0.5 is chance: how often a match is more alike than a mismatch.

| mismatches | pair AUC | how many |
|---|---|---|
{rows}
"""


def making(facts: Mapping[str, Any]) -> str:
    rows = "\n".join(f"| {plain(name)} | {plain(word)} |" for name, word in facts["unlike_paper"].items())
    return f"""## What differs from the paper, and what it leaves open

| option | value |
|---|---|
{rows}

All options are in `checkpoint.json`. SHA-256 of the weights: `{plain(facts["sha256"])}`.
"""


def learned_from(facts: Mapping[str, Any]) -> str:
    data, shards = facts["data"], facts["shards"]
    access = plain(data.get("access", ""))
    return f"""## What it learned from

{plain(data.get("title", "Shards without a title"))}: {data["clips"]} clips of {data["speakers"]} speakers, {clock(data["seconds"])} in the train split.
Licence of the videos: {plain(data.get("licence", "unknown"))}.{f" {access}" if access else ""}

Shards: train split `{plain(shards["digest"])}`, SHA-256 of `manifest.json` `{plain(shards["manifest_sha256"])}`; crops `{plain(facts["crop"])}`.
"""


def use(name: str, crop: str) -> str:
    quoted = json.dumps(name, ensure_ascii=False)
    return f"""## How to use it

`score-sync renders/ --sync-model FOLDER` measures offset, confidence and distance in its space. In Python:

```python
from speechlip.encoders.trained import load_run

pair = load_run({quoted})
lips, speech = pair.features(iter(crops), audio)
```

`crops` are (96, 96, 3) uint8 RGB pictures at 25 fps, cut as `prep-shards --crop {plain(crop)}` does; `audio` is (N,) int16 at 16 kHz. Row i of both results is
of frames i … i + 4.
The weights are safetensors and hold no code.
"""


LIMITS = """## Limits

- It knows 25 pictures a second, 16 kHz and the crops named above; sound that was late or early in the training videos is late or early to it.
- The numbers above are of people from the same collection of videos. They say little about other cameras, languages or ways of speaking.
- Its distance and confidence are in its own space: they are not LSE-D and LSE-C, and do not compare with another encoder's.
- It says how well lips and speech fit, and neither who speaks nor whether a video is forged.
"""


def plain(value: Any) -> str:
    """Text of a file as text of a card: one line, no HTML, no new table cell, no code mark.

    >>> plain("a | <b>\\n`c`")
    'a \\\\| &lt;b&gt; &#96;c&#96;'
    """
    return html.escape(" ".join(str(value).split()), quote=False).replace("|", "\\|").replace("`", "&#96;")
