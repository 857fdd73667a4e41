"""What a user may choose for ``score-encoder``: one frozen dataclass and two presets.

All of it changes numbers, and stands in benchmark.json.
"""

from dataclasses import dataclass
from typing import Any

from speechlip.checks import check_types, from_preset
from speechlip.device import PRECISIONS, check_device
from speechlip.errors import OptionError
from speechlip.training.schedule import check_batch, learning_rate

MOST_DB = 100.0
RATES = (1.25e-4, 5e-4, 2e-3)
"""Learning rates, each four times the one before: all rows choose among the same."""
MIDDLE = RATES[1]
"""For rows that have nobody to choose by."""


@dataclass(frozen=True)
class BenchmarkOptions:
    """Options of ``benchmark``; the defaults are the preset ``full``.

    Raises OptionError for what cannot be.
    """

    steps: int = 3000
    """Training batches of each seed."""
    seeds: int = 3
    """How many, 0 … seeds − 1; start weights and pairs depend on them."""
    batch_size: int = 64
    """Pairs a step."""
    lr: float | None = None
    """Adam's, at its highest; after the warm-up it falls as a cosine to 0. None: each row has that one of
    ``RATES`` with which it finds the lips of the validation people best."""
    warmup_steps: int = 20
    """Of a linear rise of the learning rate."""
    split: str = ""
    """Whose frozen pairs are evaluated; empty for test, else validation."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    precision: str = "fp32"
    """Of the training: fp32 or bf16."""
    random_init: bool = False
    """Pretrained encoders at random weights."""
    recognised_phones: bool = False
    """Ambiguity also of phones that were recognised without a transcript, many of them wrong."""
    resamples: int = 1000
    """Of every bootstrap."""
    curve_every: int = 1
    """The offset curve takes every so many windows of lips, and speech at every shift all the same."""

    noise: str = ""
    """Levels of white noise under the speech, in dB below it, such as 20,10,5,0; empty for none."""

    def __post_init__(self) -> None:
        check_types(self)
        parse_noise(self.noise)
        check_device(self.device)
        if self.precision not in PRECISIONS:
            raise OptionError(f"precision is {self.precision!r}; there are: {', '.join(PRECISIONS)}")
        for name in ("steps", "seeds", "resamples", "curve_every"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}; it must be at least 1")
        check_batch(self.batch_size, MIDDLE if self.lr is None else self.lr)

    @classmethod
    def preset(cls, name: str = "full", /, **given: Any) -> "BenchmarkOptions":
        """A preset with what is ``given`` in its place.

        Raises OptionError for an unknown preset or option, and for a value that cannot be.

        >>> BenchmarkOptions.preset("quick", steps=99)
        BenchmarkOptions(steps=99, seeds=1, batch_size=32, ...)
        """
        return from_preset(cls, PRESETS, name, given)

    @property
    def noise_db(self) -> tuple[float, ...]:
        return parse_noise(self.noise)

    def learning_rate(self, step: int) -> float:
        """Of step 1 … steps.

        lr: of the options, or ``MIDDLE``.

        >>> options = BenchmarkOptions(lr=0.1, steps=10, warmup_steps=2)
        >>> [round(options.learning_rate(step), 4) for step in (1, 2, 6, 10)]
        [0.05, 0.1, 0.05, 0.0]
        """
        lr = MIDDLE if self.lr is None else self.lr
        return learning_rate(step, self.steps, lr, self.warmup_steps)


def parse_noise(text: str) -> tuple[float, ...]:
    """Levels in dB with commas between them, each once. Raises OptionError for what are none.

    >>> parse_noise("20,10,5,0"), parse_noise("")
    ((20.0, 10.0, 5.0, 0.0), ())
    """
    if not text.strip():
        return ()
    try:
        levels = tuple(map(float, text.split(",")))
    except ValueError:
        levels = ()
    if not levels or not all(abs(level) <= MOST_DB for level in levels) or len(set(levels)) < len(levels):
        raise OptionError(
            f"noise is {text!r}; write how many dB below the speech it lies, each level once, such as "
            "20,10,5,0"
        )
    return levels


FULL = BenchmarkOptions()
PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "quick": {"steps": 120, "seeds": 1, "batch_size": 32, "curve_every": 6},
}
