"""Rule: what is read of one event while HyperTrack waits.

What is as it should be is only looked through: a few members are read, and its own text goes
on. The rest is read as a whole, as its worker will read it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes. A number of more than 4,300 digits can't be read by the worker; in less it can't be.
LONG = 4_300
# Levels of brackets; HyperTrack's events have ten at most. Python's reader gives up at some
# 10,000, and in what is not long there are no more than these.
DEEPEST = LONG // 2
# A string, closed or not, or a character that gives a body its shape.
SHAPE = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[\]{},]', re.DOTALL)
OPENING, CLOSING = {b"[", b"{"}, {b"]", b"}"}
# What was just read holds no circles; not looking for them halves the time of writing it.
WRITER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One event of a delivery."""

    content: str  # JSON without blanks, in ASCII
    kind: str = ""
    device: str = ""
    order: str = ""
    at: str = ""  # by the device's clock
    flaw: str = ""  # why it can't be read; the content is its text then, as a JSON string


class _Head(msgspec.Struct, gc=False):
    """What is read of an event."""

    type: str | None = None
    device_id: str | None = None
    recorded_at: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _OddHead(msgspec.Struct, gc=False):
    """Likewise, in whatever type it comes."""

    type: Any = None
    device_id: Any = None
    recorded_at: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Data(msgspec.Struct, gc=False):
    order_handle: Any = None


HEADS = msgspec.json.Decoder(list[_Head])
_ODD_HEAD = msgspec.json.Decoder(_OddHead)
_DATA = msgspec.json.Decoder(_Data)


def piece(event: Any) -> Piece:
    """An event that has been read already, as it would have come in a delivery."""
    content = WRITER.encode(event)
    if "\\ud" in content:
        content = _whole_text(event)
    told = event if isinstance(event, dict) else {}
    data = told.get("data")
    order = data.get("order_handle") if isinstance(data, dict) else None
    return Piece(
        content,
        _text(told.get("type")),
        _text(told.get("device_id")),
        _text(order),
        _text(told.get("recorded_at")),
    )


def plain(content: str, head: _Head) -> Piece:
    """An event in which nothing is odd."""
    if len(content) > LONG:
        return _wholly(content.encode())
    device = head.device_id or ""
    order = "" if device else _order(head.data)
    return Piece(content, head.type or "", device, order, head.recorded_at or "")


def read(content: bytes) -> Piece:
    """An event that is JSON, as far as that can be told without reading its texts."""
    if len(content) > LONG or not content.isascii():
        return _wholly(content)
    try:
        head = _ODD_HEAD.decode(content)
    except msgspec.DecodeError:  # no object
        return _wholly(content)
    device = _text(head.device_id)
    order = "" if device else _order(head.data)
    return Piece(content.decode(), _text(head.type), device, order, _text(head.recorded_at))


def alone(content: bytes) -> Piece:
    """An event whose neighbours, or which itself, can't be read as they should be."""
    try:
        return read(msgspec.json.format(content, indent=-1))
    except (msgspec.DecodeError, RecursionError):
        return _wholly(content)


def _order(data: msgspec.Raw) -> str:
    try:
        return _text(_DATA.decode(data).order_handle)
    except msgspec.DecodeError:  # no object
        return ""


def _wholly(content: bytes) -> Piece:
    """An event read as its worker will read it."""
    if _depth(content) > DEEPEST:
        return _flawed(content, "nested too deeply")
    try:
        event = json.loads(content.decode(errors="surrogatepass"), parse_constant=_no_number)
    except UnicodeDecodeError:
        return _flawed(content, "not in UTF-8")
    except ValueError:
        return _flawed(content, "not JSON")
    return piece(event)


def _flawed(content: bytes, flaw: str) -> Piece:
    return Piece(WRITER.encode(content.decode(errors="replace")), flaw=flaw)


def _depth(content: bytes) -> int:
    return max((level for _, level in shape(content)), default=0)


def shape(text: bytes) -> Iterator[tuple[re.Match[bytes], int]]:
    """Everything that gives a text its shape, and how deep it is after that."""
    level = 0
    for token in SHAPE.finditer(text):
        level += (token[0] in OPENING) - (token[0] in CLOSING)
        yield token, level


def _text(told: Any) -> str:
    return str(told or "")


def _whole_text(event: Any) -> str:
    """Apps cut texts in the middle of an emoji; half of one is nothing that anybody reads."""
    text = json.dumps(event, ensure_ascii=False).encode(errors="replace")
    return WRITER.encode(json.loads(text))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
