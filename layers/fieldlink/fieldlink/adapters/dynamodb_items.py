"""How a record lies in the state table: its keys, its version, perhaps a time to live, and the
record itself as one JSON document, of an anchor deflated.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from typing import Any

from fieldlink.adapters.dynamodb_keys import KEYS, as_item
from fieldlink.errors import UNREADABLE, Refused
from fieldlink.records import Anchor, Record, Row

Item = dict[str, dict[str, Any]]

APART = {"version", "ttl", "fingerprint"}  # of a record; they have attributes of their own
# Takes the place of an anchor's document, and of what was begun, where a version before this
# laid them: that version would not know them for old, and nothing takes them away.
ELSEWHERE: Item = {"body": {"S": "{}"}, "intent": {"NULL": True}}
NEVER = {"N": "253402300799"}  # the end of the year 9999, in seconds since 1970
# Deflating two kilobytes takes 16 us so and 45 as zlib would unless told otherwise, with tables
# that are made for long texts; and is longer by less than a tenth.
LEVEL, WINDOW, MEMORY = 1, 12, 5


def item_of(record: Record) -> Item:
    item: Item = {
        **as_item(KEYS[type(record)](*record.key)),
        "version": {"N": str(record.version + 1)},
        **(_anchor(record) if isinstance(record, Anchor) else _plain(record)),
    }
    if isinstance(record, Row) and record.fingerprint:
        item["fingerprint"] = {"S": record.fingerprint}  # apart, so that it can be read alone
    return {**item, "ttl": {"N": str(record.ttl)}} if record.ttl else item


def record_of[R: Record](kind: type[R], item: Item) -> R:
    """Raises Refused if it can't be read: a later version wrote it, or somebody else did."""
    try:
        return _read(kind, item)
    except (AttributeError, KeyError, TypeError, ValueError, zlib.error) as error:
        name = f"{item['pk']['S']} {item['sk']['S']}"
        told = f"{name} of the state table can't be read"
        raise Refused(told, code=UNREADABLE) from error


def _read[R: Record](kind: type[R], item: Item) -> R:
    ttl = int(item["ttl"]["N"]) if item.get("ttl", NEVER) != NEVER else None
    apart = {"fingerprint": item["fingerprint"]["S"]} if "fingerprint" in item else {}
    version = int(item["version"]["N"])
    return kind.model_validate({**_stored(item), **apart, "version": version, "ttl": ttl})


def _stored(item: Item) -> dict[str, Any]:
    if "whole" in item:
        return dict(json.loads(_inflated(item["whole"]["B"])))
    stored: dict[str, Any] = json.loads(item["body"]["S"])
    if beside := _beside(item):
        stored["intent"] = json.loads(_inflated(beside))
    return {**stored, "earlier": True}


def _plain(record: Record) -> Item:
    return {"body": {"S": record.model_dump_json(exclude=APART)}}


def _anchor(record: Anchor) -> Item:
    """Of every fact two anchors are written twice, and each kilobyte is paid for. So what they
    need not say they do not, and the rest is deflated to a third.
    """
    text = record.model_dump_json(exclude={*APART, "earlier"}, exclude_defaults=True)
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY)
    whole = packer.compress(text.encode()) + packer.flush()
    deflated: Item = {"whole": {"B": b64encode(whole).decode()}}
    return {**ELSEWHERE, **deflated} if record.earlier else deflated


def _beside(item: Item) -> str | None:
    """Where versions before this one laid what was begun, and look for it."""
    intent = item.get("intent", {})
    listed = intent.get("L", [intent])
    return next((each["B"] for each in listed if "B" in each), None)


def _inflated(deflated: str) -> bytes:
    return zlib.decompress(b64decode(deflated))
