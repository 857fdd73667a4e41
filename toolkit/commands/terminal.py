"""What a command prints: lines, and how far a long command is."""

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

import click
from tqdm import tqdm

from speechlip.wording import harmless, rough_time, visible

Item = TypeVar("Item")
FIRST_LINE_S, LAST_LINE_S = 30.0, 300.0
"""Where stderr is a file: seconds from one line to the next, at first and in a long run."""
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}<{remaining}{postfix}]"


class Bar:
    """How far a long command is, on stderr: a bar on a terminal, elsewhere a line every so often.

    total, done: in ``unit``s, of which ``done`` were there before; shown as whole numbers.
    quiet: nothing at all.

    What ends within half a minute leaves no line.
    """

    def __init__(self, total: float, doing: str, unit: str, done: float = 0, quiet: bool = False) -> None:
        self.total, self.doing, self.unit = total, doing, unit
        self.done = self.before = done
        self.lines = not quiet and not sys.stderr.isatty()
        self.begun_s = self.said_s = time.monotonic()
        self.bar = tqdm(
            total=round(total),
            initial=round(done),
            desc=doing,
            unit=f" {unit}",
            bar_format=BAR,
            disable=quiet or self.lines,
        )

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, more: float = 1, at: str = "") -> None:
        """``more`` units are done; ``at`` says which one it is at."""
        self.reach(self.done + more, at)

    def reach(self, done: float, at: str = "", total: float | None = None) -> None:
        """``done`` units are done in all, of ``total`` where only now somebody knows how many there are."""
        if total is not None:
            self.total, self.bar.total = total, round(total)
        self.done = min(done, self.total)
        if at:
            self.bar.set_postfix_str(visible(at), refresh=False)
        self.bar.update(round(self.done) - self.bar.n)
        now_s = time.monotonic()
        if self.lines and now_s - self.said_s >= min(
            LAST_LINE_S, max(FIRST_LINE_S, (now_s - self.begun_s) / 20)
        ):
            self.said_s = now_s
            print(visible(self.line(now_s - self.begun_s, at)), file=sys.stderr, flush=True)

    def tell(self, text: str) -> None:
        """What else there is to know: behind a bar what follows the first colon, elsewhere a line."""
        self.bar.set_postfix_str(visible(text.partition(": ")[2]))
        if self.lines:
            print(harmless(text), file=sys.stderr, flush=True)

    def line(self, passed_s: float, at: str) -> str:
        """What a log says: how much is done, and how long the rest may take at the same pace."""
        share = self.done / self.total if self.total else 1.0
        count = f"{self.done:.0f} of {self.total:.0f} {self.unit} ({share:.0%})"
        words = f"{self.doing}: {count} after {rough_time(passed_s)}"
        made = self.done - self.before
        left = f", about {rough_time(passed_s / made * (self.total - self.done))} left" if made > 0 else ""
        return words + left + (f"; {at}" if at else "")

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each of which is one unit."""
        for item in items:
            yield item
            self.add()

    def close(self) -> None:
        self.bar.close()


def say(text: str) -> None:
    """A line on stderr, above a bar that may be there."""
    tqdm.write(harmless(text), file=sys.stderr)


def echo(text: object, err: bool = False) -> None:
    """Lines on stdout, or on stderr. Whatever file a name came from, nothing in them acts on the terminal."""
    click.echo(harmless(str(text)), err=err)


class Bars:
    """``Progress`` on stderr: one bar after another, a stage each.

    quiet: no bars, and only sentences about what happens once a stage has begun, not those about choices
    before.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.bar: Bar | None = None

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def begin(self, stage: str, total: float, unit: str, done: float = 0.0) -> None:
        self.close()
        self.bar = Bar(total, stage, unit, done=done, quiet=self.quiet)

    def advance(self, amount: float = 1.0, at: str = "") -> None:
        if self.bar is not None:
            self.bar.add(amount, at[-40:])

    def say(self, text: str) -> None:
        if self.bar is not None or not self.quiet:
            say(text)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
