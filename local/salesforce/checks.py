"""What the platform checks before it saves a row, in its order and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.salesforce.activities import derive_event
from local.salesforce.errors import Refusal, deleted, no_such_column, read_only
from local.salesforce.ids import normal
from local.salesforce.values import kept, moment

if TYPE_CHECKING:
    from local.salesforce.records import Actor, Records
    from local.salesforce.rules import Rules
    from local.salesforce.schema import Field, SObject
    from local.salesforce.store import Row, Store


def accepted(
    rules: Rules, sobject: SObject, fields: dict[str, Any], actor: Actor, *, creating: bool
) -> Row:
    """The fields of a request body by their canonical names, as the row keeps them."""
    from_api = actor.source == "api"
    if from_api:
        _may_write(rules, sobject, creating=creating)
    fields = {name: value for name, value in fields.items() if name != "attributes"}
    named = {_named(rules, sobject, name, from_api): value for name, value in fields.items()}
    letter = "C" if creating else "U"
    closed = [
        name
        for name in named
        if letter not in sobject.fields[name].access
        or (from_api and f"{sobject.name}.{name}" in rules.read_only)
    ]
    if closed:
        raise read_only(closed)
    return {name: _valued(value, sobject.fields[name]) for name, value in named.items()}


def _may_write(rules: Rules, sobject: SObject, *, creating: bool) -> None:
    allowed = sobject.createable if creating else sobject.updateable
    if allowed and sobject.name not in rules.read_only:
        return
    if creating:
        raise Refusal(
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            f"entity type cannot be inserted: {sobject.label}",
        )
    raise Refusal("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")


def may_delete(rules: Rules, name: str, row: Row, actor: Actor) -> None:
    if actor.source == "api" and name in rules.read_only:
        raise Refusal(
            "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
        )
    unlocked(rules, row)


def unlocked(rules: Rules, row: Row) -> None:
    """An approval locks a row, and an entry together with its time sheet."""
    if {row["Id"], row.get("TimeSheetId")} & rules.locked:
        raise Refusal("ENTITY_IS_LOCKED", "the entity is locked for editing")


def complete(sobject: SObject, row: Row) -> None:
    missing = [
        each.name
        for each in sobject.fields.values()
        if each.required and row.get(each.name) is None
    ]
    if missing:
        raise Refusal(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(missing)}]",
            missing,
        )


def referred(records: Records, sobject: SObject, changes: Row, actor: Actor) -> None:
    """Every reference that is set must name a living row of a right object."""
    for name, value in changes.items():
        field = sobject.fields[name]
        if field.type == "reference" and value is not None:
            _target(records, field, value, actor)


def _target(records: Records, field: Field, value: str, actor: Actor) -> None:
    known = {each.prefix: each.name for each in records.objects.values()}
    name = known.get(value[:3])
    if name is None and all(each in records.objects for each in field.refers):
        raise _wrong_type(field, value)
    if name is None:
        return
    if name not in field.refers:
        raise _wrong_type(field, value)
    row = records.store.get(name, value)
    if row is None or (actor.source == "api" and value in records.rules.hidden):
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if row["IsDeleted"]:
        raise deleted()
    if field.cascade and field.name == "TimeSheetId":
        unlocked(records.rules, row)


def _wrong_type(field: Field, value: str) -> Refusal:
    return Refusal(
        "MALFORMED_ID", f"{field.name}: id value of incorrect type: {value}", [field.name]
    )


def refusals(rules: Rules, name: str, row: Row, changes: Row) -> None:
    """The customer's own validation rules: data in `refuse`."""
    for rule in rules.refuse:
        field = rule.get("field")
        if rule["object"] != name or (field is not None and field not in changes):
            continue
        if "value" in rule and row.get(field or "") != rule["value"]:
            continue
        raise Refusal(
            rule.get("errorCode", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
            rule.get("message", "refused by a validation rule"),
            [field] if field else [],
            rule.get("status"),
        )


def unique(store: Store, sobject: SObject, row: Row, changes: Row) -> None:
    for name, value in changes.items():
        if value is None or not sobject.fields[name].unique:
            continue
        for other in store.find(sobject.name, **{name: value}):
            if other["Id"] != row["Id"] and not other["IsDeleted"]:
                raise Refusal(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {name} duplicates value on record with id: "
                    f"{other['Id'][:15]}",
                )


def derive(records: Records, name: str, row: Row, old: Row | None) -> None:
    """The read-only fields that the platform computes, whoever writes."""
    if name == "ServiceAppointment":
        _appointment(records, row)
    elif name == "TimeSheetEntry":
        _entry(row)
    elif name == "Event":
        derive_event(row, old, multiday=records.rules.multiday_events)
    elif name == "User":
        row["Name"] = " ".join(filter(None, [row["FirstName"], row["LastName"]]))
    elif name == "Shift":
        row["StatusCategory"] = row["Status"]


def _appointment(records: Records, row: Row) -> None:
    found = records.store.find("ServiceAppointmentStatus", ApiName=row["Status"])
    row["StatusCategory"] = found[0]["StatusCode"] if found else None
    parent = {each.prefix: each.name for each in records.objects.values()}
    row["ParentRecordType"] = parent.get(row["ParentRecordId"][:3], "Account")
    minutes = 1 if row["DurationType"] == "Minutes" else 60
    row["DurationInMinutes"] = row["Duration"] and row["Duration"] * minutes


def _entry(row: Row) -> None:
    row["DurationInMinutes"] = None
    if row["StartTime"] and row["EndTime"]:
        length = moment(row["EndTime"]) - moment(row["StartTime"])
        if length.total_seconds() < 0:
            raise Refusal(
                "FIELD_INTEGRITY_EXCEPTION",
                "The end time must be later than the start time.",
                ["EndTime"],
            )
        row["DurationInMinutes"] = int(length.total_seconds() // 60)


def _named(rules: Rules, sobject: SObject, name: str, from_api: bool) -> str:
    field = sobject.field(name)
    hidden = from_api and field and f"{sobject.name}.{field.name}" in rules.no_access
    if field is None or hidden:
        raise no_such_column(sobject.name, name)
    return field.name


def _valued(value: Any, field: Field) -> Any:
    if field.type != "reference" or value in (None, ""):
        return kept(value, field)
    try:
        return normal(str(value))
    except Refusal:
        raise Refusal(
            "MALFORMED_ID", f"{field.name}: id value of incorrect type: {value}", [field.name]
        ) from None
