"""Get Updated and Get Deleted. Sources: REST guide, "sObject Get Updated", "… Get Deleted"."""

from datetime import datetime, timedelta

from local.salesforce.calls import Answer, Call
from local.salesforce.errors import Refusal
from local.salesforce.org import Org
from local.salesforce.values import moment, stamp

UPDATED_REACH = timedelta(days=30)
DELETED_REACH = timedelta(days=15)
LEAST_SPAN = timedelta(minutes=1)


def updated(org: Org, call: Call, name: str) -> Answer:
    sobject = org.sobject(name)
    start, end = _span(org, call, UPDATED_REACH)
    found = org.store.select(
        f'SELECT Id FROM "{sobject.name}" WHERE IsDeleted = 0 AND visible(Id) '
        "AND SystemModstamp >= ? AND SystemModstamp < ? ORDER BY Id",
        [stamp(start), stamp(end)],
    )
    return Answer(200, {"ids": [row[0] for row in found], "latestDateCovered": stamp(end)})


def deleted(org: Org, call: Call, name: str) -> Answer:
    sobject = org.sobject(name)
    start, end = _span(org, call, DELETED_REACH)
    if org.rules.log_begins and start < org.rules.log_begins:
        raise _no_such_span("start date before the earliest date of the deletion log")
    gone = [
        {"id": identifier, "deletedDate": stamp(when)}
        for object_name, identifier, when in org.records.deletions
        if object_name == sobject.name and start <= when < end and _gone(org, name, identifier)
    ]
    earliest = org.rules.log_begins or org.clock() - DELETED_REACH
    return Answer(
        200,
        {
            "deletedRecords": gone,
            "earliestDateAvailable": stamp(earliest),
            "latestDateCovered": stamp(end),
        },
    )


def _gone(org: Org, name: str, identifier: str) -> bool:
    row = org.store.get(org.sobject(name).name, identifier)
    return identifier not in org.rules.hidden and (row is None or bool(row["IsDeleted"]))


def _span(org: Org, call: Call, reach: timedelta) -> tuple[datetime, datetime]:
    """Start and end, whose seconds are ignored."""
    try:
        start, end = (
            moment(call.query[name]).replace(second=0, microsecond=0)
            for name in ("start", "end")
        )
    except (KeyError, ValueError):
        raise Refusal("INVALID_FIELD", "start and end must be valid dateTimes") from None
    if end - start < LEAST_SPAN:
        raise _no_such_span("end date must be more than one minute after start date")
    if start < org.clock() - reach:
        raise _no_such_span(f"start date may not be more than {reach.days} days ago")
    return start, end


def _no_such_span(message: str) -> Refusal:
    return Refusal("INVALID_REPLICATION_DATE", message)
