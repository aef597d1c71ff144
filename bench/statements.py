"""The statements of PartiQL that the bundle makes, as the conditional puts that they are."""

import re
from typing import Any, NamedTuple

Json = dict[str, Any]
INSERT = re.compile(r"""INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<names>[^}]*)\}""")
UPDATE = re.compile(
    r'UPDATE "(?P<table>[^"]+)"(?P<changes>( SET "\w+" = \?)+) WHERE '
    r'"pk" = \? AND "sk" = \? AND "version" = \?'
)


class Put(NamedTuple):
    """What is put, its keys among it, and over which version."""

    table: str
    item: Json
    before: Json | None  # None: there must be none

    @property
    def key(self) -> Json:
        return {name: self.item[name] for name in ("pk", "sk")}


def put_of(statement: Json) -> Put:
    """Raises LookupError if it is none of these."""
    text, values = statement["Statement"], statement["Parameters"]
    if told := INSERT.fullmatch(text):
        names = re.findall(r"'(\w+)': \?", told["names"])
        return Put(told["table"], dict(zip(names, values, strict=True)), None)
    if told := UPDATE.fullmatch(text):
        names = re.findall(r'SET "(\w+)" = \?', told["changes"])
        *new, pk, sk, before = values
        changes = dict(zip(names, new, strict=True))
        return Put(told["table"], {"pk": pk, "sk": sk, **changes}, before)
    raise LookupError(text)
