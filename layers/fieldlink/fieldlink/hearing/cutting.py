"""Rule: cut a delivery's body into its events, whatever is the matter with any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fieldlink.errors import Unreadable
from fieldlink.hearing import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fieldlink.hearing.pieces import Piece

BEGINNING = 300  # bytes; some four members of the first event
BLANKS = b" \t\r\n"
MARK = b"\xef\xbb\xbf"  # that a text is UTF-8, which some put first
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


class Cut(NamedTuple):
    """A delivery whose events have been found, and not been read yet."""

    elements: Sequence[bytes | msgspec.Raw]
    read: Callable[[bytes], Piece]
    array: bytes = b""  # in ASCII, if it is one

    def pieces(self) -> list[Piece]:
        """All of them."""
        try:
            heads = pieces.HEADS.decode(self.array)
        except msgspec.DecodeError:
            return self.part(0, len(self.elements))
        texts = [str(raw, "ascii") for raw in self.elements]
        return list(map(pieces.plain, texts, heads))

    def part(self, first: int, end: int) -> list[Piece]:
        return [self.read(bytes(each)) for each in self.elements[first:end]]


def cut(body: bytes) -> Cut:
    """The events of a body, an array or a single object. Unreadable if it is neither."""
    try:
        compact = _compact(body.removeprefix(MARK))
        if compact.startswith(b"["):
            raws = _RAWS.decode(compact)
            return Cut(raws, pieces.read, compact if compact.isascii() else b"")
    except (msgspec.DecodeError, RecursionError):
        return Cut(_slices(body.removeprefix(MARK).strip(BLANKS)), pieces.alone)
    if compact.startswith(b"{"):
        return Cut([compact], pieces.read)
    raise Unreadable("webhook body is neither an array nor an object")


def _compact(text: bytes) -> bytes:
    """Without blanks, so that an event is the same text however it was written.

    Whoever writes blanks does so from the beginning. One that does not costs nothing but that
    the worker, and not the queue, finds out that an event has come twice.
    """
    start = text[:BEGINNING]
    if start.startswith(b"[{") and b'": ' not in start and b', "' not in start:
        return text
    return msgspec.json.format(text, indent=-1)


def _slices(body: bytes) -> list[bytes]:
    """The elements of an array, by its brackets and commas alone."""
    if body.startswith(b"{"):
        body = b"[" + body + b"]"
    found, depth, start = [], 0, 1
    for token, level in pieces.shape(body):
        depth = level
        if depth == 0 or (depth == 1 and token[0] == b","):
            found.append(body[start : token.start()].strip(BLANKS))
            start = token.end()
        if depth == 0:
            break
    if depth or start != len(body) or not all(found) or not body.startswith(b"["):
        raise Unreadable("webhook body is not JSON")
    return found
