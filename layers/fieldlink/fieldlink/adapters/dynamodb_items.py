"""How a record lies in the state table: its keys, its version, perhaps a time to live, and the
record itself as one JSON document.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from fieldlink.adapters.dynamodb_keys import KEYS
from fieldlink.records import Anchor, Record, Row

if TYPE_CHECKING:
    from fieldlink.records import Intent

Item = dict[str, dict[str, Any]]

APART = {"version", "ttl", "fingerprint"}  # of a record; they have attributes of their own
# Stands in the document of an anchor whose intent lies beside it. A version of this bundle that
# does not look there takes it for that of a worker who is still at it, and waits.
NEVER = "9999-12-31T00:00:00Z"
_FACT = {"kind": "arrived", "key": "", "at": NEVER}
SOMEBODY = {"delivered": {"fact": _FACT, "delivery": "", "received_at": NEVER}, "since": NEVER}
NONE: dict[str, Any] = {"NULL": True}


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
    stored = json.loads(item["body"]["S"])
    if beside := _beside(item):
        stored["intent"] = json.loads(zlib.decompress(b64decode(beside)))
    ttl = int(item["ttl"]["N"]) if "ttl" in item else None
    apart = {"fingerprint": item["fingerprint"]["S"]} if "fingerprint" in item else {}
    version = int(item["version"]["N"])
    return kind.model_validate({**stored, **apart, "version": version, "ttl": ttl})


def _plain(record: Record) -> Item:
    return {"body": {"S": record.model_dump_json(exclude=APART)}}


def _anchor(record: Anchor) -> Item:
    """Of every fact two anchors are written twice, and each kilobyte is paid for. So what they
    need not say they do not, which halves them; and an intent, as large as all the rest, lies
    beside the document, deflated to two fifths.
    """
    body = record.model_dump_json(exclude={*APART, "intent"}, exclude_defaults=True)
    if record.intent is None:
        return {"body": {"S": body}, "intent": NONE}
    told = body.removesuffix("}") + f',"intent":{json.dumps(SOMEBODY)}}}'
    return {"body": {"S": told}, "intent": _deflated(record.intent)}


def _beside(item: Item) -> str | None:
    intent = item.get("intent", NONE)
    listed = intent.get("L", [intent])
    return next((each["B"] for each in listed if "B" in each), None)


def _deflated(intent: Intent) -> dict[str, Any]:
    """One of several facts is listed: the first version that deflated intents would finish the
    first fact alone, and does not look into a list.
    """
    text = intent.model_dump_json(exclude_defaults=True)
    deflated = {"B": b64encode(zlib.compress(text.encode())).decode()}
    return {"L": [deflated]} if intent.others else deflated
