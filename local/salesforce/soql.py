"""The part of SOQL that we read: SELECT, FROM, WHERE, ORDER BY, LIMIT, OFFSET and COUNT().

A recursive-descent parser over a tokenizer of one pattern. Source: SOQL and SOSL Reference,
"SOQL SELECT Syntax". Left out: aliases, aggregates but COUNT(), GROUP BY, TYPEOF, sub-selects
in SELECT, and date literals by name (TODAY, LAST_N_DAYS:n).
"""

import re
from collections.abc import Callable

from local.salesforce.errors import Refusal
from local.salesforce.statements import (
    Comparison,
    Condition,
    Joined,
    Literal,
    Not,
    Order,
    Select,
)

LONGEST = 100_000  # characters of a statement
TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:\\.|[^'\\])*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d(?![\dT]))
    | (?P<number>[+-]?\d+(?:\.\d+)?(?![\w.]))
    | (?P<word>[A-Za-z_][\w.]*)
    | (?P<symbol><=|>=|!=|<>|[=<>(),])
    | (?P<end>$)
    )""",
    re.VERBOSE | re.ASCII,
)
CONSTANTS = {"null": None, "true": True, "false": False}
COMPARISONS = {"=", "!=", "<>", "<", "<=", ">", ">="}


def parse(statement: str) -> Select:
    """MALFORMED_QUERY for everything that is no statement of this subset."""
    if len(statement) > LONGEST:
        raise Refusal("QUERY_TOO_COMPLICATED", "SOQL statement is too long")
    parser = Parser(_tokens(statement))
    select = parser.select()
    parser.expect_end()
    return select


def _malformed(token: str) -> Refusal:
    return Refusal("MALFORMED_QUERY", f"unexpected token: '{token or '<EOF>'}'")


def _tokens(statement: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while not tokens or tokens[-1][0] != "end":
        match = TOKEN.match(statement, at)
        if match is None:
            raise _malformed(statement[at:].split(maxsplit=1)[0])
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        at = match.end()
    return tokens


class Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def select(self) -> Select:
        self._expect("SELECT")
        fields, counts = self._selected()
        self._expect("FROM")
        return Select(
            fields=fields,
            counts=counts,
            table=self._word(),
            where=self._condition() if self._accept("WHERE") else None,
            order=self._order() if self._accept("ORDER", "BY") else (),
            limit=self._count() if self._accept("LIMIT") else None,
            offset=(self._count() if self._accept("OFFSET") else 0),
        )

    def expect_end(self) -> None:
        if self._kind != "end":
            raise _malformed(self._text)

    def _selected(self) -> tuple[tuple[str, ...], bool]:
        if self._accept("COUNT", "(", ")"):
            return (), True
        return tuple(self._listed(self._word)), False

    def _order(self) -> tuple[Order, ...]:
        return tuple(self._listed(self._ordering))

    def _ordering(self) -> Order:
        field = self._word()
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        nulls_last = self._accept("NULLS", "LAST")
        if not nulls_last:
            self._accept("NULLS", "FIRST")
        return Order(field, descending, nulls_last)

    def _condition(self) -> Condition:
        first = self._term()
        for word in ("AND", "OR"):
            if self._is(word):
                return self._chain(word, first)
        return first

    def _chain(self, word: str, first: Condition) -> Condition:
        """SOQL wants parentheses where AND and OR meet: mixing them is a malformed query."""
        parts = [first]
        while self._accept(word):
            parts.append(self._term())
        if self._is("AND") or self._is("OR"):
            raise _malformed(self._text)
        return Joined(word, tuple(parts))

    def _term(self) -> Condition:
        if self._accept("NOT"):
            return Not(self._term())
        if self._accept("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        field = self._word()
        if self._accept("NOT", "IN"):
            return Comparison(field, "not in", self._set())
        if self._accept("IN"):
            return Comparison(field, "in", self._set())
        if self._accept("LIKE"):
            return Comparison(field, "like", self._literal())
        operator = self._take()
        if operator not in COMPARISONS:
            raise _malformed(operator)
        return Comparison(field, operator.replace("<>", "!="), self._literal())

    def _set(self) -> tuple[Literal, ...] | Select:
        self._expect("(")
        inner = self.select() if self._is("SELECT") else tuple(self._listed(self._literal))
        self._expect(")")
        return inner

    def _literal(self) -> Literal:
        kind, text = self._kind, self._take()
        if kind == "word" and text.casefold() in CONSTANTS:
            return Literal("constant", CONSTANTS[text.casefold()])
        if kind not in {"string", "datetime", "date", "number"}:
            raise _malformed(text)
        if kind == "number":
            return Literal(kind, float(text) if "." in text else int(text))
        return Literal(kind, text[1:-1] if kind == "string" else text)

    def _count(self) -> int:
        kind, text = self._kind, self._take()
        if kind != "number" or not text.isdigit():
            raise _malformed(text)
        return int(text)

    def _listed[Item](self, item: Callable[[], Item]) -> list[Item]:
        items = [item()]
        while self._accept(","):
            items.append(item())
        return items

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._at][1]

    def _is(self, *wanted: str) -> bool:
        ahead = self._tokens[self._at : self._at + len(wanted)]
        return len(ahead) == len(wanted) and all(
            kind != "string" and text.upper() == want
            for (kind, text), want in zip(ahead, wanted, strict=True)
        )

    def _accept(self, *wanted: str) -> bool:
        found = self._is(*wanted)
        self._at += len(wanted) if found else 0
        return found

    def _expect(self, wanted: str) -> None:
        if not self._accept(wanted):
            raise _malformed(self._text)

    def _take(self) -> str:
        text = self._text
        if self._kind == "end":
            raise _malformed(text)
        self._at += 1
        return text

    def _word(self) -> str:
        if self._kind != "word" or self._text.upper() in {"FROM", "WHERE", "AND", "OR", "IN"}:
            raise _malformed(self._text)
        return self._take()
