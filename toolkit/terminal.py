"""How things are said on a terminal: counts, lengths of time, names, how far a long command is."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TypeVar

import click
from tqdm import tqdm

Item = TypeVar("Item")
NAME_WIDTH = 36
FIRST_LINE_S, LAST_LINE_S = 30.0, 300.0
"""Where stderr is a file: seconds from one line to the next, at first and in a long run."""
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}<{remaining}{postfix}]"


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "clip"), counted(2, "clip"), counted(0, "clip")
    ('1 clip', '2 clips', '0 clips')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def rough_time(length_s: float) -> str:
    """A length of time in words; ``shards.ledger.clock`` is for lengths of video.

    >>> rough_time(9), rough_time(75), rough_time(7300)
    ('9 s', '1:15 min', '2:01 h')
    """
    minutes, rest = divmod(round(length_s), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"


class Bar:
    """How far a long command is, on stderr, in whole numbers: a bar on a terminal, elsewhere a line every so often.

    total, done: in ``unit``s, of which ``done`` were there before. quiet: nothing at all. What ends within half a minute leaves no line.
    """

    def __init__(self, total: float, doing: str, unit: str, done: float = 0, quiet: bool = False) -> None:
        self.total, self.doing, self.unit = total, doing, unit
        self.done = self.before = done
        self.lines = not quiet and not sys.stderr.isatty()
        self.begun_s = self.said_s = time.monotonic()
        self.bar = tqdm(total=round(total), initial=round(done), desc=doing, unit=f" {unit}", bar_format=BAR, disable=quiet or self.lines)

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
        if self.lines and now_s - self.said_s >= min(LAST_LINE_S, max(FIRST_LINE_S, (now_s - self.begun_s) / 20)):
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
        words = f"{self.doing}: {self.done:.0f} of {self.total:.0f} {self.unit} ({share:.0%}) after {rough_time(passed_s)}"
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


def shown(name: str, width: int = NAME_WIDTH) -> str:
    r"""A name for a terminal: what cannot be printed as an escape, a long one by its end.

    >>> shown("a\nb.mp4"), shown("ü 日本.mp4"), shown("x" * 50, 6)
    ('a\\nb.mp4', 'ü 日本.mp4', '…xxxxx')
    """
    plain = visible(name)
    return plain if len(plain) <= width else "…" + plain[-width + 1 :]


def listed(names: Sequence[str], most: int = 3, between: str = ", ") -> str:
    """The first names of a list.

    >>> listed(["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    'a.mp4, b.mp4, c.mp4, …'
    """
    return between.join([*names[:most], *(["…"] if len(names) > most else [])])


def say(text: str) -> None:
    """A line on stderr, above a bar that may be there."""
    tqdm.write(harmless(text), file=sys.stderr)


def echo(text: object, err: bool = False) -> None:
    """Lines on stdout, or on stderr. Whatever file a name came from, nothing in them acts on the terminal."""
    click.echo(harmless(str(text)), err=err)


def harmless(text: str) -> str:
    r"""Lines of text as they are but for what a terminal would act on.

    >>> harmless("two\nlines\x1b[2J")
    'two\nlines\\x1b[2J'
    """
    return "\n".join(map(visible, text.split("\n")))


def visible(text: str) -> str:
    r"""One line that shows ``text`` and does nothing else: what cannot be printed (line feeds, escape sequences, bytes that are no UTF-8) as an escape.

    >>> visible("a\x1b[2Jb\n"), visible("ü 日本.mp4")
    ('a\\x1b[2Jb\\n', 'ü 日本.mp4')
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
