"""The values of a SOQL condition, as the columns keep them, or the vendor's refusal."""

import re
from typing import Any

from local.salesforce.errors import Refusal
from local.salesforce.ids import normal
from local.salesforce.schema import Field
from local.salesforce.statements import Literal
from local.salesforce.values import moment, stamp

KINDS = {"datetime": "dateTime", "double": "double", "int": "int"}
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def bound(literal: Literal, field: Field) -> Any:
    """The literal as the column keeps it; refuses the wrong kind in the vendor's words."""
    if literal.value is None:
        return None
    if field.type in {"id", "reference"}:
        return _identifier(literal, field)
    if literal.kind != _wanted(field):
        raise _wrong_kind(field)
    if literal.kind == "datetime":
        return stamp(moment(literal.value))
    if literal.kind == "string":
        return ESCAPED.sub(lambda m: LETTERS.get(m[1], m[1]), literal.value)
    return literal.value


def _wanted(field: Field) -> str:
    kinds = {"double": "number", "int": "number", "boolean": "constant"}
    return kinds.get(field.type, field.type if field.type in {"date", "datetime"} else "string")


def _wrong_kind(field: Field) -> Refusal:
    kind = KINDS.get(field.type, field.type if _wanted(field) != "string" else "string")
    quotes = "should be" if kind == "string" else "should not be"
    return Refusal(
        "INVALID_FIELD",
        f"value of filter criterion for field '{field.name}' must be of type {kind} and "
        f"{quotes} enclosed in quotes",
    )


def _identifier(literal: Literal, field: Field) -> str:
    if literal.kind != "string":
        raise _wrong_kind(field)
    try:
        return normal(literal.value)
    except Refusal:
        raise Refusal(
            "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.value}"
        ) from None


def pattern(literal: Literal, field: Field) -> str:
    """A LIKE pattern: SQLite reads \\% and \\_ as SOQL does; the other escapes are undone."""
    if literal.kind != "string" or not field.textual:
        raise Refusal(
            "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.name} field"
        )
    kept = {"%": r"\%", "_": r"\_", "\\": r"\\"} | LETTERS
    return ESCAPED.sub(lambda m: kept.get(m[1], m[1]), literal.value)
