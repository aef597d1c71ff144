"""How a record lies in the state table: its keys, its version, perhaps a time to live, and the
record itself as one JSON document, of an anchor deflated.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from functools import cache
from typing import Any

from fieldlink.adapters.dynamodb_keys import KEYS
from fieldlink.records import Anchor, Record, Row

Item = dict[str, dict[str, Any]]

APART = {"version", "ttl", "fingerprint"}  # of a record; they have attributes of their own
# Stands in the document of an anchor, which lies whole beside it. A version of this bundle that
# does not look there takes it for that of a worker who is still at it, and waits.
NEVER = "9999-12-31T00:00:00Z"
_FACT = {"kind": "arrived", "key": "", "at": NEVER}
SOMEBODY = {"delivered": {"fact": _FACT, "delivery": "", "received_at": NEVER}, "since": NEVER}
BEGUN = f',"intent":{json.dumps(SOMEBODY, separators=(",", ":"))}}}'
NONE: dict[str, Any] = {"NULL": True}
# Deflating two kilobytes takes 16 us with tables of this size and 45 with those that zlib makes
# unless told otherwise, which are for long texts. They come out a tenth longer.
FASTEST, WINDOW, MEMORY = 1, 12, 5


def key_of(kind: type[Record], key: tuple[str, ...]) -> Item:
    partition, sort = KEYS[kind](*key)
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def keys_of(item: Item) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}


def item_of(record: Record) -> Item:
    item: Item = {
        **key_of(type(record), record.key),
        "version": {"N": str(record.version + 1)},
        **(_anchor(record) if isinstance(record, Anchor) else _plain(record)),
    }
    if isinstance(record, Row) and record.fingerprint:
        item["fingerprint"] = {"S": record.fingerprint}  # apart, so that it can be read alone
    return {**item, "ttl": {"N": str(record.ttl)}} if record.ttl else item


def record_of[R: Record](kind: type[R], item: Item) -> R:
    ttl = int(item["ttl"]["N"]) if "ttl" in item else None
    apart = {"fingerprint": item["fingerprint"]["S"]} if "fingerprint" in item else {}
    version = int(item["version"]["N"])
    return kind.model_validate({**_stored(item), **apart, "version": version, "ttl": ttl})


def _stored(item: Item) -> dict[str, Any]:
    if "whole" in item:
        return dict(json.loads(_inflated(item["whole"]["B"])))
    stored: dict[str, Any] = json.loads(item["body"]["S"])
    if beside := _beside(item):
        stored["intent"] = json.loads(_inflated(beside))
    return stored


def _plain(record: Record) -> Item:
    return {"body": {"S": record.model_dump_json(exclude=APART)}}


def _anchor(record: Anchor) -> Item:
    """Of every fact two anchors are written twice, and each kilobyte is paid for. So what they
    need not say they do not, and the rest is deflated to a third.
    """
    text = record.model_dump_json(exclude=APART, exclude_defaults=True)
    needed = record.model_dump_json(include=_needed(type(record)))
    told = needed.removesuffix("}") + BEGUN
    return {"body": {"S": told}, "intent": NONE, "whole": {"B": _deflated(text)}}


@cache
def _needed(kind: type[Record]) -> set[str]:
    return {name for name, field in kind.model_fields.items() if field.is_required()}


def _beside(item: Item) -> str | None:
    """Where versions before this one laid what was begun, and look for it."""
    intent = item.get("intent", NONE)
    listed = intent.get("L", [intent])
    return next((each["B"] for each in listed if "B" in each), None)


def _deflated(text: str) -> str:
    packer = zlib.compressobj(FASTEST, zlib.DEFLATED, WINDOW, MEMORY)
    return b64encode(packer.compress(text.encode()) + packer.flush()).decode()


def _inflated(deflated: str) -> bytes:
    return zlib.decompress(b64decode(deflated))
