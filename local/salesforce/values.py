"""Values as Salesforce takes them, keeps them and gives them back.

A dateTime is kept in the form of the answers (2026-03-04T14:05:58.000+0000): of fixed width
and always UTC, so it sorts as text. Source: REST guide, "Valid Date and DateTime Formats".
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from local.salesforce.errors import Refusal
from local.salesforce.schema import Field

DATETIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)", re.ASCII
)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
type Keeper = Callable[[Any, Field], Any]

WIRE = "%Y-%m-%dT%H:%M:%S.000+0000"


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(WIRE)


def moment(text: str) -> datetime:
    """The instant that a dateTime in any accepted form names. Raises ValueError."""
    if not DATETIME.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def kept(value: Any, field: Field) -> Any:
    """A JSON value as the row keeps it, or the refusal that the API would give."""
    if value is None or value == "":
        return 0 if field.type == "boolean" else None
    keep: Keeper = KEEPERS.get(field.type, _text)
    return keep(value, field)


def wired(value: Any, field: Field) -> Any:
    """A kept value as an answer gives it."""
    if value is None:
        return None
    if field.type == "boolean":
        return bool(value)
    return float(value) if field.type == "double" else value


def seconds_stripped(value: str | None) -> str | None:
    return f"{value[:17]}00{value[19:]}" if value else None


def _datetime(value: Any, field: Field) -> str:
    try:
        return stamp(moment(value))
    except (TypeError, ValueError, OverflowError):
        raise _unreadable("datetime", value, field) from None


def _date(value: Any, field: Field) -> str:
    try:
        if not DATE.fullmatch(value):
            raise ValueError(value)
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise _unreadable("date", value, field) from None


def _number(value: Any, field: Field) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unreadable("double", value, field)
    try:
        number = float(value)
    except ValueError:
        raise _unreadable("double", value, field) from None
    if field.type == "int":
        return int(number)
    if abs(number) >= 10 ** (field.digits - field.scale):
        raise Refusal(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.name}: value outside of valid range on numeric field: {value}",
            [field.name],
        )
    return round(number, field.scale)


def _boolean(value: Any, field: Field) -> int:
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return int(value.lower() == "true")
    if not isinstance(value, bool):
        raise _unreadable("boolean", value, field)
    return int(value)


def _text(value: Any, field: Field) -> str:
    if isinstance(value, dict | list):
        raise _unreadable("string", value, field)
    text = value if isinstance(value, str) else str(value).removesuffix(".0")
    if len(text) > field.length:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise Refusal(
            "STRING_TOO_LONG",
            f"{field.name}: data value too large: {shown} (max length={field.length})",
            [field.name],
        )
    return text


def _picked(value: Any, field: Field) -> str:
    text = _text(value, field)
    known = {each.casefold(): each for each in field.values if each not in field.inactive}
    if field.restricted and text.casefold() not in known:
        raise Refusal(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.name}: bad value for restricted picklist field: {text}",
            [field.name],
        )
    return known.get(text.casefold(), text)


def _email(value: Any, field: Field) -> str:
    text = _text(value, field)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise Refusal(
            "INVALID_EMAIL_ADDRESS",
            f"{field.name}: invalid email address: {text}",
            [field.name],
        )
    return text


def _unreadable(kind: str, value: Any, field: Field) -> Refusal:
    return Refusal(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from value {value!s:.80} of {field.name} or "
        "request may be missing a required field",
    )


KEEPERS: dict[str, Keeper] = {
    "datetime": _datetime,
    "date": _date,
    "double": _number,
    "int": _number,
    "boolean": _boolean,
    "picklist": _picked,
    "email": _email,
}
