"""What a SOQL statement says: the tree that the parser makes and the query reads."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Literal:
    kind: str  # string, datetime, date, number, or constant
    value: Any


@dataclass(frozen=True)
class Comparison:
    field: str
    operator: str  # =, !=, <, <=, >, >=, like, in, not in
    value: "Literal | tuple[Literal, ...] | Select"


@dataclass(frozen=True)
class Not:
    inner: "Condition"


@dataclass(frozen=True)
class Joined:
    word: str  # AND, OR
    parts: tuple["Condition", ...]


type Condition = Comparison | Not | Joined


@dataclass(frozen=True)
class Order:
    field: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Select:
    fields: tuple[str, ...]
    counts: bool
    table: str
    where: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int
