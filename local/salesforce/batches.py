"""sObject Collections: up to 200 records in one call, each with its own outcome.

Source: REST guide, "sObject Collections". The errors of an item say statusCode.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from local.salesforce.calls import Answer, Call
from local.salesforce.errors import Refusal
from local.salesforce.org import Org
from local.salesforce.rows import find_external, shown
from local.salesforce.schema import SObject

MOST = 200
MOST_READ = 2000
MOST_CHUNKS = 10
Item = dict[str, Any]
Work = Callable[[Item], Item]
ROLLED_BACK = Refusal(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using "
    "AllOrNone header",
)


def retrieve(org: Org, call: Call, name: str) -> Answer:
    """Rows by their ids, and null for each that is not there, is deleted or not shared."""
    body = call.json() if call.method == "POST" else {}
    ids = body.get("ids") or [each for each in call.query.get("ids", "").split(",") if each]
    fields = body.get("fields") or [call.query.get("fields", "")]
    if not ids or not any(fields):
        raise Refusal("MISSING_ARGUMENT", "ids and fields must be specified")
    if len(ids) > MOST_READ:
        raise Refusal("EXCEEDED_ID_LIMIT", f"record limit reached: {MOST_READ}")
    asked = replace(call, query={"fields": ",".join(fields)})
    sobject = org.sobject(name)
    return Answer(200, [_row_or_null(org, asked, sobject, each) for each in ids])


def _row_or_null(org: Org, call: Call, sobject: SObject, identifier: str) -> Item | None:
    try:
        row = org.records.living(sobject.name, identifier, call.actor)
    except Refusal:
        return None
    return shown(org, call, sobject, row["Id"])


def create(org: Org, call: Call) -> Answer:
    def work(record: Item) -> Item:
        name = org.sobject(_type_of(record)).name
        return _done(org.records.create(name, record, call.actor))

    return _each(org, call, _records(call), work)


def update(org: Org, call: Call) -> Answer:
    def work(record: Item) -> Item:
        name = org.sobject(_type_of(record)).name
        fields = {key: value for key, value in record.items() if key.casefold() != "id"}
        identifier = next((record[key] for key in record if key.casefold() == "id"), None)
        if identifier is None:
            raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call")
        row = org.records.living(name, str(identifier), call.actor)
        org.records.update(name, row["Id"], fields, call.actor)
        return _done(row["Id"])

    return _each(org, call, _records(call), work)


def delete(org: Org, call: Call) -> Answer:
    def work(record: Item) -> Item:
        prefixes = {each.prefix: each.name for each in org.objects.values()}
        name = prefixes.get(record["id"][:3])
        if name is None:
            raise Refusal("MALFORMED_ID", f"malformed id {record['id']}")
        org.records.delete(name, record["id"], call.actor)
        return _done(record["id"])

    identifiers = [each for each in call.query.get("ids", "").split(",") if each]
    return _each(org, call, [{"id": each} for each in identifiers], work)


def upsert(org: Org, call: Call, name: str, field: str) -> Answer:
    def work(record: Item) -> Item:
        value = next(
            (record[key] for key in record if key.casefold() == field.casefold()), None
        )
        if value is None:
            raise Refusal("MISSING_ARGUMENT", f"{field} not specified")
        matches = find_external(org, name, field, str(value))
        if len(matches) > 1:
            raise Refusal("DUPLICATE_EXTERNAL_ID", f"{field}: more than one record found")
        if not matches:
            created = org.records.create(org.sobject(name).name, record, call.actor)
            return _done(created) | {"created": True}
        org.records.update(org.sobject(name).name, matches[0]["Id"], record, call.actor)
        return _done(matches[0]["Id"]) | {"created": False}

    return _each(org, call, _records(call), work)


def _each(org: Org, call: Call, records: list[Item], work: Work) -> Answer:
    """With allOrNone, one refusal undoes all; without it, the others stand."""
    together = call.flag("allOrNone") if call.method == "DELETE" else _all_or_none(call)
    outcomes: list[Item] = []
    try:
        with org.records.all_or_nothing():
            for record in records:
                outcomes.append(_outcome(org, call, record, work))
            if together and not all(each["success"] for each in outcomes):
                raise ROLLED_BACK
    except Refusal as refusal:
        undone = {"success": False, "errors": [refusal.as_item()]}
        outcomes = [undone if each["success"] else each for each in outcomes]
    return Answer(200, outcomes)


def _outcome(org: Org, call: Call, record: Item, work: Work) -> Item:
    try:
        _faulty(org, call, record)
        with org.records.all_or_nothing():
            return work(record)
    except Refusal as refusal:
        return {"success": False, "errors": [refusal.as_item()]}


def _faulty(org: Org, call: Call, record: Item) -> None:
    """A fault may fit one record as it fits a call of its own: by an errorCode alone."""
    identifier = next((record[key] for key in record if key.casefold() == "id"), "")
    path = f"sobjects/{record.get('attributes', {}).get('type', '')}/{identifier}"
    fault = org.faults.take(call.method, path.rstrip("/"), json.dumps(record), refusals=True)
    if fault:
        raise Refusal(fault["errorCode"], fault.get("message", "injected fault"))


def _all_or_none(call: Call) -> bool:
    return bool(call.json().get("allOrNone", False))


def _records(call: Call) -> list[Item]:
    records = call.json().get("records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise Refusal("JSON_PARSER_ERROR", "records must be an array of objects")
    if len(records) > MOST:
        raise Refusal(
            "EXCEEDED_MAX_RECORDS",
            f"record limit reached. cannot submit more than {MOST} records into this call",
        )
    types = [each.get("attributes", {}).get("type") for each in records]
    chunks = 1 + sum(one != other for one, other in pairwise(types))
    if chunks > MOST_CHUNKS:
        raise Refusal("LIMIT_EXCEEDED", f"cannot have more than {MOST_CHUNKS} chunks per call")
    return records


def _type_of(record: Item) -> str:
    name = record.get("attributes", {}).get("type")
    if not name:
        raise Refusal("INVALID_INPUT", "attributes.type is missing")
    return str(name)


def _done(identifier: str) -> Item:
    return {"id": identifier, "success": True, "errors": []}
