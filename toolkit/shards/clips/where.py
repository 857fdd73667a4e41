"""Conditions on clips, such as ``speech_share >= 0.5 and abs(yaw_deg) < 40``: a small grammar of our own.

::

    condition:  any and all by ``or``, ``and``, ``not`` and parentheses of
                value = != < <= > >= value          10 <= yaw_deg < 40 is one, too
                value [not] in (literal, …)
                value is [not] null
                a column that is true or false
    value:      a column, a literal, or a function of values
    function:   abs  min  max  round  len  number
    literal:    2  -0.5  'text'  "text"  true  false

A column whose name is no single word stands between back-ticks. Text is compared with text, numbers with
numbers; ``number`` makes a number of text, null where it is none. Nulls are false in every comparison. A
condition is read here and never evaluated as Python.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from speechlip.describing.talkvid import PRESETS
from speechlip.errors import OptionError, no_such
from speechlip.shards.clips.terms import (
    FUNCTIONS,
    OPERATORS,
    Call,
    Chain,
    ColumnTerm,
    In,
    IsNull,
    Join,
    Literal,
    Not,
    Term,
    named,
)

ALLOWED = (
    "a condition has columns, numbers, 'text', = != < <= > >=, and, or, not, in (…), is null, "
    f"{', '.join(FUNCTIONS)} and parentheses"
)
MAX_CHARS, MAX_DEPTH = 10_000, 50
TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<text>'[^']*'|"[^"]*")
  | (?P<quoted>`[^`]+`)
  | (?P<word>[^\W\d]\w*)
  | (?P<sign><=|>=|==|!=|=|<|>|\(|\)|,|-)
    )""",
    re.VERBOSE,
)
Part = TypeVar("Part")
WORDS = ("and", "or", "not", "in", "is", "null", "true", "false")


@dataclass(frozen=True)
class Token:
    """One piece of a condition. kind: a group of ``TOKEN``, or ``end``; at: its place, from 0."""

    kind: str
    text: str
    at: int

    def __str__(self) -> str:
        return f"{self.text!r}" if self.text else "the end"


def parse_where(text: str, kinds: Mapping[str, type]) -> Term:
    """A condition on columns of these kinds: a term that is true or false of each clip.

    Raises OptionError for what is no condition, with what is allowed; for an unknown column, with those there
    are; and where text is compared with numbers.
    """
    if len(text) > MAX_CHARS:
        raise OptionError(f"the condition has {len(text)} characters, at most {MAX_CHARS} are read")
    return _Parser(text, kinds).whole()


def with_preset(where: str, preset: str | None) -> str:
    """A condition and, beside it, that of a preset of ``--quality``.

    >>> with_preset("a or b", "talkvid")[:42]
    '(a or b) and (talkvid_avg_movement >= 80 a'
    """
    return " and ".join(f"({text})" for text in (where, PRESETS.get(preset or "", "")) if text)


def words_in(text: str) -> list[str]:
    """Every word and quoted name of a condition, in order: its columns are among them."""
    return [token.text.strip("`") for token in tokens_of(text) if token.kind in ("word", "quoted")]


def tokens_of(text: str) -> list[Token]:
    """The pieces of a condition. Raises OptionError for a character that none begins with."""
    tokens, place = [], 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if not match:
            rest = text[place:].lstrip()
            raise OptionError(f"the condition {text!r:.200} cannot be read at {rest[:20]!r}: {ALLOWED}")
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match[kind], match.start(kind)))
        place = match.end()
    return tokens


class _Parser:
    """A parser by recursive descent over the tokens of one condition."""

    def __init__(self, text: str, kinds: Mapping[str, type]) -> None:
        self.text, self.kinds, self.depth, self.place = text, kinds, 0, 0
        self.tokens = [*tokens_of(text), Token("end", "", len(text))]

    def whole(self) -> Term:
        term = self.either()
        if self.now.kind != "end":
            raise self.refusal(f"{self.now} was not expected there")
        return self.condition(term)

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def next(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def takes(self, *words: str) -> str:
        """The next piece, taken, where it is one of these; else an empty text."""
        low = self.now.text.lower() if self.now.kind in ("word", "sign") else ""
        return self.next().text.lower() if low in words else ""

    def wants(self, word: str) -> None:
        if not self.takes(word):
            raise self.refusal(f"{word!r} was expected, not {self.now}")

    def refusal(self, why: str, rest: str = ALLOWED) -> OptionError:
        return OptionError(f"the condition {self.text!r:.200} cannot be read: {why}; {rest}")

    def condition(self, term: Term) -> Term:
        if term.kind is not bool:
            raise self.refusal(f"{term} is {named(term.kind)}", "a condition compares it, such as with > 1")
        return term

    def either(self) -> Term:
        return self.joined("or", lambda: self.joined("and", self.negated))

    def joined(self, word: str, part: Callable[[], Term]) -> Term:
        terms = [part()]
        while self.takes(word):
            terms.append(part())
        return terms[0] if len(terms) == 1 else Join(word, tuple(map(self.condition, terms)))

    def negated(self) -> Term:
        return Not(self.condition(self.inner(self.negated))) if self.takes("not") else self.compared()

    def inner(self, part: Callable[[], Part]) -> Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refusal(f"it is nested more than {MAX_DEPTH} times")
        term = part()
        self.depth -= 1
        return term

    def compared(self) -> Term:
        """A value, or values with signs, ``in`` or ``is`` between them."""
        first = self.value()
        if self.takes("is"):
            negative = bool(self.takes("not"))
            self.wants("null")
            return IsNull(first, negative)
        if self.takes("not"):
            self.wants("in")
            return self.among(first, negative=True)
        if self.takes("in"):
            return self.among(first)
        values, signs = [first], []
        while sign := self.takes(*OPERATORS):
            signs.append("=" if sign == "==" else sign)
            values.append(self.value())
            self.same_kind(values[-2], values[-1])
        return Chain(tuple(values), tuple(signs)) if signs else first

    def among(self, value: Term, negative: bool = False) -> Term:
        self.wants("(")
        members = self.listed(self.literal)
        for member in members:
            self.same_kind(value, member)
        return In(value, tuple(member.value for member in members), negative)

    def listed(self, part: Callable[[], Part]) -> list[Part]:
        """Parts with commas between them, up to the closing parenthesis."""
        parts = [part()]
        while self.takes(","):
            parts.append(part())
        self.wants(")")
        return parts

    def literal(self) -> Literal:
        value = self.value()
        if not isinstance(value, Literal):
            raise self.refusal(f"{value} stands in a list, which takes numbers and text alone")
        return value

    def value(self) -> Term:
        """A number, a text, a column, a function's call, or a term in parentheses."""
        token = self.next()
        if token.kind == "number":
            return Literal(float(token.text))
        if token.kind == "text":
            return Literal(token.text[1:-1])
        if token.kind == "quoted":
            return self.column(token.text[1:-1])
        if token.text == "-" and self.now.kind == "number":
            return Literal(-float(self.next().text))
        if token.text == "(":
            term = self.inner(self.either)
            self.wants(")")
            return term
        if token.kind == "word":
            return self.word(token)
        raise self.refusal(f"a value was expected, not {token}")

    def word(self, token: Token) -> Term:
        """A function's call, true, false, or a column."""
        if self.takes("("):
            if token.text not in FUNCTIONS:
                known = ", ".join(FUNCTIONS)
                raise self.refusal(f"there is no function {token.text!r}, there are {known}")
            return self.call(token.text, self.inner(lambda: self.listed(self.value)))
        if token.text.lower() in ("true", "false"):
            return Literal(token.text.lower() == "true")
        if token.text.lower() in WORDS and token.text not in self.kinds:
            raise self.refusal(f"a value was expected, not {token}")
        return self.column(token.text)

    def call(self, name: str, arguments: list[Term]) -> Term:
        call = Call(name, tuple(arguments))
        if problem := FUNCTIONS[name].problem(arguments):
            raise self.refusal(str(call), problem)
        return call

    def column(self, name: str) -> Term:
        if name not in self.kinds:
            raise no_such("column", name, self.kinds)
        return ColumnTerm(name, self.kinds[name])

    def same_kind(self, one: Term, other: Term) -> None:
        if named(one.kind) != named(other.kind):
            kinds = f"{one} is {named(one.kind)} and {other} is {named(other.kind)}"
            raise self.refusal(kinds, "compare text with 'text'; number(…) makes a number of text")
