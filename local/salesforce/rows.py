"""sObject rows: create, read, update, delete, upsert by external id.

Sources: REST guide, "sObject Rows", "sObject Rows by External ID", "Conditional Requests".
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from local.salesforce.calls import Answer, Call
from local.salesforce.errors import Refusal, no_such_column, not_found
from local.salesforce.org import Org
from local.salesforce.results import Answers
from local.salesforce.schema import Field, SObject
from local.salesforce.statements import Comparison, Literal, Select
from local.salesforce.store import Row
from local.salesforce.values import moment


def create(org: Org, call: Call, name: str) -> Answer:
    sobject = org.sobject(name)
    identifier = org.records.create(sobject.name, call.json(), call.actor)
    return _created(call, sobject, identifier, {})


def read(org: Org, call: Call, name: str, identifier: str) -> Answer:
    sobject = org.sobject(name)
    row = org.records.living(sobject.name, identifier, call.actor)
    if _unchanged_since(call, "if-modified-since", row):
        return Answer(304)
    return Answer(200, shown(org, call, sobject, row["Id"]))


def read_by(org: Org, call: Call, name: str, field: str, value: str) -> Answer:
    sobject = org.sobject(name)
    matches = _matches(org, sobject, _external(org, sobject, field), value)
    if not matches:
        raise not_found()
    if len(matches) > 1:
        return _choices(call, sobject, matches)
    return Answer(200, shown(org, call, sobject, matches[0]["Id"]))


def update(org: Org, call: Call, name: str, identifier: str) -> Answer:
    sobject = org.sobject(name)
    row = org.records.living(sobject.name, identifier, call.actor)
    if "if-unmodified-since" in call.headers and not _unchanged_since(
        call, "if-unmodified-since", row
    ):
        raise Refusal("PRECONDITION_FAILED", "The record was modified after the given date")
    org.records.update(sobject.name, row["Id"], call.json(), call.actor)
    return Answer(204)


def delete(org: Org, call: Call, name: str, identifier: str) -> Answer:
    org.records.delete(org.sobject(name).name, identifier, call.actor)
    return Answer(204)


def upsert(org: Org, call: Call, name: str, field: str, value: str) -> Answer:
    """201 where it created, 200 where it updated, 300 where several rows match."""
    sobject = org.sobject(name)
    external = _external(org, sobject, field)
    body = call.json()
    _without_key(sobject, external, body)
    matches = _matches(org, sobject, external, value)
    if len(matches) > 1:
        return _choices(call, sobject, matches)
    if matches:
        org.records.update(sobject.name, matches[0]["Id"], body, call.actor)
        done = {"id": matches[0]["Id"], "success": True, "errors": [], "created": False}
        return Answer(200, done)
    if call.flag("updateOnly") or external.name == "Id":
        raise not_found()
    identifier = org.records.create(sobject.name, body | {external.name: value}, call.actor)
    return _created(call, sobject, identifier, {"created": True})


def create_by(org: Org, call: Call, name: str, field: str, value: str) -> Answer:
    """A new row with that key; DUPLICATE_VALUE if it must be unique and is taken."""
    sobject = org.sobject(name)
    external = _external(org, sobject, field)
    body = call.json()
    _without_key(sobject, external, body)
    identifier = org.records.create(sobject.name, body | {external.name: value}, call.actor)
    return _created(call, sobject, identifier, {"created": True})


def delete_by(org: Org, call: Call, name: str, field: str, value: str) -> Answer:
    sobject = org.sobject(name)
    matches = _matches(org, sobject, _external(org, sobject, field), value)
    if not matches:
        raise not_found()
    if len(matches) > 1:
        return _choices(call, sobject, matches)
    org.records.delete(sobject.name, matches[0]["Id"], call.actor)
    return Answer(204)


def _without_key(sobject: SObject, external: Field, body: dict[str, Any]) -> None:
    if any(sobject.field(each) is external for each in body):
        raise Refusal(
            "INVALID_FIELD",
            f"The {external.name} field should not be specified in the sobject data.",
        )


def find_external(org: Org, name: str, field: str, value: str) -> list[Row]:
    sobject = org.sobject(name)
    return _matches(org, sobject, _external(org, sobject, field), value)


def _created(call: Call, sobject: SObject, identifier: str, more: dict[str, Any]) -> Answer:
    location = f"/services/data/{call.version}/sobjects/{sobject.name}/{identifier}"
    body = {"id": identifier, "success": True, "errors": []} | more
    return Answer(201, body, {"Location": location})


def _choices(call: Call, sobject: SObject, matches: list[Row]) -> Answer:
    base = f"/services/data/{call.version}/sobjects/{sobject.name}"
    return Answer(300, [f"{base}/{row['Id']}" for row in matches])


def _external(org: Org, sobject: SObject, name: str) -> Field:
    field = sobject.field(name)
    hidden = field and f"{sobject.name}.{field.name}" in org.rules.no_access
    if field is None or hidden or not (field.external_id or field.name == "Id"):
        raise Refusal(
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {name}",
        )
    return field


def _matches(org: Org, sobject: SObject, field: Field, value: str) -> list[Row]:
    found = org.store.find(sobject.name, **{field.name: value})
    return [row for row in found if not row["IsDeleted"] and row["Id"] not in org.rules.hidden]


def shown(org: Org, call: Call, sobject: SObject, identifier: str) -> dict[str, Any]:
    view = org.view()
    names = [each for each in sobject.fields if view.field(sobject, each)]
    if "fields" in call.query:
        names = [each.strip() for each in call.query["fields"].split(",")]
        for each in names:
            if "." not in each and view.field(sobject, each) is None:
                raise no_such_column(sobject.name, each)
    where = Comparison("Id", "=", Literal("string", identifier))
    select = Select(tuple(names), False, sobject.name, where, (), None, 0)
    return Answers(org.store, view, call.version).rows(select, every=True)[0]


def _unchanged_since(call: Call, header: str, row: Row) -> bool:
    try:
        since = parsedate_to_datetime(call.headers[header])
    except (KeyError, ValueError):
        return False
    modified = moment(row["LastModifiedDate"])
    return modified <= (since if since.tzinfo else _utc(since))


def _utc(naive: datetime) -> datetime:
    return naive.replace(tzinfo=UTC)
