"""Things by name: built in, and added by other packages through an entry point. One door for all groups.

What the code of another package raises becomes one sentence, with the traceback as its cause.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from speechlip.errors import OptionError, SpeechLipError, no_such


@dataclass(frozen=True)
class Registry:
    """Things of one kind by name. Names are known without importing anything; ``get`` imports one.

    kind: what one is called in sentences, such as ``detector``
    group: entry-point group in which other packages add theirs
    built_in: name → ``module:attribute`` or ``module``; no package can replace one
    has: attributes that every added one must have
    words: names with a meaning of their own that users may give too, such as ``auto``
    """

    kind: str
    group: str
    built_in: Mapping[str, str] = field(default_factory=dict)
    has: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Built-in names in the order in which they are declared, then those of other packages, sorted."""
        return [*self.built_in, *sorted(self.added().keys() - self.built_in.keys())]

    def choices(self) -> tuple[str, ...]:
        """What help lists: ``words`` and built-in names."""
        return (*self.words, *self.built_in)

    def added(self) -> dict[str, EntryPoint]:
        """Name → entry point of what installed packages add."""
        return {point.name: point for point in entry_points(group=self.group)}

    def __contains__(self, name: str) -> bool:
        return name in self.built_in or name in self.added()

    def get(self, name: str) -> Any:
        """The thing of that name, imported now.

        Raises OptionError for an unknown name, and for an added one that cannot be imported, lacks an
        attribute of ``has``, or that two packages add.
        """
        if name in self.built_in:
            return imported(self.built_in[name])
        points = {point.value: point for point in entry_points(group=self.group) if point.name == name}
        if not points:
            raise self.no_such(name)
        if len(points) > 1:
            raise OptionError(
                f"{self.kind} {name!r} is added by several packages: {', '.join(sorted(points))}; keep one"
            )
        return self._loaded(*points.values())

    def each(self) -> Iterator[tuple[str, Any]]:
        """Every name with its thing, or with the OptionError that says why it cannot be had.

        A broken plug-in hides no other.
        """
        for name in self.names():
            try:
                thing = self.get(name)
            except OptionError as error:
                thing = error
            yield name, thing

    def guard(self, name: str) -> AbstractContextManager[None]:
        """Around a call of the thing: an error of an added one becomes an OptionError that names it."""
        return nullcontext() if name in self.built_in else plugged_in(self.kind, name)

    def no_such(self, name: str, forms: Iterable[str] = (), hint: str = "") -> OptionError:
        """The refusal of an unknown name: ``no detector 'dlib'; there are: …``.

        forms: what may be given beside names.
        hint: another sentence.
        """
        return no_such(self.kind, name, (*self.words, *self.names()), forms, hint)

    def _loaded(self, point: EntryPoint) -> Any:
        with importing(f"{self.kind} {point.name!r}", f" from {point.value}"):
            thing = point.load()
        if missing := [name for name in self.has if not hasattr(thing, name)]:
            raise OptionError(
                f"{self.kind} {point.name!r} ({point.value}) has no {' and no '.join(missing)}; "
                "ask the package that adds it"
            )
        return thing


@contextmanager
def importing(what: str, origin: str = "") -> Iterator[None]:
    """Around an import of another package's code: whatever it raises, as an OptionError."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise OptionError(f"{what} cannot be imported{origin}: {said(error)}") from error


@contextmanager
def plugged_in(kind: str, name: str) -> Iterator[None]:
    """Around a call of another package's code: what it raises by mistake, as an OptionError."""
    try:
        yield
    except SpeechLipError:
        raise
    except Exception as error:
        raise OptionError(f"{kind} {name!r}, of another package, failed: {said(error)}") from error


def imported(where: str) -> Any:
    """``module:attribute`` or ``module``, imported.

    >>> imported("speechlip.errors:OptionError").__name__
    'OptionError'
    """
    module, _, attribute = where.partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


def said(error: BaseException) -> str:
    """
    >>> said(KeyError("a")), said(MemoryError())
    ("KeyError: 'a'", 'MemoryError')
    """
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
